package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.MemcachedText.get;
import static org.kerbykv.bpf.programs.MemcachedText.hit;
import static org.kerbykv.bpf.programs.MemcachedText.key;
import static org.kerbykv.bpf.programs.MemcachedText.set;
import static org.kerbykv.bpf.programs.MemcachedText.value;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.kerbykv.bpf.RequiresBPF;

/** Items whose blocks are large ones, and those that become so or cease to be. */
@RequiresBPF
class LargeBlocksTest {
  private static final int BLOCK = 64;
  private static final int UNITS = 8;
  private static final KvConfig CONFIG = KvConfig.of(BLOCK).withLarge(UNITS).withCapacity(64);

  /** The most that blocks of the pool hold before a large one takes their place. */
  private static final int SMALL = CONFIG.room(UNITS);

  private static final int ONE_LARGE = KvAbi.HEAD_BYTES + KvAbi.LARGE_BYTES;

  /** Bytes of key and value: each kind of chain, its least, its most, and one in the middle. */
  private static final int[] TOTALS = {
    KvAbi.HEAD_BYTES, KvAbi.HEAD_BYTES + 1, 300, SMALL, SMALL + 1, 900, ONE_LARGE, ONE_LARGE + 1
  };

  private static KvStore store;

  @BeforeAll
  static void load() {
    store = new KvStore(CONFIG);
  }

  @AfterAll
  static void unload() {
    store.close();
  }

  @BeforeEach
  void clear() {
    store.clear();
  }

  @Test
  void chainsAreOfLargeBlocksWhereThatCostsNoMore() {
    for (int total : TOTALS) {
      String key = key(10);
      store.set(key, value(total - 10));
      boolean large = total > SMALL;
      KvEntry entry = store.entry(key);
      assertThat(entry.large()).as("%d bytes", total).isEqualTo(large ? 1 : 0);
      assertThat(entry.blocks()).isEqualTo(CONFIG.blocksOf(total, large));
      StoreAudit.check(store);
      store.clear();
    }
  }

  /** From each size to each, with keys that the head holds, and that it does not. */
  @ParameterizedTest
  @ValueSource(ints = {3, 128, 150, 250})
  void valuesOfEverySizeInPlaceOfEveryOther(int keyLength) {
    String key = key(keyLength);
    for (PacketDoor door : PacketDoor.values()) {
      for (int from : TOTALS) {
        for (int to : TOTALS) {
          store.set(key, "o".repeat(Math.max(0, from - keyLength)));
          String fresh = value(Math.max(0, to - keyLength));
          assertThat(replyTo(door, set(key, fresh))).isEqualTo(MemcachedText.STORED);
          for (PacketDoor reader : PacketDoor.values()) {
            assertThat(replyTo(reader, get(key))).isEqualTo(hit(key, 0, fresh));
          }
          assertThat(store.get(key).value()).isEqualTo(fresh);
          StoreAudit.check(store);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(PacketDoor.class)
  void aSmallerValueStaysInALargeBlockWhenThereIsNoOther(PacketDoor door) {
    store.set("k", value(900));
    store.fill(CONFIG.reserve());
    assertThat(replyTo(door, set("k", value(300)))).isEqualTo(MemcachedText.STORED);
    assertThat(store.entry("k").large()).isOne();
    StoreAudit.check(store);
    for (int i = 0; i < CONFIG.blocksOf(1 + 301); i++) {
      store.run(store.slot(0).request(KvAbi.Op.DELETE, "fill" + i));
    }
    assertThat(replyTo(door, set("k", value(301)))).isEqualTo(MemcachedText.STORED);
    assertThat(store.entry("k").large()).as("now there are some").isZero();
    assertThat(replyTo(door, get("k"))).isEqualTo(hit("k", 0, value(301)));
    StoreAudit.check(store);
  }

  @ParameterizedTest
  @EnumSource(PacketDoor.class)
  void aLargeBlockCountsAsItsMemory(PacketDoor door) {
    store.fill(CONFIG.reserve() + UNITS);
    Frame request = Frame.request(set("k", value(900)));
    assertThat(store.send(door, request))
        .isEqualTo(new KvSession.Outcome(PacketDoor.Verdict.UP, request));
    StoreAudit.check(store);
    store.run(store.slot(0).request(KvAbi.Op.DELETE, "fill0"));
    assertThat(replyTo(door, set("k", value(900)))).isEqualTo(MemcachedText.STORED);
    assertThat(store.blocksInUse()).isEqualTo((long) CONFIG.capacity() - CONFIG.reserve());
    StoreAudit.check(store);
  }

  @Test
  void whatTheKernelHasNoRoomForIsNotStoredByHalves() {
    KvConfig scarce = CONFIG.withEntries("kv_large", 1);
    try (KvStore few = new KvStore(scarce.withConstant("kv_large_units", 1))) {
      KvSlot slot = few.slot(0).request(KvAbi.Op.SET, "k").value(value(1200));
      assertThat(few.run(slot)).isEqualTo(KvAbi.Status.NOSPC);
      assertThat(few.blocks()).isEmpty();
      few.set("k", value(900));
      assertThat(few.get("k").value()).isEqualTo(value(900));
      assertThat(few.run(few.slot(0).request(KvAbi.Op.SET, "k").value(value(1200))))
          .isEqualTo(KvAbi.Status.NOSPC);
      assertThat(few.get("k").value()).isEqualTo(value(900));
    }
  }

  @ParameterizedTest
  @EnumSource(PacketDoor.class)
  void anItemThatLacksItsLargeBlockGoesUp(PacketDoor door) {
    store.set("k", value(900));
    long index = store.entry("k").first() + 1;
    store.removeLarge(index);
    Frame request = Frame.request(get("k"));
    assertThat(store.send(door, request))
        .isEqualTo(new KvSession.Outcome(PacketDoor.Verdict.UP, request));
    assertThat(replyTo(door, MemcachedText.delete("k"))).isEqualTo(MemcachedText.DELETED);
    StoreAudit.checkMended(store);
  }

  @Test
  void keysAreFoundByTheirIdentity() {
    for (int keyLength : new int[] {3, 128, 150, 250}) {
      String key = key(keyLength);
      store.set(key, value(900 - keyLength));
      assertThat(store.entry(key).large()).isOne();
      KvSlot slot = store.slot(0).getByIdentity(store.identity(key));
      assertThat(store.run(slot)).isEqualTo(KvAbi.Status.OK);
      assertThat(slot.key()).isEqualTo(key);
      store.clear();
    }
  }

  private static String replyTo(PacketDoor door, String text) {
    Frame request = Frame.request(text);
    KvSession.Outcome outcome = store.send(door, request);
    assertThat(outcome.verdict()).as(text).isEqualTo(PacketDoor.Verdict.REPLY);
    return outcome.frame().text();
  }
}
