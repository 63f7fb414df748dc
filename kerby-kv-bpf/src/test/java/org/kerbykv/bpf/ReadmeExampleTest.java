package org.kerbykv.bpf;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The example of README.md: that it stands there as it is here, and that it works. */
@RequiresBPF
class ReadmeExampleTest {
  private static final Path MODULE = Path.of(System.getProperty("basedir", "."));

  // example
  /** Counts, for a while, the packets that come in on an interface, by IP protocol. */
  static long udpPackets(String interfaceName, Runnable meanwhile) {
    try (BPFProgram program =
            BPFLoader.open(ReadmeExampleTest.class, "example.bpf.o")
                .mapMaxEntries("packets_by_protocol", 16)
                .constant("verdict", 2) // XDP_PASS
                .load();
        BPFLink link = program.xdpAttach("count", NetDevice.index(interfaceName), XdpMode.AUTO)) {
      System.out.println("counting in " + link.xdpMode().orElseThrow() + " mode");
      meanwhile.run();
      BPFHashMap<Integer, Long> packets =
          program.getHashMap("packets_by_protocol", BPFType.INT32, BPFType.INT64);
      packets.forEach((protocol, count) -> System.out.println(protocol + ": " + count));
      Long udp = packets.get(17);
      return udp == null ? 0 : udp;
    } catch (BPFException e) { // "attach program count to interface eth9 in ...: EBUSY (...): ..."
      throw new IllegalStateException("cannot count packets", e);
    }
  }

  // end

  @Test
  void exampleCounts() {
    try (NetworkNamespace namespace = NetworkNamespace.create("example")) {
      long counted = namespace.call(() -> udpPackets("lo", () -> sendDatagrams(5)));
      assertThat(counted).isEqualTo(5);
    }
  }

  @Test
  void readmeShowsThisExampleAndItsProgram() throws IOException {
    String readme = Files.readString(MODULE.resolve("README.md"));
    String source =
        Files.readString(MODULE.resolve("src/test/java/org/kerbykv/bpf/ReadmeExampleTest.java"));
    String example =
        source.substring(source.indexOf("  // example\n") + 13, source.indexOf("\n  // end"));
    assertThat(readme).contains("```java\n" + example.stripTrailing().stripIndent() + "\n```");

    String program = Files.readString(MODULE.resolve("src/test/bpf/example.bpf.c"));
    assertThat(readme).contains("```c\n" + program + "```");
  }

  private static void sendDatagrams(int count) {
    try (DatagramSocket socket = new DatagramSocket()) {
      byte[] bytes = "hello".getBytes(UTF_8);
      for (int i = 0; i < count; i++) {
        socket.send(new DatagramPacket(bytes, bytes.length, InetAddress.getLoopbackAddress(), 9));
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
