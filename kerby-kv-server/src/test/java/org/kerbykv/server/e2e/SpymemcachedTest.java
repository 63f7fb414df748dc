package org.kerbykv.server.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import net.spy.memcached.CASResponse;
import net.spy.memcached.CASValue;
import net.spy.memcached.MemcachedClient;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;

/** spymemcached with its own defaults, on items that the kernel serves as well. */
@RequiresBPF
class SpymemcachedTest {
  private static ServerUnderTest server;
  private static UdpClient udp;
  private static MemcachedClient spymemcached;

  @BeforeAll
  static void start() {
    // Otherwise it tells on standard error of each connection.
    System.setProperty(
        "net.spy.log.LoggerImpl", net.spy.memcached.compat.log.SLF4JLogger.class.getName());
    server = ServerUnderTest.start(Topology.Kind.VETH_NATIVE.open());
    udp = server.udp();
    spymemcached = server.topology().client().call(() -> new MemcachedClient(server.address()));
  }

  @AfterAll
  static void stop() {
    try {
      spymemcached.shutdown(10, TimeUnit.SECONDS);
    } finally {
      server.close();
    }
  }

  @Test
  void itAndUdpClientsSeeEachOthersValues() throws Exception {
    for (int length : new int[] {0, 1, 100, 1000, 1365, 1500, 10_000, 100_000, 900_000}) {
      String key = "spy:" + length;
      String fromTcp = text(length, 1);
      assertThat(spymemcached.set(key, 0, fromTcp).get()).isTrue();
      if (length < 16_384) { // it compresses longer ones
        assertThat(udp.exchange(Requests.bytes("get " + key + "\r\n")))
            .as("its value of %d bytes", length)
            .isEqualTo(Requests.hit(key, 0, Requests.bytes(fromTcp)));
      }
      assertThat(spymemcached.get(key)).isEqualTo(fromTcp);
      String fromUdp = text(length < 1300 ? 30_000 : 20, 2);
      assertThat(udp.exchange(Requests.set(key, Requests.bytes(fromUdp))))
          .isEqualTo(Requests.bytes("STORED\r\n"));
      assertThat(spymemcached.get(key)).isEqualTo(fromUdp);
      assertThat(spymemcached.delete(key).get()).isTrue();
      assertThat(udp.exchange("get " + key + "\r\n")).isEqualTo("END\r\n");
      assertThat(spymemcached.delete(key).get()).isFalse();
    }
  }

  @Test
  void itsOperationsWorkOnValuesOfTheKernel() throws Exception {
    udp.exchange(Requests.set("k", Requests.bytes("middle")));
    assertThat(spymemcached.add("k", 0, "other").get()).isFalse();
    assertThat(spymemcached.append("k", ">").get()).isTrue();
    assertThat(spymemcached.prepend("k", "<").get()).isTrue();
    assertThat(udp.exchange("get k\r\n")).isEqualTo("VALUE k 0 8\r\n<middle>\r\nEND\r\n");
    assertThat(spymemcached.replace("k", 0, "replaced").get()).isTrue();
    assertThat(udp.exchange("get k\r\n")).isEqualTo("VALUE k 0 8\r\nreplaced\r\nEND\r\n");
    assertThat(spymemcached.replace("none", 0, "x").get()).isFalse();

    udp.exchange(Requests.set("n", Requests.bytes("41")));
    assertThat(spymemcached.incr("n", 1)).isEqualTo(42);
    assertThat(spymemcached.decr("n", 50)).isZero();
    assertThat(spymemcached.incr("started", 5, 100)).isEqualTo(100);
    assertThat(udp.exchange("get started\r\n")).isEqualTo("VALUE started 0 3\r\n100\r\nEND\r\n");
  }

  @Test
  void itsCasSeesWhatTheKernelWrites() {
    udp.exchange(Requests.set("c", Requests.bytes("first")));
    CASValue<Object> seen = spymemcached.gets("c");
    assertThat(seen.getValue()).isEqualTo("first");
    udp.exchange(Requests.set("c", Requests.bytes("newer")));
    assertThat(spymemcached.cas("c", seen.getCas(), "stale")).isEqualTo(CASResponse.EXISTS);
    assertThat(spymemcached.cas("c", spymemcached.gets("c").getCas(), "fresh"))
        .isEqualTo(CASResponse.OK);
    assertThat(spymemcached.cas("none", 1, "x")).isEqualTo(CASResponse.NOT_FOUND);
    assertThat(udp.exchange("get c\r\n")).isEqualTo("VALUE c 0 5\r\nfresh\r\nEND\r\n");
  }

  @Test
  void itsTouchesAndObjectsOfOtherTypes() throws Exception {
    assertThat(spymemcached.set("t", 1000, 12_345_678_901L).get()).isTrue();
    assertThat(spymemcached.touch("t", 2000).get()).isTrue();
    assertThat(spymemcached.touch("none", 2000).get()).isFalse();
    assertThat(spymemcached.get("t")).isEqualTo(12_345_678_901L);
    assertThat(udp.exchange("touch t -1\r\n")).isEqualTo("TOUCHED\r\n");
    assertThat(spymemcached.get("t")).isNull();
  }

  @Test
  void itGetsManyKeysOfBothTiersAtOnce() throws Exception {
    Map<String, Object> stored = new HashMap<>();
    for (int i = 0; i < 200; i++) {
      String value = text(i % 3 == 0 ? 5000 : i * 5, i);
      stored.put("many:" + i, value);
      assertThat(udp.exchange(Requests.set("many:" + i, Requests.bytes(value))))
          .isEqualTo(Requests.bytes("STORED\r\n"));
    }
    Map<String, Object> asked = new HashMap<>(stored);
    asked.put("many:none", "");
    assertThat(spymemcached.getBulk(asked.keySet())).isEqualTo(stored);
    assertThat(spymemcached.getStats().values())
        .singleElement()
        .satisfies(stats -> assertThat(stats).containsKeys("curr_items", "get_hits"));
    assertThat(spymemcached.flush().get()).isTrue();
    assertThat(spymemcached.getBulk(asked.keySet())).isEmpty();
    assertThat(udp.exchange("get many:1\r\n")).isEqualTo("END\r\n");
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
