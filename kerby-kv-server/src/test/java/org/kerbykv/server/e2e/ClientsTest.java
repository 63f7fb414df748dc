package org.kerbykv.server.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import net.rubyeye.xmemcached.GetsResponse;
import net.rubyeye.xmemcached.MemcachedClient;
import net.rubyeye.xmemcached.XMemcachedClientBuilder;
import net.rubyeye.xmemcached.exception.MemcachedException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;

/**
 * Clients that others wrote, against a server whose kernel doors are open: those of Debian's
 * libmemcached-tools, and xmemcached with its own defaults.
 */
@RequiresBPF
class ClientsTest {
  private static final int KEY_COUNT = 1000;
  private static final Duration SOON = Duration.ofSeconds(20);

  private static ServerUnderTest server;
  private static UdpClient udp;
  private static TcpClient tcp;

  @BeforeAll
  static void start() {
    server = ServerUnderTest.start(Topology.Kind.VETH_NATIVE.open());
    udp = server.udp();
    tcp = server.tcp();
    udp.exchange("version\r\n");
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @BeforeEach
  void empty() {
    assertThat(tcp.line("flush_all\r\n")).isEqualTo("OK");
    await().atMost(SOON).until(() -> server.figures().kernelItems() == 0);
    await().atMost(SOON).until(() -> server.figures().userItems() == 0);
  }

  private static String address() {
    InetSocketAddress address = server.address();
    return address.getAddress().getHostAddress() + ":" + address.getPort();
  }

  private static List<String> inClientsNamespace(String... command) {
    return server.topology().client().command(command);
  }

  /** All that it tests of the ASCII protocol; it names each one. */
  @Test
  void memccapablePasses() {
    String report =
        Commands.run(
            inClientsNamespace(
                "memccapable",
                "-a",
                "-t",
                "20",
                "-h",
                server.topology().host(),
                "-p",
                Integer.toString(server.address().getPort())));
    List<String> tests = report.lines().filter(line -> line.startsWith("ascii ")).toList();
    assertThat(tests).hasSize(27).allMatch(line -> line.endsWith("[pass]"));
  }

  /**
   * libmemcached sends what it stores over UDP, values to 5000 bytes, and takes no reply; nor does
   * it wait, so that some may be lost on the way.
   */
  @Test
  void memcslapStoresOverUdp() {
    ServerUnderTest.Counts before = server.counts();
    Commands.run(
        inClientsNamespace("memcslap", "--udp", "-s", address(), "-t", "set", "-e", "200"));
    await()
        .atMost(SOON)
        .untilAsserted(
            () -> {
              List<String> counted = server.counts().since(before);
              long byKernel = count(counted, "xdp set stored");
              long byUserSpace = count(counted, "user set stored");
              assertThat(byKernel).isPositive();
              assertThat(byUserSpace).isPositive();
              assertThat(byKernel + byUserSpace).isBetween(150L, 200L);
              assertThat(server.figures().kernelItems() + server.figures().userItems())
                  .isBetween(150L, 200L);
            });
  }

  private static long count(List<String> counted, String name) {
    return counted.stream()
        .filter(line -> line.startsWith(name + " "))
        .mapToLong(line -> Long.parseLong(line.substring(name.length() + 1)))
        .sum();
  }

  @Test
  void memcslapStoresAndReadsOverTcp() {
    String report =
        Commands.run(
            inClientsNamespace(
                "memcslap", "-s", address(), "-t", "get", "-c", "2", "-e", "" + KEY_COUNT));
    assertThat(report).contains("Time to get", KEY_COUNT * 2 + " keys");
  }

  /** Every value that is read is compared; some expire. Overwriting fails with memcached too. */
  @Test
  void memcaslapFindsOverUdpWhatItStored() {
    for (String bytes : new String[] {"20", "200", "1000"}) {
      ServerUnderTest.Counts before = server.counts();
      String report =
          Commands.run(
              inClientsNamespace(
                  "memcaslap -U -s %s -T 1 -c 4 -x 2000 -v 1.0 -e 0.1 -X %s"
                      .formatted(address(), bytes)
                      .split(" ", -1)));
      assertThat(figure(report, "cmd_get")).isEqualTo(1800);
      assertThat(figure(report, "cmd_set")).isEqualTo(200);
      assertThat(figure(report, "verify_failed")).isZero();
      assertThat(figure(report, "verify_misses")).isZero();
      assertThat(figure(report, "get_misses")).isZero();
      assertThat(figure(report, "expired_get")).isZero();
      assertThat(figure(report, "udp_timeout")).isZero();
      List<String> counted = server.counts().since(before);
      long hits = 0;
      for (String path : List.of("xdp", "tc", "user")) {
        hits += count(counted, path + " get hit");
      }
      assertThat(hits).as("hits, values of %s bytes", bytes).isEqualTo(1800);
    }
  }

  private static long figure(String report, String name) {
    Matcher figure = Pattern.compile("(?m)^" + name + ": (\\d+)$").matcher(report);
    assertThat(figure.find()).as(name + " in " + report).isTrue();
    return Long.parseLong(figure.group(1));
  }

  @Test
  void xmemcachedAndUdpClientsSeeEachOthersValues() throws Exception {
    MemcachedClient xmemcached = xmemcached();
    try {
      for (int length : new int[] {0, 1, 100, 1000, 1365, 1500, 10_000, 100_000, 900_000}) {
        String key = "shared:" + length;
        String fromTcp = text(length, 1);
        assertThat(xmemcached.set(key, 0, fromTcp)).isTrue();
        if (length < 16_384) { // xmemcached compresses longer ones
          assertThat(udp.exchange(Requests.bytes("get " + key + "\r\n")))
              .as("xmemcached's value of %d bytes", length)
              .isEqualTo(Requests.hit(key, 0, Requests.bytes(fromTcp)));
        }
        assertThat(xmemcached.<String>get(key)).isEqualTo(fromTcp);
        // Every value in turn becomes one of the other tier, of the other client.
        String fromUdp = text(length < 1300 ? 30_000 : 20, 2);
        assertThat(udp.exchange(Requests.set(key, Requests.bytes(fromUdp))))
            .isEqualTo(Requests.bytes("STORED\r\n"));
        assertThat(xmemcached.<String>get(key)).isEqualTo(fromUdp);
        assertThat(udp.exchange("delete " + key + "\r\n")).isEqualTo("DELETED\r\n");
        assertThat(xmemcached.<String>get(key)).isNull();
      }
    } finally {
      xmemcached.shutdown();
    }
  }

  @Test
  void xmemcachedsOperationsWorkOnValuesOfTheKernel() throws Exception {
    MemcachedClient xmemcached = xmemcached();
    try {
      udp.exchange(Requests.set("k", Requests.bytes("middle")));
      assertThat(xmemcached.add("k", 0, "other")).isFalse();
      assertThat(xmemcached.append("k", ">")).isTrue();
      assertThat(xmemcached.prepend("k", "<")).isTrue();
      assertThat(udp.exchange("get k\r\n")).isEqualTo("VALUE k 0 8\r\n<middle>\r\nEND\r\n");

      udp.exchange(Requests.set("n", Requests.bytes("41")));
      assertThat(xmemcached.incr("n", 1)).isEqualTo(42);
      assertThat(xmemcached.decr("n", 50)).isZero();
      assertThat(udp.exchange("get n\r\n")).isEqualTo("VALUE n 0 2\r\n0 \r\nEND\r\n");
      udp.exchange(Requests.set("n", Requests.bytes("words")));
      assertThatThrownBy(() -> xmemcached.incr("n", 1)).isInstanceOf(MemcachedException.class);

      GetsResponse<String> seen = xmemcached.gets("k");
      udp.exchange(Requests.set("k", Requests.bytes("newer")));
      assertThat(xmemcached.cas("k", 0, "stale", seen.getCas())).isFalse();
      seen = xmemcached.gets("k");
      assertThat(xmemcached.cas("k", 0, "fresh", seen.getCas())).isTrue();
      assertThat(udp.exchange("get k\r\n")).isEqualTo("VALUE k 0 5\r\nfresh\r\nEND\r\n");

      assertThat(xmemcached.replace("k", 0, "replaced")).isTrue();
      assertThat(xmemcached.touch("k", 1000)).isTrue();
      assertThat(udp.exchange("get k\r\n")).isEqualTo("VALUE k 0 8\r\nreplaced\r\nEND\r\n");
      assertThat(xmemcached.delete("k")).isTrue();
      assertThat(udp.exchange("get k\r\n")).isEqualTo("END\r\n");
    } finally {
      xmemcached.shutdown();
    }
  }

  @Test
  void xmemcachedGetsManyKeysOfBothTiersAtOnce() throws Exception {
    MemcachedClient xmemcached = xmemcached();
    try {
      Map<String, String> stored = new HashMap<>();
      for (int i = 0; i < 100; i++) {
        String value = text(i % 3 == 0 ? 5000 : i * 10, i);
        stored.put("many:" + i, value);
        assertThat(udp.exchange(Requests.set("many:" + i, Requests.bytes(value))))
            .isEqualTo(Requests.bytes("STORED\r\n"));
      }
      Map<String, String> asked = new HashMap<>(stored);
      asked.put("many:none", "");
      assertThat(xmemcached.<String>get(asked.keySet())).isEqualTo(stored);
    } finally {
      xmemcached.shutdown();
    }
  }

  private static MemcachedClient xmemcached() {
    return server
        .topology()
        .client()
        .call(
            () -> {
              MemcachedClient client =
                  new XMemcachedClientBuilder(List.of(server.address())).build();
              client.setOpTimeout(20_000);
              return client;
            });
  }

  /** Text that does not compress much. */
  private static String text(int length, long seed) {
    byte[] bytes = Requests.value(length, seed);
    for (int i = 0; i < length; i++) {
      bytes[i] = (byte) ('!' + (bytes[i] & 0x3f));
    }
    return new String(bytes, ISO_8859_1);
  }
}
