package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.kerbykv.bpf.NetworkNamespace;

/** The model that other tests take for memcached is right: Debian's memcached answers the same. */
@AddLifecycleHook(BPFRequired.class)
class MemcachedModelTest {
  private static NetworkNamespace namespace;
  private static Process memcached;
  private static UdpClient udp;
  private static int streams;

  @BeforeContainer
  static void start() throws IOException, InterruptedException {
    namespace = NetworkNamespace.create("memcached");
    memcached =
        new ProcessBuilder(
                namespace.command(
                    "memcached", "-u", "nobody", "-l", "127.0.0.1", "-U", "11211", "-t", "1"))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    udp = new UdpClient(namespace, new InetSocketAddress(InetAddress.getLoopbackAddress(), 11211));
    while (udp.exchange(Requests.bytes("version\r\n"), Duration.ofMillis(200)).isEmpty()) {
      assertThat(memcached.isAlive()).as("memcached runs").isTrue();
    }
  }

  @AfterContainer
  static void stop() {
    udp.close();
    Commands.end(memcached);
    namespace.close();
  }

  @Provide
  Arbitrary<List<Datagram>> streams() {
    return DatagramStreams.any();
  }

  @Property(tries = 400, edgeCases = EdgeCasesMode.NONE)
  void memcachedAnswersAsTheModel(@ForAll("streams") List<Datagram> stream) {
    MemcachedModel model = new MemcachedModel();
    DatagramExchange exchange = new DatagramExchange(udp);
    String prefix = "%05x:".formatted(streams++);
    for (Datagram any : stream) {
      Datagram datagram = any.withPrefix(prefix);
      MemcachedModel trial = model.copy();
      if (!trial.receive(datagram).asMemcached()) {
        continue;
      }
      StringBuilder expected = new StringBuilder();
      for (int i = 0; i < datagram.copies(); i++) {
        expected.append(model.receive(datagram).text());
      }
      String replies =
          exchange.send(datagram).stream()
              .map(UdpClient.Datagram::text)
              .collect(Collectors.joining());
      assertThat(MemcachedModel.maskCas(replies))
          .as("memcached's reply to%s", datagram)
          .isEqualTo(expected.toString());
    }
  }
}
