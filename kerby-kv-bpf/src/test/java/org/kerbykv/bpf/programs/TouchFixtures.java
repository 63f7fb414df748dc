package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.KvAbi.CountedOp.TOUCH;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.HIT;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.NOT_FOUND;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.PASSED;
import static org.kerbykv.bpf.programs.PacketFixture.fixture;

import java.util.ArrayList;
import java.util.List;

/** What a touch can meet. */
final class TouchFixtures {
  private static final int MONTH = 60 * 60 * 24 * 30; // up to here an exptime is relative
  private static final String TOUCHED = "TOUCHED\r\n";

  private TouchFixtures() {}

  static List<PacketFixture> of(KvConfig config) {
    List<PacketFixture> all = new ArrayList<>();
    all.addAll(hits());
    for (int exptime : new int[] {1, 100, MONTH}) {
      all.add(relative(exptime));
    }
    all.add(absolute("just above a month, a time in 1970", MONTH + 1, KvAbi.EXPTIME_PAST));
    all.add(absolute("when the machine started", KvStore.UNIX_MINUS_BOOT, KvAbi.EXPTIME_PAST));
    all.add(absolute("far from that", KvStore.UNIX_MINUS_BOOT + 5_000_000, 5_000_000));
    all.add(
        absolute(
            "the last there is",
            Integer.MAX_VALUE,
            (int) (Integer.MAX_VALUE - KvStore.UNIX_MINUS_BOOT)));
    for (ItemSize size : ItemSize.around(config)) {
      all.add(
          touched("touch of " + size, size.key(), "0", KvAbi.EXPTIME_NEVER)
              .given(store -> store.set(size.key(), size.value(), 5, Integer.MAX_VALUE)));
    }
    all.addAll(misses());
    all.addAll(busyEntries());
    return all;
  }

  /** The item that is there gets that exptime, and changes in nothing else. */
  private static PacketFixture touched(
      String description, String key, String exptime, int bootSeconds) {
    return fixture(description)
        .request("touch " + key + " " + exptime + "\r\n")
        .replies(TOUCHED)
        .counted(TOUCH, HIT)
        .then(becomes(key, bootSeconds, bootSeconds));
  }

  private static PacketFixture.Check becomes(String key, int earliest, int latest) {
    return (store, before, after) -> {
      long identity = store.identity(key);
      KvEntry now = after.index().get(identity);
      assertThat(now.exptime()).isBetween(earliest, latest);
      assertThat(now)
          .usingRecursiveComparison()
          .ignoringFields("exptime")
          .isEqualTo(before.index().get(identity));
      assertThat(after.blocks()).isEqualTo(before.blocks());
    };
  }

  private static List<PacketFixture> hits() {
    String longKey = MemcachedText.key(250);
    return List.of(
        touched("touch that lets an item live on for ever", "k", "0", 0)
            .given(store -> store.set("k", "value", 5, Integer.MAX_VALUE)),
        touched("touch of a value of the user tier", "k", "0", 0)
            .given(
                store -> {
                  KvSlot slot = store.slot(0).request(KvAbi.Op.SET, "k").userValue(9, 5000);
                  store.run(slot.exptime(Integer.MAX_VALUE));
                }),
        fixture("touch without a reply")
            .given(store -> store.set(longKey, "value"))
            .request("touch " + longKey + " 1702000000 noreply\r\n")
            .isSilent()
            .counted(TOUCH, HIT)
            .then(becomes(longKey, 2_000_000, 2_000_000)));
  }

  private static PacketFixture relative(int exptime) {
    int before = KvStore.bootSeconds(); // of the making of the table, so a little early
    return fixture("touch with exptime %d from now".formatted(exptime))
        .given(store -> store.set("k", "value"))
        .request("touch k " + exptime + "\r\n")
        .replies(TOUCHED)
        .counted(TOUCH, HIT)
        .then(
            (store, old, now) ->
                becomes("k", before + exptime, KvStore.bootSeconds() + exptime)
                    .check(store, old, now));
  }

  private static PacketFixture absolute(String when, long unixSeconds, int bootSeconds) {
    return touched("touch with an absolute exptime: " + when, "k", "" + unixSeconds, bootSeconds)
        .given(store -> store.set("k", "value"));
  }

  private static List<PacketFixture> misses() {
    return List.of(
        fixture("touch of a key that nobody stored")
            .request("touch k 100\r\n")
            .replies(MemcachedText.NOT_FOUND)
            .counted(TOUCH, NOT_FOUND),
        fixture("touch without a reply of a key that nobody stored")
            .request("touch k 100 noreply\r\n")
            .isSilent()
            .counted(TOUCH, NOT_FOUND),
        fixture("touch of an item that has expired")
            .given(store -> store.set("k", "value", 0, KvAbi.EXPTIME_PAST))
            .request("touch k 100\r\n")
            .replies(MemcachedText.NOT_FOUND)
            .counted(TOUCH, NOT_FOUND)
            .then((_, before, after) -> assertThat(after).isEqualTo(before)),
        fixture("touch of an item that was flushed")
            .given(
                store -> {
                  store.set("k", "value");
                  store.setFlushVersion(store.nextVersion());
                })
            .request("touch k 100\r\n")
            .replies(MemcachedText.NOT_FOUND)
            .counted(TOUCH, NOT_FOUND)
            .then((_, before, after) -> assertThat(after).isEqualTo(before)));
  }

  private static List<PacketFixture> busyEntries() {
    return List.of(
        fixture("touch while a writer holds the item")
            .given(
                store -> {
                  store.set("k", "v");
                  store.putEntry(store.entry("k").withWord(store.entry("k").word() | 1));
                })
            .request("touch k 100\r\n")
            .goesUp()
            .counted(TOUCH, PASSED)
            .then(
                (store, _, _) ->
                    store.putEntry(store.entry("k").withWord(store.entry("k").word() & ~1L))));
  }
}
