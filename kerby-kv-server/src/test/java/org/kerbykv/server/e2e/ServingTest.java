package org.kerbykv.server.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;
import org.kerbykv.bpf.RequiresBPF;

/**
 * A client in one namespace and a server in another (or both on one loopback): what it stores it
 * gets back, over UDP and TCP, whichever door took it and whichever tier keeps it; and each door
 * answers what it should: XDP what fits the room that a frame has, TC the rest that fits a
 * datagram, user space only what does not.
 */
@RequiresBPF
@ParameterizedClass
@EnumSource
class ServingTest {
  @Parameter private Topology.Kind kind;

  private static final String KEY = "e2e:key";
  private static final Duration SOON = Duration.ofSeconds(20);

  /** The UDP payload of a hit beside key, flags 0, and value, whose length has four digits. */
  private static final int REPLY_BYTES = UdpClient.HEADER + "VALUE  0 1234\r\n\r\nEND\r\n".length();

  /** The longest value whose reply fits a datagram, and so the longest that the kernel keeps. */
  private static final int KERNEL_VALUE_MAX =
      ServerUnderTest.DATAGRAM_MAX - REPLY_BYTES - KEY.length();

  /** By how much a frame of a local socket can at least grow in XDP. */
  private static final int ROOM_MIN = 32;

  private static ServerUnderTest server;
  private static UdpClient udp;
  private static TcpClient tcp;

  @BeforeParameterizedClassInvocation
  static void start(Topology.Kind kind) {
    server = ServerUnderTest.start(kind.open());
    udp = server.udp();
    tcp = server.tcp();
    // User space's first requests wait for classes to be loaded.
    udp.exchange("version\r\n");
    tcp.line("version\r\n");
  }

  @AfterParameterizedClassInvocation
  static void stop() {
    server.close();
  }

  @BeforeEach
  void empty() {
    udp.exchange("delete " + KEY + "\r\n");
  }

  @Test
  void servesInTheModeAskedFor() {
    assertThat(server.readyLine())
        .endsWith(" xdp " + server.topology().xdp().name().toLowerCase(Locale.ROOT));
    assertThat(server.topology().kind()).isEqualTo(kind);
    assertThat(udp.exchange("version\r\n")).startsWith("VERSION 1.6.18");
    assertThat(tcp.line("version\r\n")).startsWith("VERSION 1.6.18");
  }

  @Test
  void storesAndReturnsValuesOfEveryLength() {
    int[] lengths = {
      0,
      1,
      2,
      7,
      8,
      9,
      60,
      100,
      190,
      191,
      192,
      193,
      384,
      385,
      500,
      1000,
      1024,
      KERNEL_VALUE_MAX - 1,
      KERNEL_VALUE_MAX,
      KERNEL_VALUE_MAX + 1,
      1400,
      1401,
      1500,
      2800,
      5000,
      20_000,
      60_000,
      100_000,
      500_000,
      1_000_000
    };
    for (int length : lengths) {
      byte[] value = Requests.value(length, length);
      store(value);
      byte[] hit = Requests.hit(KEY, 4_000_000_000L, value);
      assertThat(udp.exchange(get())).as("value of %d bytes over UDP", length).isEqualTo(hit);
      assertThat(tcp.values("get " + KEY + "\r\n"))
          .as("value of %d bytes over TCP", length)
          .isEqualTo(hit);
    }
    assertThat(udp.exchange("delete " + KEY + "\r\n")).isEqualTo("DELETED\r\n");
    assertThat(udp.exchange(get())).isEqualTo(Requests.bytes("END\r\n"));
  }

  private void store(byte[] value) {
    byte[] request = Requests.set(KEY, 4_000_000_000L, 0, value);
    if (request.length <= UdpClient.TEXT_MAX) {
      assertThat(udp.exchange(request)).isEqualTo(Requests.bytes("STORED\r\n"));
    } else {
      assertThat(tcp.line(request)).isEqualTo("STORED");
    }
  }

  @Test
  void setsAreXdpsWhenTheirReplyToAGetFitsADatagram() {
    for (int length : new int[] {0, 1, 200, 1000, KERNEL_VALUE_MAX}) {
      assertThat(countedBy(Requests.set(KEY, new byte[length])))
          .as("set of %d bytes", length)
          .containsExactly("xdp set stored 1");
    }
  }

  @Test
  void setsThatNoDatagramCouldAnswerAreUserSpaces() {
    // The whole request is one frame: both kernel doors see it and pass it on.
    assertThat(countedBy(Requests.set(KEY, new byte[KERNEL_VALUE_MAX + 1])))
        .containsExactly("tc set passed 1", "user set stored 1", "xdp set passed 1");
    // Over Ethernet this comes in fragments, which are user space's alone.
    assertThat(countedBy(Requests.set(KEY, new byte[60_000]))).contains("user set stored 1");
  }

  @Test
  void missesAndDeletesAreXdps() {
    assertThat(countedBy(get())).containsExactly("xdp get miss 1");
    byte[] delete = Requests.bytes("delete " + KEY + "\r\n");
    assertThat(countedBy(delete)).containsExactly("xdp delete not_found 1");
    for (int length : new int[] {10, KERNEL_VALUE_MAX, 300_000}) {
      assertThat(tcp.line(Requests.set(KEY, new byte[length]))).isEqualTo("STORED");
      assertThat(countedBy(delete))
          .as("delete of %d bytes", length)
          .containsExactly("xdp delete deleted 1");
    }
  }

  /** Growing replies: first all by XDP, from some length on all by TC, never by user space. */
  @Test
  void getsAreXdpsAsFarAsFramesGrowAndTcsBeyond() {
    int request = get().length;
    List<Integer> byTc = new ArrayList<>();
    for (int length = 0; length <= KERNEL_VALUE_MAX; length += 50) {
      udp.exchange(Requests.set(KEY, new byte[length]));
      List<String> counted = countedBy(get());
      int growth = Requests.hit(KEY, 0, new byte[length]).length - request;
      if (growth <= ROOM_MIN || counted.contains("xdp get hit 1")) {
        assertThat(counted)
            .as("get of %d bytes: a frame that grows by %d", length, growth)
            .containsExactly("xdp get hit 1");
        assertThat(byTc).as("shorter values that XDP had no room for").isEmpty();
      } else {
        assertThat(counted)
            .as("get of %d bytes: a frame that grows by %d", length, growth)
            .containsExactly("tc get hit 1", "xdp get passed 1");
        byTc.add(length);
      }
    }
    assertThat(byTc).as("values that TC answered").isNotEmpty();
  }

  @Test
  void getsOfValuesBeyondADatagramAreUserSpaces() {
    assertThat(tcp.line(Requests.set(KEY, new byte[KERNEL_VALUE_MAX + 1]))).isEqualTo("STORED");
    assertThat(countedBy(get()))
        .containsExactly("tc get passed 1", "user get hit 1", "xdp get passed 1");
  }

  @Test
  void valuesOfTheUserTierAreSupersededByTheKernelAtOnce() {
    long userBytes = server.figures().userMemoryBytes();
    byte[] small = Requests.value(20, 1);
    for (int i = 0; i < 20; i++) {
      byte[] large = Requests.value(100_000, i);
      assertThat(tcp.line(Requests.set(KEY, large))).isEqualTo("STORED");
      assertThat(udp.exchange(get())).isEqualTo(Requests.hit(KEY, 0, large));
      assertThat(countedBy(Requests.set(KEY, small))).containsExactly("xdp set stored 1");
      assertThat(tcp.values("get " + KEY + "\r\n")).isEqualTo(Requests.hit(KEY, 0, small));
    }
    // The kernel tells user space which values are superseded.
    await()
        .atMost(SOON)
        .untilAsserted(
            () -> assertThat(server.figures().userMemoryBytes()).isLessThanOrEqualTo(userBytes));
  }

  @Test
  void valuesOfTheKernelAreSupersededByTheUserTierAtOnce() {
    byte[] small = Requests.value(1000, 1);
    for (int i = 0; i < 20; i++) {
      udp.exchange(Requests.set(KEY, small));
      byte[] large = Requests.value(100_000, i);
      assertThat(tcp.line(Requests.set(KEY, large))).isEqualTo("STORED");
      assertThat(udp.exchange(get())).isEqualTo(Requests.hit(KEY, 0, large));
    }
    assertThat(server.audit()).matches(audit -> audit.ok());
    assertThat(udp.exchange("delete " + KEY + "\r\n")).isEqualTo("DELETED\r\n");
    assertThat(tcp.line("get " + KEY + "\r\n")).isEqualTo("END");
  }

  @Test
  void deletingAValueOfTheUserTierInTheKernelGivesItsMemoryBack() {
    long userBytes = server.figures().userMemoryBytes();
    assertThat(tcp.line(Requests.set(KEY, new byte[200_000]))).isEqualTo("STORED");
    assertThat(server.figures().userMemoryBytes()).isGreaterThan(userBytes + 200_000);
    assertThat(udp.exchange("delete " + KEY + "\r\n")).isEqualTo("DELETED\r\n");
    await()
        .atMost(SOON)
        .untilAsserted(
            () -> assertThat(server.figures().userMemoryBytes()).isLessThanOrEqualTo(userBytes));
  }

  @Test
  void aConditionalSetHoldsAgainstTheKernelsSets() {
    udp.exchange(Requests.set(KEY, Requests.bytes("first")));
    long cas = cas();
    byte[] second = Requests.bytes("second");
    assertThat(tcp.line(cas(cas, second))).isEqualTo("STORED");
    assertThat(udp.exchange(get())).isEqualTo(Requests.hit(KEY, 0, second));
    assertThat(tcp.line(cas(cas, second))).as("the same cas again").isEqualTo("EXISTS");

    long before = cas();
    udp.exchange(Requests.set(KEY, Requests.bytes("third")));
    assertThat(tcp.line(cas(before, second))).as("after a set in XDP").isEqualTo("EXISTS");

    byte[] large = Requests.value(50_000, 3);
    assertThat(tcp.line(cas(cas(), large))).isEqualTo("STORED");
    assertThat(udp.exchange(get())).isEqualTo(Requests.hit(KEY, 0, large));
    assertThat(tcp.line(cas(cas(), second))).isEqualTo("STORED");
    assertThat(udp.exchange(get())).isEqualTo(Requests.hit(KEY, 0, second));
    udp.exchange("delete " + KEY + "\r\n");
    assertThat(tcp.line(cas(cas, second))).isEqualTo("NOT_FOUND");
  }

  private long cas() {
    String reply = new String(tcp.values("gets " + KEY + "\r\n"), ISO_8859_1);
    return Long.parseLong(reply.substring(0, reply.indexOf("\r\n")).split(" ", -1)[4]);
  }

  private static byte[] cas(long cas, byte[] value) {
    return Requests.storage("cas %s 0 0 %d %d\r\n".formatted(KEY, value.length, cas), value);
  }

  @Test
  void itemsExpireInTheKernel() {
    for (int length : new int[] {10, KERNEL_VALUE_MAX, 5000}) {
      byte[] value = Requests.value(length, length);
      udp.exchange(Requests.set(KEY, 0, 1, value));
      udp.exchange(Requests.set(KEY + 2, 0, 1000, value));
      await()
          .atMost(SOON)
          .untilAsserted(() -> assertThat(countedBy(get())).containsExactly("xdp get miss 1"));
      assertThat(tcp.line("get " + KEY + "\r\n")).isEqualTo("END");
      assertThat(tcp.values("get " + KEY + "2\r\n")).isEqualTo(Requests.hit(KEY + 2, 0, value));
    }
    udp.exchange("delete " + KEY + "2\r\n");
  }

  /** Far ahead, as the longest relative time and as a point in Unix time; long past. */
  @Test
  void expiryTimesMeanWhatTheyMeanToMemcached() {
    long now = System.currentTimeMillis() / 1000;
    byte[] value = Requests.bytes("value");
    for (long exptime : new long[] {0, 60, 60 * 60 * 24 * 30, now + 100, Integer.MAX_VALUE}) {
      udp.exchange(Requests.set(KEY, 0, exptime, value));
      assertThat(udp.exchange(get()))
          .as("exptime %d", exptime)
          .isEqualTo(Requests.hit(KEY, 0, value));
    }
    for (long exptime : new long[] {-1, 60 * 60 * 24 * 30 + 1, now - 100}) {
      udp.exchange(Requests.set(KEY, 0, exptime, value));
      assertThat(udp.exchange(get()))
          .as("exptime %d", exptime)
          .isEqualTo(Requests.bytes("END\r\n"));
    }
  }

  /** memcached keeps 32 bits and takes them for a signed number: negative is past. */
  @Test
  void expiryTimesOfMoreThan31BitsArePast() {
    for (long exptime : new long[] {1L << 31, (1L << 32) - 1}) {
      udp.exchange(Requests.set(KEY, 0, exptime, Requests.bytes("value")));
      assertThat(udp.exchange(get()))
          .as("exptime %d", exptime)
          .isEqualTo(Requests.bytes("END\r\n"));
    }
  }

  @Test
  void flushAllEmptiesBothTiersForAllDoors() {
    List<String> keys = List.of("e2e:a", "e2e:b", "e2e:c");
    int[] lengths = {10, KERNEL_VALUE_MAX, 100_000};
    for (int i = 0; i < keys.size(); i++) {
      assertThat(tcp.line(Requests.set(keys.get(i), new byte[lengths[i]]))).isEqualTo("STORED");
    }
    assertThat(tcp.line("flush_all\r\n")).isEqualTo("OK");
    for (String key : keys) {
      assertThat(udp.exchange("get " + key + "\r\n")).isEqualTo("END\r\n");
      assertThat(tcp.line("get " + key + "\r\n")).isEqualTo("END");
    }
    // Memory comes back without anybody asking for those keys again.
    tcp.line(Requests.set("e2e:unasked", new byte[100_000]));
    udp.exchange(Requests.set("e2e:unasked2", new byte[1000]));
    assertThat(tcp.line("flush_all\r\n")).isEqualTo("OK");
    await()
        .atMost(SOON)
        .untilAsserted(
            () -> {
              assertThat(server.figures().kernelItems()).isZero();
              assertThat(server.figures().userItems()).isZero();
              assertThat(server.figures().userMemoryBytes()).isZero();
              assertThat(server.store().kernel().blocksInUse()).isZero();
            });
    udp.exchange(Requests.set(KEY, Requests.bytes("new")));
    assertThat(udp.exchange(get())).isEqualTo(Requests.hit(KEY, 0, Requests.bytes("new")));
  }

  @Test
  void noreplyIsDoneAndNotAnswered() {
    byte[] small = Requests.bytes("small");
    byte[] large = Requests.value(3000, 1);
    assertThat(countedBySilent("set " + KEY + " 0 0 5 noreply\r\nsmall\r\n"))
        .containsExactly("user other hit 1", "xdp set stored 1");
    assertThat(udp.exchange(get())).isEqualTo(Requests.hit(KEY, 0, small));
    assertThat(countedBySilent("delete " + KEY + " noreply\r\n"))
        .containsExactly("user other hit 1", "xdp delete deleted 1");
    assertThat(udp.exchange(get())).isEqualTo(Requests.bytes("END\r\n"));
    udp.send(Requests.storage("set " + KEY + " 0 0 3000 noreply\r\n", large));
    barrier();
    assertThat(udp.exchange(get())).isEqualTo(Requests.hit(KEY, 0, large));
  }

  @Test
  void prometheusSeesWhoAnswered() {
    udp.exchange(Requests.set(KEY, new byte[1000]));
    udp.exchange(get());
    assertThat(tcp.line(Requests.set(KEY + 2, new byte[2000]))).isEqualTo("STORED");
    udp.exchange("delete " + KEY + "2\r\n");
    String metrics = server.metrics();
    server
        .counts()
        .counts()
        .forEach(
            (name, count) -> {
              String[] words = name.split(" ", -1);
              assertThat(metrics)
                  .contains(
                      "kerby_kv_requests_total{op=\"%s\",path=\"%s\",result=\"%s\"} %d.0\n"
                          .formatted(words[1], words[0], words[2], count));
            });
    assertThat(server.counts().counts())
        .containsKeys("xdp set stored", "tc get hit", "user set stored", "xdp delete deleted");
    assertThat(metrics)
        .contains("kerby_kv_items{tier=\"kernel\"} %d.0".formatted(server.figures().kernelItems()))
        .contains("kerby_pool_blocks_in_use %d.0".formatted(server.store().kernel().blocksInUse()));
  }

  /** Sends a request that has no reply, and one behind it whose reply has to be the next. */
  private List<String> countedBySilent(String text) {
    ServerUnderTest.Counts before = server.counts();
    udp.send(Requests.bytes(text));
    barrier();
    return server.counts().since(before);
  }

  private void barrier() {
    int id = udp.send(Requests.bytes("version\r\n"));
    assertThat(udp.receive(UdpClient.PATIENCE))
        .hasValueSatisfying(reply -> assertThat(reply.id()).isEqualTo(id));
  }

  private static byte[] get() {
    return Requests.bytes("get " + KEY + "\r\n");
  }

  private List<String> countedBy(byte[] request) {
    ServerUnderTest.Counts before = server.counts();
    udp.exchange(request);
    return server.counts().since(before);
  }
}
