package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.kerbykv.bpf.NetworkNamespace;
import org.kerbykv.bpf.RequiresBPF;

/**
 * Debian's twemproxy (nutcracker) in front of two servers with kernel doors: one memcached for its
 * clients, while others go to the servers themselves by UDP.
 */
@RequiresBPF
class TwemproxyTest {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final int KEYS = 100;

  @TempDir private Path directory;

  @Test
  void twoServersAreOneThroughIt() throws Exception {
    Topology topology = Topology.Kind.VETH_GENERIC.open();
    // Closed in the reverse order: the clients' namespace last.
    try (ServerUnderTest first = ServerUnderTest.start(topology);
        ServerUnderTest second = ServerUnderTest.start(topology.withAnotherServer());
        Proxy proxy = new Proxy(directory, topology.client(), List.of(first, second));
        TcpClient client = new TcpClient(topology.client(), proxy.address)) {
      Map<String, byte[]> stored = new HashMap<>();
      for (int i = 0; i < KEYS; i++) {
        String key = key(i);
        stored.put(key, Requests.value(i % 4 == 0 ? 5000 : i * 10, i));
        assertThat(client.line(Requests.set(key, stored.get(key)))).isEqualTo("STORED");
      }
      readThrough(client, stored);
      long items = itemsOf(first) + itemsOf(second);
      assertThat(items).isEqualTo(KEYS);
      assertThat(itemsOf(first)).as("items of the first").isBetween(1L, KEYS - 1L);
      writeBehindItsBack(client, List.of(first.udp(), second.udp()), stored);
      commandsThatItKnows(client);
    }
  }

  /** Its hash hardly tells keys apart that differ in their last letters only. */
  private static String key(int i) {
    return Integer.toHexString(i * 0x9e37_79b9) + ":key";
  }

  private static void readThrough(TcpClient client, Map<String, byte[]> stored) {
    stored.forEach(
        (key, value) ->
            assertThat(client.values("get " + key + "\r\n"))
                .isEqualTo(Requests.hit(key, 0, value)));
    String all = stored.keySet().stream().sorted().collect(Collectors.joining(" "));
    String text =
        new String(client.values("get none " + all + "\r\n"), StandardCharsets.ISO_8859_1);
    assertThat(text).endsWith("END\r\n");
    stored.forEach(
        (key, value) ->
            assertThat(text)
                .contains(
                    "VALUE %s 0 %d\r\n".formatted(key, value.length)
                        + new String(value, StandardCharsets.ISO_8859_1)));
  }

  private static long itemsOf(ServerUnderTest server) {
    return server.figures().kernelItems() + server.figures().userItems();
  }

  /** Each key is one server's; what the kernel writes there comes through the proxy. */
  private static void writeBehindItsBack(
      TcpClient client, List<UdpClient> servers, Map<String, byte[]> stored) {
    int written = 0;
    for (String key : stored.keySet()) {
      List<UdpClient> owners =
          servers.stream()
              .filter(it -> !it.exchange("get " + key + "\r\n").equals("END\r\n"))
              .toList();
      assertThat(owners).as("servers with " + key).hasSize(1);
      byte[] value = Requests.bytes("by UDP " + written++);
      owners.getFirst().exchange(Requests.set(key, value));
      assertThat(client.values("get " + key + "\r\n")).isEqualTo(Requests.hit(key, 0, value));
    }
  }

  private static void commandsThatItKnows(TcpClient client) {
    assertThat(client.line("set key0 0 0 1\r\n0\r\n")).isEqualTo("STORED");
    assertThat(client.line("add key0 0 0 1\r\nx\r\n")).isEqualTo("NOT_STORED");
    assertThat(client.line("replace key0 0 0 2\r\n41\r\n")).isEqualTo("STORED");
    assertThat(client.line("incr key0 1\r\n")).isEqualTo("42");
    assertThat(client.line("decr key0 2\r\n")).isEqualTo("40");
    assertThat(client.line("append key0 0 0 1\r\n1\r\n")).isEqualTo("STORED");
    assertThat(client.line("prepend key0 0 0 1\r\n1\r\n")).isEqualTo("STORED");
    String gets = new String(client.values("gets key0\r\n"), StandardCharsets.ISO_8859_1);
    String version = gets.lines().findFirst().orElseThrow().split(" ", -1)[4];
    assertThat(gets).contains("\r\n1401\r\n");
    assertThat(client.line("cas key0 0 0 1 %s\r\nc\r\n".formatted(version))).isEqualTo("STORED");
    assertThat(client.line("cas key0 0 0 1 %s\r\nd\r\n".formatted(version))).isEqualTo("EXISTS");
    assertThat(client.line("touch key0 1000\r\n")).isEqualTo("TOUCHED");
    assertThat(client.line("delete key0\r\n")).isEqualTo("DELETED");
    assertThat(client.line("get key0\r\n")).isEqualTo("END");
  }

  /** A nutcracker in the clients' namespace, where nobody else has its ports. */
  private static final class Proxy implements AutoCloseable {
    private static final int PORT = 22121;

    private final InetSocketAddress address =
        new InetSocketAddress(InetAddress.getLoopbackAddress(), PORT);
    private final Process process;

    Proxy(Path directory, NetworkNamespace namespace, List<ServerUnderTest> servers)
        throws IOException {
      Path configuration = directory.resolve("nutcracker.yml");
      String lines =
          servers.stream()
              .map(ServerUnderTest::address)
              .map(it -> "   - %s:%d:1%n".formatted(it.getAddress().getHostAddress(), it.getPort()))
              .collect(Collectors.joining());
      // As its own README has it, but for the addresses.
      Files.writeString(
          configuration,
          """
          kerby:
            listen: 127.0.0.1:%d
            hash: fnv1a_64
            distribution: ketama
            timeout: 10000
            servers:
          %s"""
              .formatted(PORT, lines));
      process =
          new ProcessBuilder(
                  namespace.command(
                      "nutcracker",
                      "-c",
                      configuration.toString(),
                      "-a",
                      "127.0.0.1",
                      "-o",
                      directory.resolve("nutcracker.log").toString(),
                      "-p",
                      directory.resolve("nutcracker.pid").toString()))
              .redirectErrorStream(true)
              .redirectOutput(directory.resolve("nutcracker.out").toFile())
              .start();
      await().atMost(SOON).until(() -> namespace.call(this::accepts));
    }

    private boolean accepts() {
      if (!process.isAlive()) {
        throw new AssertionError("nutcracker ended with " + process.exitValue());
      }
      try (Socket socket = new Socket(address.getAddress(), PORT)) {
        return socket.isConnected();
      } catch (java.net.ConnectException e) {
        return false;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void close() {
      Commands.end(process);
    }
  }
}
