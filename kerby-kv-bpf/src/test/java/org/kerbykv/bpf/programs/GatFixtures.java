package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.KvAbi.CountedOp.TOUCH;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.HIT;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.NOT_FOUND;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.PASSED;
import static org.kerbykv.bpf.programs.MemcachedText.END;
import static org.kerbykv.bpf.programs.MemcachedText.hit;
import static org.kerbykv.bpf.programs.MemcachedText.value;
import static org.kerbykv.bpf.programs.PacketFixture.fixture;

import java.util.ArrayList;
import java.util.List;

/** What a gat or gats can meet: as a get, and all that is found gets an exptime. */
final class GatFixtures {
  private static final int FRAME_HEADER_BYTES = 8;
  private static final int MONTH = 60 * 60 * 24 * 30; // up to here an exptime is relative

  /** Right and wrong, and left to user space; k, 0 and 1 are stored. */
  private static final List<String> ODD_LINES =
      List.of(
          "gat \r\n",
          "gat 0\r\n",
          "gats 0\r\n",
          "gat 0 \r\n",
          "gat k\r\n",
          "gat k 0\r\n",
          "gat  0 k\r\n",
          "gat 0  k\r\n",
          "gat 0 k \r\n",
          "gat 0 k",
          "gat 0 k\n",
          "gat 0 k\r",
          "gat 0\tk\r\n",
          "gat -1 k\r\n",
          "gat +1 k\r\n",
          "gat 1x k\r\n",
          "gat 2147483648 k\r\n",
          "gat 4294967296 k\r\n",
          "gat 000000000001 k\r\n",
          "gat 0 k\r\n\r\n",
          "gat 0 k\r\ngat 1 k\r\n",
          "gat 0 " + MemcachedText.key(251) + "\r\n",
          "gats 0" + " k".repeat(65) + "\r\n");

  private GatFixtures() {}

  static List<PacketFixture> of(KvConfig config) {
    List<PacketFixture> all = new ArrayList<>();
    for (int exptime : new int[] {1, 100, MONTH}) {
      all.add(relative(exptime));
    }
    all.add(touched("absolute", "" + (KvStore.UNIX_MINUS_BOOT + 5_000_000), 5_000_000));
    all.add(
        touched(
            "the last there is",
            "" + Integer.MAX_VALUE,
            (int) (Integer.MAX_VALUE - KvStore.UNIX_MINUS_BOOT)));
    all.add(touched("never", "0", KvAbi.EXPTIME_NEVER));
    for (ItemSize size : ItemSize.around(config)) {
      all.add(
          fixture("gat of " + size)
              .given(store -> store.set(size.key(), size.value(), 0, Integer.MAX_VALUE))
              .request("gat 0 " + size.key() + "\r\n")
              .replies(hit(size.key(), 0, size.value()))
              .counted(TOUCH, HIT)
              .then(becomes(size.key(), 0)));
    }
    all.addAll(several());
    all.addAll(misses());
    all.addAll(goUp(config));
    for (String request : ODD_LINES) {
      all.add(
          fixture("\"" + LineFixtures.printable(request) + "\"")
              .given(
                  store -> {
                    store.set("k", "value");
                    store.set("0", "value");
                    store.set("1", "value");
                  })
              .request(request)
              .goesUpHavingTouched()
              .mayCountAsPassed());
    }
    return all;
  }

  /** The item of that key gets that exptime, and nothing else changes. */
  private static PacketFixture.Check becomes(String key, int exptime) {
    return (store, before, after) -> {
      assertThat(after.index().get(store.identity(key)).exptime()).isEqualTo(exptime);
      assertThat(after.untimed()).isEqualTo(before.untimed());
    };
  }

  private static PacketFixture touched(String when, String exptime, int bootSeconds) {
    return fixture("gat with an exptime: " + when)
        .given(store -> store.set("k", "value", 5, Integer.MAX_VALUE))
        .request("gat " + exptime + " k\r\n")
        .replies(hit("k", 5, "value"))
        .counted(TOUCH, HIT)
        .then(becomes("k", bootSeconds));
  }

  private static PacketFixture relative(int exptime) {
    int earliest = KvStore.bootSeconds() + exptime;
    return fixture("gat with an exptime %d from now".formatted(exptime))
        .given(store -> store.set("k", "value"))
        .request("gat " + exptime + " k\r\n")
        .replies(hit("k", 0, "value"))
        .counted(TOUCH, HIT)
        .then(
            (store, before, after) -> {
              assertThat(store.entry("k").exptime())
                  .isBetween(earliest, KvStore.bootSeconds() + exptime);
              assertThat(after.untimed()).isEqualTo(before.untimed());
            });
  }

  private static void two(KvStore store) {
    store.set("a", "one", 1, Integer.MAX_VALUE);
    store.set("b", "two", 2, Integer.MAX_VALUE);
    store.set("other", "three", 3, Integer.MAX_VALUE);
  }

  private static List<PacketFixture> several() {
    PacketFixture.Check both =
        (store, before, after) -> {
          becomes("a", KvAbi.EXPTIME_NEVER).check(store, before, after);
          becomes("b", KvAbi.EXPTIME_NEVER).check(store, before, after);
          becomes("other", Integer.MAX_VALUE).check(store, before, after);
        };
    return List.of(
        fixture("gat of two keys and two missing ones")
            .given(GatFixtures::two)
            .request("gat 0 x a y b\r\n")
            .replies("VALUE a 1 3\r\none\r\nVALUE b 2 3\r\ntwo\r\nEND\r\n")
            .counted(TOUCH, HIT, 2)
            .counted(TOUCH, NOT_FOUND, 2)
            .then(both),
        fixture("gats of two keys: the versions stay")
            .given(GatFixtures::two)
            .request("gats 0 b a\r\n")
            .replies("VALUE b 2 3 2\r\ntwo\r\nVALUE a 1 3 1\r\none\r\nEND\r\n")
            .counted(TOUCH, HIT, 2)
            .then(both),
        fixture("gats of one key, twice")
            .given(GatFixtures::two)
            .request("gats 0 a a\r\n")
            .replies("VALUE a 1 3 1\r\none\r\n".repeat(2) + END)
            .counted(TOUCH, HIT, 2)
            .then(becomes("a", KvAbi.EXPTIME_NEVER)));
  }

  private static List<PacketFixture> misses() {
    return List.of(
        fixture("gat of keys that nobody stored")
            .given(GatFixtures::two)
            .request("gat 0 x y\r\n")
            .replies(END)
            .counted(TOUCH, NOT_FOUND, 2)
            .then(becomes("a", Integer.MAX_VALUE)),
        fixture("gat of an item that has expired: it stays so")
            .given(store -> store.set("k", "v", 0, KvAbi.EXPTIME_PAST))
            .request("gat 0 k\r\n")
            .replies(END)
            .counted(TOUCH, NOT_FOUND)
            .then(becomes("k", KvAbi.EXPTIME_PAST)),
        fixture("gat of an item that was flushed")
            .given(
                store -> {
                  store.set("k", "v");
                  store.setFlushVersion(store.nextVersion());
                })
            .request("gats 0 k\r\n")
            .replies(END)
            .counted(TOUCH, NOT_FOUND));
  }

  private static List<PacketFixture> goUp(KvConfig config) {
    int longest = MemcachedText.longestValue("k", 0, config.datagramMax());
    List<PacketFixture> all = new ArrayList<>();
    for (String request : List.of("gat 0 u\r\n", "gat 0 a u\r\n", "gats 0 u a\r\n")) {
      all.add(
          fixture(request.strip() + ", and u is in the user tier")
              .given(
                  store -> {
                    two(store);
                    store.setUser("u", 9, 5);
                  })
              .request(request)
              .goesUpHavingTouched()
              .counted(TOUCH, PASSED));
    }
    all.add(
        fixture("gat of two items that do not fit a datagram together")
            .given(
                store -> {
                  store.set("k", value(longest));
                  store.set("a", "one");
                })
            .request("gat 0 k a\r\n")
            .goesUpHavingTouched()
            .counted(TOUCH, PASSED));
    all.add(
        fixture("gat while a writer holds the item")
            .given(
                store -> {
                  store.set("k", "v");
                  store.putEntry(store.entry("k").withWord(store.entry("k").word() | 1));
                })
            .request("gat 100 k\r\n")
            .goesUp()
            .counted(TOUCH, PASSED)
            .then(
                (store, _, _) ->
                    store.putEntry(store.entry("k").withWord(store.entry("k").word() & ~1L))));
    // memcached answers with the value, and then it is gone.
    for (String past : List.of("" + (MONTH + 1), "" + KvStore.UNIX_MINUS_BOOT)) {
      all.add(
          fixture("gat with an exptime that has passed: " + past)
              .given(store -> store.set("k", "value"))
              .request("gat " + past + " k\r\n")
              .goesUp()
              .mayCountAsPassed());
    }
    if (FRAME_HEADER_BYTES + hit("k", 0, value(longest)).length() != config.datagramMax()) {
      throw new AssertionError("not the longest value");
    }
    return all;
  }
}
