package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.programs.PacketDoor.Verdict;
import org.kerbykv.bpf.programs.Sources.Drop;

/** Who is answered, and how much. */
@RequiresBPF
class SourcesTest {
  private static final int NETWORK = 0xc6120000; // 198.18.0.0
  private static final String GET = MemcachedText.get("k");
  private static final String SET = MemcachedText.set("new", "value");

  /** A byte takes 1000 seconds, and a source may be 100,000 seconds ahead. */
  private static final long BYTE_PICOS = 1_000_000_000_000_000L;

  private static final long BURST_NANOS = 100_000_000_000_000L;

  /** Of the replies' payload: eight bytes of header and "END". */
  private static final int MISS_BYTES = 13;

  private static KvStore store;

  @BeforeAll
  static void load() {
    store = new KvStore(KvConfig.of(128));
  }

  @AfterAll
  static void unload() {
    store.close();
  }

  @BeforeEach
  void allowNobody() {
    store.clear();
    store.sources().clear();
    store.set("k", "value");
  }

  private static Frame from(int address, String text) {
    return Frame.request(text).set32(Frame.IP_SOURCE, address).withIpChecksum();
  }

  private static boolean isAnswered(KvStore asked, PacketDoor door, Frame frame) {
    Sources sources = asked.sources();
    long before = sources.drops(Drop.NOT_ALLOWED);
    Verdict verdict = asked.send(door, frame).verdict();
    assertThat(verdict).isIn(Verdict.REPLY, Verdict.SILENT);
    assertThat(sources.drops(Drop.NOT_ALLOWED) - before)
        .isEqualTo(verdict == Verdict.SILENT ? 1 : 0);
    return verdict == Verdict.REPLY;
  }

  /** Not a byte, whatever it asks for and however; and nothing is done for it. */
  @ParameterizedTest
  @EnumSource
  void aStrangerGetsNothing(PacketDoor door) {
    Contents before = Contents.of(store);
    long[] counted = store.stats();
    for (Headers headers : Headers.values()) {
      for (String text : List.of(GET, SET, MemcachedText.delete("k"), "stats\r\n", "", "x")) {
        assertThat(isAnswered(store, door, Frame.request(headers, text))).as(text).isFalse();
      }
    }
    assertThat(Contents.of(store)).isEqualTo(before);
    assertThat(store.stats()).isEqualTo(counted);
  }

  @ParameterizedTest
  @EnumSource
  void theLongestPrefixCounts(PacketDoor door) {
    Sources sources = store.sources();
    sources.put4(0, 0, true);
    sources.put4(NETWORK, 16, false);
    sources.put4(NETWORK | 0x0700, 24, true);
    sources.put4(NETWORK | 0x0709, 32, false);
    assertThat(isAnswered(store, door, from(NETWORK - 1, GET))).isTrue();
    assertThat(isAnswered(store, door, from(NETWORK, GET))).isFalse();
    assertThat(isAnswered(store, door, from(NETWORK | 0x06ff, GET))).isFalse();
    assertThat(isAnswered(store, door, from(NETWORK | 0x0700, GET))).isTrue();
    assertThat(isAnswered(store, door, from(NETWORK | 0x0709, GET))).isFalse();
    assertThat(isAnswered(store, door, from(NETWORK | 0x070a, GET))).isTrue();
    assertThat(isAnswered(store, door, from(NETWORK | 0x0800, GET))).isFalse();
    assertThat(isAnswered(store, door, from(NETWORK | 0x10000, GET))).isTrue();
    assertThat(isAnswered(store, door, Frame.request(Headers.IP6, GET))).isFalse();
  }

  @ParameterizedTest
  @EnumSource
  void networksOfIp6(PacketDoor door) {
    byte[] network = ByteBuffer.allocate(16).putLong(Frame.IP6_PREFIX).putLong(0x10).array();
    store.sources().put(network, 124, true);
    Frame request = Frame.request(Headers.IP6, GET);
    int source = Headers.IP6.addresses();
    for (int host : new int[] {0x0f, 0x10, 0x1f, 0x20}) {
      assertThat(isAnswered(store, door, request.setIp6(source, host).withUdpChecksum()))
          .as("host %x", host)
          .isEqualTo(host >> 4 == 1);
    }
    assertThat(isAnswered(store, door, from(0x10, GET))).isFalse();
  }

  @Test
  void networksThatAreConstants() {
    long network =
        ((long) KvAbi.networkOrder(0xffffff00) << 32)
            | Integer.toUnsignedLong(KvAbi.networkOrder(NETWORK | 0x0700));
    long address = (-1L << 32) | Integer.toUnsignedLong(KvAbi.networkOrder(NETWORK | 0x0102));
    KvConfig config = KvConfig.of(128).withAllowed4(List.of(address, network));
    try (KvStore constants = new KvStore(config)) {
      constants.sources().clear();
      for (PacketDoor door : PacketDoor.values()) {
        assertThat(isAnswered(constants, door, from(NETWORK | 0x0101, GET))).isFalse();
        assertThat(isAnswered(constants, door, from(NETWORK | 0x0102, GET))).isTrue();
        assertThat(isAnswered(constants, door, from(NETWORK | 0x0103, GET))).isFalse();
        assertThat(isAnswered(constants, door, from(NETWORK | 0x06ff, GET))).isFalse();
        assertThat(isAnswered(constants, door, from(NETWORK | 0x0700, GET))).isTrue();
        assertThat(isAnswered(constants, door, from(NETWORK | 0x07ff, GET))).isTrue();
        assertThat(isAnswered(constants, door, from(NETWORK | 0x0800, GET))).isFalse();
        assertThat(isAnswered(constants, door, from(-1, GET))).isFalse();
      }
    }
  }

  /** Replies count by their bytes; requests of who was sent too much are not carried out. */
  @Test
  void aSourceIsSentSoMuchAndNoMore() {
    KvConfig config =
        KvConfig.of(128)
            .withConstant("net_rate_byte_ps", BYTE_PICOS)
            .withConstant("net_rate_burst_ns", BURST_NANOS);
    try (KvStore slow = new KvStore(config)) {
      int host = 0;
      for (PacketDoor door : PacketDoor.values()) {
        host++;
        int source = NETWORK | host;
        sendsSoMuch(slow, door, from(source, GET));
        assertThat(slow.send(door, from(source, SET)).verdict()).isEqualTo(Verdict.SILENT);
        assertThat(slow.index()).isEmpty();
        // Who has a /64 has one share, whichever of its addresses it asks from.
        Frame ip6 = Frame.request(Headers.IP6, GET);
        if (door == PacketDoor.XDP) {
          sendsSoMuch(slow, door, ip6);
        }
        Frame other = ip6.set8(Headers.IP6.addresses() + 15, 77).withUdpChecksum();
        assertThat(slow.send(door, other).verdict()).isEqualTo(Verdict.SILENT);
      }
      assertThat(slow.send(PacketDoor.TC, from(NETWORK | 9, SET)).verdict())
          .as("another source")
          .isEqualTo(Verdict.REPLY);
    }
  }

  private static void sendsSoMuch(KvStore slow, PacketDoor door, Frame request) {
    long before = slow.sources().drops(Drop.RATE);
    int sent = 0;
    while (slow.send(door, request).verdict() == Verdict.REPLY) {
      sent += MISS_BYTES;
      assertThat(sent).isLessThan(1000);
    }
    assertThat(sent).as("bytes sent").isBetween(101, 100 + MISS_BYTES);
    assertThat(slow.sources().drops(Drop.RATE)).isEqualTo(before + 1);
  }
}
