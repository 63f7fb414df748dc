package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.KvAbi.CountedOp.SET;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.PASSED;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.STORED;
import static org.kerbykv.bpf.programs.MemcachedText.longestValue;
import static org.kerbykv.bpf.programs.MemcachedText.set;
import static org.kerbykv.bpf.programs.MemcachedText.setNoreply;
import static org.kerbykv.bpf.programs.MemcachedText.value;
import static org.kerbykv.bpf.programs.PacketFixture.fixture;

import java.util.ArrayList;
import java.util.List;

/** What a set can meet. */
final class SetFixtures {
  /** Flags of 1 to 10 digits, the least and the most of each length. */
  static final List<String> FLAGS =
      List.of(
          "0",
          "9",
          "10",
          "99",
          "100",
          "999",
          "1000",
          "9999",
          "10000",
          "99999",
          "100000",
          "999999",
          "1000000",
          "9999999",
          "10000000",
          "99999999",
          "100000000",
          "999999999",
          "1000000000",
          "4294967295");

  private static final int MONTH = 60 * 60 * 24 * 30; // from here on an exptime is absolute

  private SetFixtures() {}

  static List<PacketFixture> of(KvConfig config) {
    List<PacketFixture> all = new ArrayList<>();
    all.addAll(sizes(config));
    all.addAll(flags());
    all.addAll(exptimes());
    all.addAll(replacements(config));
    all.addAll(noreply());
    all.addAll(busyEntries());
    return all;
  }

  /** The item is there, with this value and nothing else to it. */
  private static PacketFixture.Check holds(String key, String value) {
    return (store, _, after) -> {
      KvSlot slot = store.get(key);
      assertThat(slot.status()).isEqualTo(KvAbi.Status.OK);
      assertThat(slot.value()).isEqualTo(value);
      assertThat(slot.flags()).isZero();
      assertThat(slot.exptime()).isEqualTo(KvAbi.EXPTIME_NEVER);
      assertThat(slot.cas()).isEqualTo(store.nextVersion());
      assertThat(after.index()).hasSize(1);
      assertThat(store.entry(key).lastAccess()).isEqualTo(KvStore.EPOCH);
    };
  }

  private static List<PacketFixture> sizes(KvConfig config) {
    List<PacketFixture> all = new ArrayList<>();
    for (ItemSize size : ItemSize.around(config)) {
      all.add(
          fixture("set of " + size)
              .request(set(size.key(), size.value()))
              .replies(MemcachedText.STORED)
              .counted(SET, STORED)
              .then(holds(size.key(), size.value())));
    }
    for (int keyLength : new int[] {1, KvAbi.KEY_MAX}) {
      String key = MemcachedText.key(keyLength);
      int tooLong = longestValue(key, 0, config.datagramMax()) + 1;
      all.add(
          fixture("set of a value too long for a datagram, with a key of " + keyLength)
              .given(store -> store.set(key, "old"))
              .request(set(key, value(tooLong)))
              .goesUp()
              .counted(SET, PASSED));
      int longest = longestValue(key, -1, config.datagramMax());
      all.add(
          fixture("set of a value too long with these flags only, with a key of " + keyLength)
              .request(set(key, "4294967295", "0", value(longest + 1)))
              .goesUp()
              .counted(SET, PASSED));
    }
    return all;
  }

  private static List<PacketFixture> flags() {
    List<PacketFixture> all = new ArrayList<>();
    for (String flags : FLAGS) {
      all.add(storesFlags(flags));
    }
    all.add(storesFlags("00000000007")); // memcached takes it as well
    return all;
  }

  private static PacketFixture storesFlags(String flags) {
    return fixture("set with flags " + flags)
        .request(set("k", flags, "0", "value"))
        .replies(MemcachedText.STORED)
        .counted(SET, STORED)
        .then(
            (store, _, _) ->
                assertThat(store.get("k").flags()).isEqualTo(Integer.parseUnsignedInt(flags)));
  }

  private static List<PacketFixture> exptimes() {
    long bootStart = KvStore.UNIX_MINUS_BOOT;
    return List.of(
        relative(1),
        relative(100),
        relative(MONTH),
        absolute("just above a month, a time in 1970", MONTH + 1, KvAbi.EXPTIME_PAST),
        absolute("before the machine started", bootStart - 1, KvAbi.EXPTIME_PAST),
        absolute("when the machine started", bootStart, KvAbi.EXPTIME_PAST),
        absolute("a second after the start", bootStart + 1, 1),
        absolute("two seconds after the start", bootStart + 2, 2),
        absolute("far from the start", bootStart + 5_000_000, 5_000_000),
        absolute("the last there is", 0x7fff_ffffL, (int) (0x7fff_ffffL - bootStart)),
        fixture("set with an exptime that memcached reads as negative")
            .request(set("k", "0", "2147483648", "value"))
            .goesUp());
  }

  private static PacketFixture relative(int exptime) {
    int before = KvStore.bootSeconds(); // of the making of the table, so a little early
    return fixture("set with exptime " + exptime + " from now")
        .request(set("k", "0", "" + exptime, "value"))
        .replies(MemcachedText.STORED)
        .counted(SET, STORED)
        .then(
            (store, _, _) ->
                assertThat(store.entry("k").exptime())
                    .isBetween(before + exptime, KvStore.bootSeconds() + exptime));
  }

  private static PacketFixture absolute(String when, long unixSeconds, int bootSeconds) {
    return fixture("set with an absolute exptime: " + when)
        .request(set("k", "0", "" + unixSeconds, "value"))
        .replies(MemcachedText.STORED)
        .counted(SET, STORED)
        .then((store, _, _) -> assertThat(store.entry("k").exptime()).isEqualTo(bootSeconds));
  }

  private static List<PacketFixture> replacements(KvConfig config) {
    int block = config.blockBytes();
    List<PacketFixture> all = new ArrayList<>();
    int head = KvAbi.HEAD_BYTES;
    for (int keyLength : new int[] {10, head - 1, head, head + 1, head + block, KvAbi.KEY_MAX}) {
      if (keyLength > KvAbi.KEY_MAX || 3 * block > config.datagramMax() - 100) {
        continue;
      }
      String key = MemcachedText.key(keyLength);
      int end = config.room(config.blocksOf(keyLength)) - keyLength; // room in the key's last block
      all.add(replaces(key, end + 2 * block, end + 2 * block, true));
      all.add(replaces(key, end + 2 * block, end + block + 1, true));
      all.add(replaces(key, end + block + 1, end + 2 * block, true));
      all.add(replaces(key, end + block, end + block + 1, false));
      all.add(replaces(key, end + block + 1, end + block, true));
      all.add(replaces(key, end + 2 * block, 0, true));
      all.add(replaces(key, 0, end + block, false));
    }
    all.add(replaces("k", 0, 0, true));
    all.add(replaces("k", 0, 1, true));
    all.add(replaces("k", config.room(1) - 1, 0, true));
    all.add(replaces("k", config.room(2) - 1, 0, true));
    all.add(replacesExpired("stored expired", store -> store.set("k", "old", 9, 1)));
    all.add(
        replacesExpired(
            "flushed",
            store -> {
              store.set("k", "old", 9, 0);
              store.setFlushVersion(store.nextVersion());
            }));
    return all;
  }

  private static PacketFixture replaces(String key, int from, int to, boolean inPlace) {
    String fresh = value(to);
    return fixture(
            "set of %d bytes in place of %d, key of %d: %s"
                .formatted(to, from, key.length(), inPlace ? "same blocks" : "new blocks"))
        .given(store -> store.set(key, "o".repeat(from), 123, 0x7fff_ffff))
        .request(set(key, fresh))
        .replies(MemcachedText.STORED)
        .counted(SET, STORED)
        .then(
            (store, before, after) -> {
              holds(key, fresh).check(store, before, after);
              KvEntry old = before.index().get(store.identity(key));
              KvEntry now = after.index().get(store.identity(key));
              assertThat(now.cas()).isGreaterThan(old.cas());
              assertThat(now.first() == old.first()).as("blocks were kept").isEqualTo(inPlace);
            });
  }

  private static PacketFixture replacesExpired(
      String how, java.util.function.Consumer<KvStore> given) {
    return fixture("set of a key whose old value was " + how)
        .given(given)
        .request(set("k", "new"))
        .replies(MemcachedText.STORED)
        .counted(SET, STORED)
        .then(holds("k", "new"));
  }

  private static List<PacketFixture> noreply() {
    return List.of(
        fixture("set with noreply")
            .request(setNoreply("k", "value"))
            .isSilent()
            .counted(SET, STORED)
            .then(holds("k", "value")),
        fixture("set with noreply in place of a value")
            .given(store -> store.set("k", "a value so long that it takes other blocks".repeat(25)))
            .request(setNoreply("k", "value"))
            .isSilent()
            .counted(SET, STORED)
            .then(holds("k", "value")),
        fixture("set after one with noreply replies again")
            .given(
                store -> {
                  for (PacketDoor door : PacketDoor.values()) {
                    store.send(door, Frame.request(setNoreply("k", "old")));
                  }
                })
            .request(set("k", "value"))
            .replies(MemcachedText.STORED)
            .counted(SET, STORED)
            .then(holds("k", "value")),
        fixture("set with noreply that cannot be done here")
            .request(setNoreply("k", value(1400)))
            .goesUp()
            .counted(SET, PASSED));
  }

  private static List<PacketFixture> busyEntries() {
    List<PacketFixture> all = new ArrayList<>();
    for (String fresh : List.of("in place", "in other blocks".repeat(70))) {
      all.add(
          fixture("set of %d bytes while a writer holds the item".formatted(fresh.length()))
              .given(
                  store -> {
                    store.set("k", "v");
                    store.putEntry(store.entry("k").withWord(store.entry("k").word() | 1));
                  })
              .request(set("k", fresh))
              .goesUp()
              .counted(SET, PASSED)
              .then(
                  (store, _, _) ->
                      store.putEntry(store.entry("k").withWord(store.entry("k").word() & ~1L))));
    }
    return all;
  }
}
