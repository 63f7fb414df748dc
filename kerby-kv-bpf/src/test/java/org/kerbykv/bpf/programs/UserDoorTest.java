package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.KvAbi.TIER_KERNEL;
import static org.kerbykv.bpf.programs.KvAbi.TIER_USER;
import static org.kerbykv.bpf.programs.MemcachedText.key;
import static org.kerbykv.bpf.programs.MemcachedText.longestValue;
import static org.kerbykv.bpf.programs.MemcachedText.value;

import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.programs.KvAbi.Cond;
import org.kerbykv.bpf.programs.KvAbi.Op;
import org.kerbykv.bpf.programs.KvAbi.Status;

/** Every operation, condition and status of user space's door. */
@RequiresBPF
@ParameterizedClass(name = "blocks of {0}")
@MethodSource("blockSizes")
class UserDoorTest {
  private static final long TOKEN = 0x1234_5678_9abc_def0L;

  private static KvStore store;

  @Parameter int blockBytes;

  /** The least and the most: in between the fixtures of packets go. */
  static IntStream blockSizes() {
    return IntStream.of(32, 960);
  }

  @BeforeParameterizedClassInvocation
  static void load(int blockBytes) {
    store = new KvStore(KvConfig.of(blockBytes));
  }

  @AfterParameterizedClassInvocation
  static void unload() {
    store.close();
  }

  @BeforeEach
  void clear() {
    store.clear();
  }

  @AfterEach
  void audit() {
    StoreAudit.check(store);
    assertThat(store.drainEvents()).as("events of user space's own doing").isEmpty();
  }

  private static KvSlot set(String key, String value) {
    return store.slot(0).request(Op.SET, key).value(value);
  }

  private static KvSlot slot(Op op, String key) {
    return store.slot(0).request(op, key);
  }

  private static void runs(KvSlot slot, Status status) {
    assertThat(store.run(slot)).isEqualTo(status);
  }

  /** The slot has that status, no value went away, and the store is as it was. */
  private static void changesNothing(KvSlot slot, Status status) {
    Contents before = Contents.of(store);
    runs(slot, status);
    assertThat(slot.oldTier()).as("old_tier").isZero();
    assertThat(Contents.of(store)).isEqualTo(before);
  }

  private static long casOf(String key) {
    return store.entry(key).cas();
  }

  // GET

  @Test
  void getGivesAllOfAnItem() {
    KvSlot stored = set("k", "value").flags(-2).exptime(0x7fff_ffff);
    runs(stored, Status.OK);
    long cas = stored.cas();
    KvSlot slot = slot(Op.GET, "k").keep(KvAbi.KEEP_ACCESS);
    changesNothing(slot, Status.OK);
    assertThat(slot.value()).isEqualTo("value");
    assertThat(slot.flags()).isEqualTo(-2);
    assertThat(slot.exptime()).isEqualTo(0x7fff_ffff);
    assertThat(slot.tier()).isEqualTo(TIER_KERNEL);
    assertThat(slot.cas()).isEqualTo(cas);
    assertThat(slot.token()).isZero();
  }

  @Test
  void getOfTheUserTierGivesItsToken() {
    runs(slot(Op.SET, "k").userValue(TOKEN, 1 << 20).flags(5).exptime(0x7fff_ffff), Status.OK);
    KvSlot slot = slot(Op.GET, "k").keep(KvAbi.KEEP_ACCESS);
    changesNothing(slot, Status.USER);
    assertThat(slot.token()).isEqualTo(TOKEN);
    assertThat(slot.tier()).isEqualTo(TIER_USER);
    assertThat(slot.valueLength()).isEqualTo(1 << 20);
    assertThat(slot.flags()).isEqualTo(5);
    assertThat(slot.exptime()).isEqualTo(0x7fff_ffff);
    assertThat(slot.cas()).isEqualTo(casOf("k"));
  }

  @Test
  void getMisses() {
    changesNothing(slot(Op.GET, "k"), Status.MISS);
    store.set("k", "v", 0, KvStore.bootSeconds());
    changesNothing(slot(Op.GET, "k"), Status.MISS);
    store.set("k", "v");
    store.setFlushVersion(store.nextVersion());
    changesNothing(slot(Op.GET, "k"), Status.MISS);
    store.setUser("k", TOKEN, 5);
    store.setFlushVersion(store.nextVersion());
    changesNothing(slot(Op.GET, "k"), Status.MISS);
  }

  @Test
  void everythingThatPacketsStoredAndTheReverse() {
    for (ItemSize size : ItemSize.around(store.config())) {
      for (PacketDoor door : PacketDoor.values()) {
        store.clear();
        Frame set = Frame.request(MemcachedText.set(size.key(), "7", "0", size.value()));
        assertThat(store.send(door, set).frame()).isEqualTo(set.reply(MemcachedText.STORED));
        KvSlot slot = store.get(size.key());
        assertThat(slot.value()).as("%s", size).isEqualTo(size.value());
        assertThat(slot.flags()).isEqualTo(7);

        store.clear();
        store.set(size.key(), size.value(), 8, 0);
        Frame get = Frame.request(MemcachedText.get(size.key()));
        assertThat(store.send(door, get).frame())
            .as("%s", size)
            .isEqualTo(get.reply(MemcachedText.hit(size.key(), 8, size.value())));
        assertThat(store.get(size.key()).value()).isEqualTo(size.value());
      }
    }
  }

  /** Meta commands may carry any bytes in base64. */
  @Test
  void keysOfAnyBytes() {
    for (String key : new String[] {" ", "\0", "a b", "\r\n", "\0\0", "\u00ff".repeat(250)}) {
      store.set(key, "value of " + key);
    }
    for (String key : new String[] {" ", "\0", "a b", "\r\n", "\0\0", "\u00ff".repeat(250)}) {
      assertThat(store.get(key).value()).isEqualTo("value of " + key);
    }
    assertThat(store.get("\0\0\0").status()).isEqualTo(Status.MISS);
  }

  @Test
  void scratchIsNotTrusted() {
    for (int round = 0; round < 2; round++) {
      runs(set("k", value(200 + round)).spoilScratch(), Status.OK);
      KvSlot slot = slot(Op.GET, "k").spoilScratch();
      runs(slot, Status.OK);
      assertThat(slot.value()).isEqualTo(value(200 + round));
      runs(slot(Op.TOUCH, "k").exptime(0x7fff_ffff).spoilScratch(), Status.OK);
      changesNothing(slot(Op.GET, "x").spoilScratch(), Status.MISS);
      changesNothing(slot(Op.DELETE, "x").spoilScratch(), Status.MISS);
      changesNothing(store.slot(0).reap(1).spoilScratch(), Status.MISS);
    }
    runs(slot(Op.DELETE, "k").spoilScratch(), Status.OK);
  }

  @Test
  void accessIsStampedWithTheEpoch() {
    store.set("k", "v");
    assertThat(store.entry("k").lastAccess()).isEqualTo(KvStore.EPOCH);
    try {
      store.setEpoch(8);
      runs(slot(Op.GET, "k"), Status.OK);
      assertThat(store.entry("k").lastAccess()).isEqualTo(8);
      store.setEpoch(9);
      runs(slot(Op.TOUCH, "k"), Status.OK);
      assertThat(store.entry("k").lastAccess()).isEqualTo(9);
      store.setEpoch(10);
      runs(set("k", "w"), Status.OK);
      assertThat(store.entry("k").lastAccess()).isEqualTo(10);
      store.setEpoch(11);
      store.send(PacketDoor.TC, Frame.request(MemcachedText.get("k")));
      assertThat(store.entry("k").lastAccess()).isEqualTo(11);
    } finally {
      store.setEpoch(KvStore.EPOCH);
    }
  }

  // SET

  @Test
  void setReplacesAndTellsWhatWent() {
    KvSlot slot = set("k", "one");
    runs(slot, Status.OK);
    assertThat(slot.oldTier()).as("new").isZero();
    runs(set("k", "two"), Status.OK);
    assertThat(slot.oldTier()).as("in place").isEqualTo(TIER_KERNEL);
    runs(set("k", value(1200)), Status.OK);
    assertThat(slot.oldTier()).as("new chain").isEqualTo(TIER_KERNEL);
    runs(slot(Op.SET, "k").userValue(TOKEN, 1200), Status.OK);
    assertThat(slot.oldTier()).as("to the user tier").isEqualTo(TIER_KERNEL);
    runs(slot(Op.SET, "k").userValue(TOKEN + 1, 5), Status.OK);
    assertThat(slot.oldTier()).as("within the user tier").isEqualTo(TIER_USER);
    assertThat(slot.oldToken()).isEqualTo(TOKEN);
    runs(set("k", "three"), Status.OK);
    assertThat(slot.oldTier()).as("to the kernel").isEqualTo(TIER_USER);
    assertThat(slot.oldToken()).isEqualTo(TOKEN + 1);
    assertThat(store.get("k").value()).isEqualTo("three");
  }

  @Test
  void setTellsWhatWentThoughItHadExpired() {
    runs(slot(Op.SET, "k").userValue(TOKEN, 5).exptime(KvAbi.EXPTIME_PAST), Status.OK);
    KvSlot slot = set("k", "v").condition(Cond.ABSENT);
    runs(slot, Status.OK);
    assertThat(slot.oldTier()).isEqualTo(TIER_USER);
    assertThat(slot.oldToken()).isEqualTo(TOKEN);
  }

  @Test
  void setIfAbsent() {
    runs(set("k", "one").condition(Cond.ABSENT), Status.OK);
    changesNothing(set("k", "two").condition(Cond.ABSENT), Status.EXISTS);
    changesNothing(set("k", value(1200)).condition(Cond.ABSENT), Status.EXISTS);
    changesNothing(slot(Op.SET, "k").userValue(TOKEN, 5).condition(Cond.ABSENT), Status.EXISTS);
    runs(slot(Op.TOUCH, "k").exptime(KvAbi.EXPTIME_PAST), Status.OK);
    runs(set("k", "three").condition(Cond.ABSENT), Status.OK);
    assertThat(store.get("k").value()).isEqualTo("three");
    store.setUser("k", TOKEN, 5);
    changesNothing(set("k", "four").condition(Cond.ABSENT), Status.EXISTS);
    store.setFlushVersion(store.nextVersion());
    runs(set("k", "five").condition(Cond.ABSENT), Status.OK);
    assertThat(store.get("k").value()).isEqualTo("five");
  }

  @Test
  void setIfPresent() {
    changesNothing(set("k", "one").condition(Cond.PRESENT), Status.MISS);
    store.set("k", "two");
    runs(set("k", "three").condition(Cond.PRESENT), Status.OK);
    assertThat(store.get("k").value()).isEqualTo("three");
    runs(slot(Op.TOUCH, "k").exptime(KvAbi.EXPTIME_PAST), Status.OK);
    changesNothing(set("k", "four").condition(Cond.PRESENT), Status.MISS);
    store.setUser("k", TOKEN, 5);
    runs(set("k", "five").condition(Cond.PRESENT), Status.OK);
    assertThat(store.get("k").value()).isEqualTo("five");
  }

  @Test
  void setIfCas() {
    changesNothing(set("k", "one").ifCas(1), Status.MISS);
    changesNothing(set("k", "one").ifCas(0), Status.MISS);
    store.set("k", "two");
    long cas = casOf("k");
    changesNothing(set("k", "three").ifCas(cas + 1), Status.EXISTS);
    changesNothing(set("k", "three").ifCas(cas - 1), Status.EXISTS);
    changesNothing(set("k", value(1200)).ifCas(0), Status.EXISTS);
    changesNothing(set("k", "three").ifCas(cas | 1L << 63), Status.EXISTS);
    runs(set("k", "three").ifCas(cas), Status.OK);
    changesNothing(set("k", "four").ifCas(cas), Status.EXISTS);
    runs(slot(Op.TOUCH, "k").exptime(0x7fff_ffff), Status.OK);
    runs(set("k", value(1200)).ifCas(casOf("k")), Status.OK);
    assertThat(store.get("k").value()).isEqualTo(value(1200));
    store.setUser("k", TOKEN, 5);
    runs(set("k", "five").ifCas(casOf("k")), Status.OK);
    runs(slot(Op.TOUCH, "k").exptime(KvAbi.EXPTIME_PAST), Status.OK);
    changesNothing(set("k", "six").ifCas(casOf("k")), Status.MISS);
  }

  @Test
  void setOfWhatIsTooBigForADatagram() {
    for (String key : new String[] {"k", key(250)}) {
      for (int flags : new int[] {0, -1}) {
        int longest = longestValue(key, flags, store.config().datagramMax());
        changesNothing(set(key, value(longest + 1)).flags(flags), Status.TOO_BIG);
        String unsigned = Integer.toUnsignedString(flags);
        for (PacketDoor door : PacketDoor.values()) {
          Frame tooBig = Frame.request(MemcachedText.set(key, unsigned, "0", value(longest + 1)));
          assertThat(store.send(door, tooBig).verdict()).isEqualTo(PacketDoor.Verdict.UP);
          Frame fits = Frame.request(MemcachedText.set(key, unsigned, "0", value(longest)));
          assertThat(store.send(door, fits).verdict()).isEqualTo(PacketDoor.Verdict.REPLY);
        }
        runs(set(key, value(longest)).flags(flags), Status.OK);
        changesNothing(set(key, value(longest + 1)).flags(flags), Status.TOO_BIG);
        assertThat(store.get(key).value()).isEqualTo(value(longest));
      }
      changesNothing(set(key, "").valueLength(KvAbi.VALUE_MAX), Status.TOO_BIG);
    }
  }

  /** Their length is user space's business: the gauges count it, whatever it is. */
  @Test
  void setOfAnyLengthInTheUserTier() {
    for (int length : new int[] {0, KvAbi.VALUE_MAX + 1, Integer.MAX_VALUE, -1}) {
      store.setUser("k" + length, TOKEN, length);
      assertThat(store.get("k" + length).valueLength()).isEqualTo(length);
    }
    StoreAudit.check(store);
    store.setUser("k-1", TOKEN, 0);
  }

  @Test
  void setWithoutABlockToBeHad() {
    store.set("k", "old");
    store.fill(0);
    changesNothing(set("new", "v"), Status.NOSPC);
    changesNothing(set("k", value(1200)), Status.NOSPC);
    changesNothing(slot(Op.SET, "new").userValue(TOKEN, 5), Status.NOSPC);
    runs(set("k", "new"), Status.OK);
    runs(slot(Op.DELETE, "fill0"), Status.OK);
    runs(slot(Op.SET, "new").userValue(TOKEN, 5), Status.OK);
  }

  @Test
  void theReserveIsUserSpaces() {
    store.fill(store.config().reserve());
    for (int i = 0; i < store.config().reserve(); i++) {
      runs(set("reserve" + i, ""), Status.OK);
    }
    changesNothing(set("reserve", ""), Status.NOSPC);
  }

  // DELETE

  @Test
  void deleteTellsWhatWent() {
    changesNothing(slot(Op.DELETE, "k"), Status.MISS);
    store.set("k", value(1200));
    KvSlot slot = slot(Op.DELETE, "k");
    runs(slot, Status.OK);
    assertThat(slot.oldTier()).isEqualTo(TIER_KERNEL);
    assertThat(store.blocksInUse()).isZero();
    changesNothing(slot(Op.DELETE, "k"), Status.MISS);
    store.setUser("k", TOKEN, 5);
    runs(slot(Op.DELETE, "k"), Status.OK);
    assertThat(slot.oldTier()).isEqualTo(TIER_USER);
    assertThat(slot.oldToken()).isEqualTo(TOKEN);
    assertThat(store.index()).isEmpty();
  }

  @Test
  void deleteOfAnExpiredItemMissesAndRemovesIt() {
    runs(slot(Op.SET, "k").userValue(TOKEN, 5).exptime(KvAbi.EXPTIME_PAST), Status.OK);
    KvSlot slot = slot(Op.DELETE, "k").ifCas(1);
    runs(slot, Status.MISS);
    assertThat(slot.oldTier()).isEqualTo(TIER_USER);
    assertThat(slot.oldToken()).isEqualTo(TOKEN);
    assertThat(store.index()).isEmpty();
    assertThat(store.blocksInUse()).isZero();
  }

  @Test
  void deleteIfCasAndIfPresent() {
    changesNothing(slot(Op.DELETE, "k").ifCas(1), Status.MISS);
    changesNothing(slot(Op.DELETE, "k").condition(Cond.PRESENT), Status.MISS);
    store.setUser("k", TOKEN, 5);
    changesNothing(slot(Op.DELETE, "k").ifCas(casOf("k") + 1), Status.EXISTS);
    runs(slot(Op.DELETE, "k").ifCas(casOf("k")), Status.OK);
    store.set("k", "v");
    changesNothing(slot(Op.DELETE, "k").ifCas(casOf("k") - 1), Status.EXISTS);
    runs(slot(Op.DELETE, "k").ifCas(casOf("k")), Status.OK);
    store.set("k", "v");
    changesNothing(slot(Op.DELETE, "k").condition(Cond.ABSENT), Status.EXISTS);
    runs(slot(Op.DELETE, "k").condition(Cond.PRESENT), Status.OK);
  }

  // TOUCH

  @Test
  void touchChangesTheExptimeAlone() {
    store.set("k", "v", 5, 0);
    KvEntry before = store.entry("k");
    KvSlot slot = slot(Op.TOUCH, "k").exptime(0x7fff_ffff).keep(KvAbi.KEEP_ACCESS);
    runs(slot, Status.OK);
    assertThat(slot.cas()).isEqualTo(before.cas());
    KvEntry after = store.entry("k");
    assertThat(after.exptime()).isEqualTo(0x7fff_ffff);
    assertThat(after).usingRecursiveComparison().ignoringFields("exptime").isEqualTo(before);

    store.setUser("u", TOKEN, 5);
    runs(slot(Op.TOUCH, "u").exptime(0x7fff_ffff), Status.OK);
    assertThat(slot.oldTier()).isZero();
    assertThat(store.get("u").token()).isEqualTo(TOKEN);
    assertThat(store.get("u").exptime()).isEqualTo(0x7fff_ffff);
  }

  @Test
  void touchMissesWhatIsNotThere() {
    changesNothing(slot(Op.TOUCH, "k").exptime(0x7fff_ffff), Status.MISS);
    store.set("k", "v", 0, KvAbi.EXPTIME_PAST);
    changesNothing(slot(Op.TOUCH, "k").exptime(0x7fff_ffff), Status.MISS);
    store.set("k", "v");
    runs(slot(Op.TOUCH, "k").exptime(KvAbi.EXPTIME_PAST), Status.OK);
    changesNothing(slot(Op.GET, "k"), Status.MISS);
    store.set("k", "v");
    store.setFlushVersion(store.nextVersion());
    changesNothing(slot(Op.TOUCH, "k").exptime(0x7fff_ffff), Status.MISS);
  }

  // REAP

  @Test
  void reapRemovesWhatIsExpired() {
    store.set("k", value(1200), 0, KvAbi.EXPTIME_PAST);
    KvSlot slot = store.slot(0).reap(store.identity("k"));
    runs(slot, Status.OK);
    assertThat(slot.oldTier()).isEqualTo(TIER_KERNEL);
    assertThat(store.index()).isEmpty();
    assertThat(store.blocksInUse()).isZero();

    store.setUser("k", TOKEN, 5);
    store.setFlushVersion(store.nextVersion());
    runs(slot.reap(store.identity("k")), Status.OK);
    assertThat(slot.oldTier()).isEqualTo(TIER_USER);
    assertThat(slot.oldToken()).isEqualTo(TOKEN);
    assertThat(store.index()).isEmpty();
  }

  @Test
  void reapLeavesWhatIsAlive() {
    changesNothing(store.slot(0).reap(store.identity("k")), Status.MISS);
    store.set("k", "v", 0, 0x7fff_ffff);
    changesNothing(store.slot(0).reap(store.identity("k")), Status.MISS);
    store.setUser("k", TOKEN, 5);
    changesNothing(store.slot(0).reap(store.identity("k")), Status.MISS);
  }

  // What can go wrong with any.

  @Test
  void busyWhileAnotherWriterHoldsTheItem() {
    for (boolean user : new boolean[] {false, true}) {
      if (user) {
        store.setUser("k", TOKEN, 5);
      } else {
        store.set("k", "v");
      }
      KvEntry idle = store.entry("k");
      store.putEntry(idle.withWord(idle.word() | 1));
      changesNothing(slot(Op.GET, "k"), Status.BUSY);
      changesNothing(set("k", "w"), Status.BUSY);
      changesNothing(set("k", value(1200)), Status.BUSY);
      changesNothing(slot(Op.SET, "k").userValue(TOKEN, 5), Status.BUSY);
      changesNothing(slot(Op.DELETE, "k"), Status.BUSY);
      changesNothing(slot(Op.TOUCH, "k").exptime(5), Status.BUSY);
      changesNothing(store.slot(0).reap(store.identity("k")), Status.BUSY);
      store.putEntry(idle);
    }
  }

  @Test
  void malformedSlots() {
    store.set("k", "v");
    store.set(key(250), "v");
    for (Op op : new Op[] {Op.GET, Op.SET, Op.DELETE, Op.TOUCH}) {
      for (int length : new int[] {0, 251, 252, 255}) {
        KvSlot slot = slot(op, key(250)).value("w").keyLength(length);
        // A get without a key is one by identity, which nothing has here.
        boolean byIdentity = op == Op.GET && length == 0;
        changesNothing(slot, byIdentity ? Status.MISS : Status.INVALID);
      }
    }
    for (int op = Op.values().length; op <= 255; op++) {
      changesNothing(set("k", "w").op(op), Status.INVALID);
    }
    for (int condition = Cond.values().length; condition <= 255; condition++) {
      changesNothing(set("k", "w").condition(condition), Status.INVALID);
      changesNothing(slot(Op.DELETE, "k").condition(condition), Status.INVALID);
    }
    for (int tier : new int[] {0, 3, 4, 255}) {
      changesNothing(set("k", "w").tier(tier), Status.INVALID);
    }
    for (int length : new int[] {KvAbi.VALUE_MAX + 1, Integer.MAX_VALUE, -1}) {
      changesNothing(set("k", "w").valueLength(length), Status.INVALID);
    }
  }

  @Test
  void casIdsAreUniqueAndGrowThroughAllDoors() {
    long last = 0;
    for (int round = 0; round < 5; round++) {
      for (PacketDoor door : PacketDoor.values()) {
        store.send(door, Frame.request(MemcachedText.set("k", value(round * 100))));
        assertThat(casOf("k")).isGreaterThan(last);
        last = casOf("k");
      }
      runs(set("k", "v"), Status.OK);
      assertThat(store.slot(0).cas()).isEqualTo(casOf("k")).isGreaterThan(last);
      last = casOf("k");
      runs(set("other", "v"), Status.OK);
      assertThat(store.slot(0).cas()).isGreaterThan(last);
      last = store.slot(0).cas();
      runs(slot(Op.DELETE, "k"), Status.OK);
    }
  }
}
