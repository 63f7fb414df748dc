package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.KvAbi.CountedOp.SET;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.ERROR;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.NOT_FOUND;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.PASSED;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.STORED;
import static org.kerbykv.bpf.programs.MemcachedText.key;
import static org.kerbykv.bpf.programs.MemcachedText.value;
import static org.kerbykv.bpf.programs.PacketFixture.fixture;

import java.util.ArrayList;
import java.util.List;

/** What an ms can meet; the replies are memcached 1.6.18's. */
final class MetaSetFixtures {
  private static final int MONTH = 60 * 60 * 24 * 30; // from here on an exptime is absolute

  /** Right and wrong, and left to user space; k is stored. */
  private static final List<String> ODD_LINES =
      List.of(
          "ms k\r\n",
          "ms k \r\n",
          "ms  k 1\r\nx\r\n",
          "ms k  1\r\nx\r\n",
          "ms k 1 \r\nx\r\n",
          "ms k 1  c\r\nx\r\n",
          "ms k x\r\nx\r\n",
          "ms k -1\r\nx\r\n",
          "ms k +1\r\nx\r\n",
          "ms k 1x\r\nx\r\n",
          "ms k S1\r\nx\r\n",
          "ms k 4294967297\r\nx\r\n",
          "ms k 8961\r\nx\r\n",
          "ms k 000000000001\r\nx\r\n",
          "ms k 1\r\nxx\r\n",
          "ms k 1\r\n\r\n",
          "ms k 1\r\nx",
          "ms k 1\r\nx\r",
          "ms k 1\r\nx\n\r",
          "ms k 1\nx\r\n",
          "ms k 1\r\nx\r\n\r\n",
          "ms k 1\r\nx\r\nmg k\r\n",
          "ms k 0\r\n",
          "ms k 1 cc\r\nx\r\n",
          "ms k 1 c c\r\nx\r\n",
          "ms k 1 F1 F2\r\nx\r\n",
          "ms k 1 q k q\r\nx\r\n",
          "ms k 1 b\r\nx\r\n",
          "ms k 1 I\r\nx\r\n",
          "ms k 1 E5\r\nx\r\n",
          "ms k 1 N5\r\nx\r\n",
          "ms k 1 v\r\nx\r\n",
          "ms k 1 s\r\nx\r\n",
          "ms k 1 noreply\r\nx\r\n",
          "ms k 1 M\r\nx\r\n",
          "ms k 1 MA\r\nx\r\n",
          "ms k 1 MP\r\nx\r\n",
          "ms k 1 Me\r\nx\r\n",
          "ms k 1 Ms\r\nx\r\n",
          "ms k 1 MX\r\nx\r\n",
          "ms k 1 MSET\r\nx\r\n",
          "ms k 1 ME\0\r\nx\r\n",
          "ms k 1 F\r\nx\r\n",
          "ms k 1 F-1\r\nx\r\n",
          "ms k 1 Fx\r\nx\r\n",
          "ms k 1 F1x\r\nx\r\n",
          "ms k 1 F4294967296\r\nx\r\n",
          "ms k 1 T\r\nx\r\n",
          "ms k 1 T-1\r\nx\r\n",
          "ms k 1 T1x\r\nx\r\n",
          "ms k 1 T2147483648\r\nx\r\n",
          "ms k 1 C1 ME\r\nx\r\n",
          "ms k 1 MR C1\r\nx\r\n",
          "ms k 1 C\r\nx\r\n",
          "ms k 1 C-1\r\nx\r\n",
          "ms k 1 C1x\r\nx\r\n",
          "ms k 1 C18446744073709551616\r\nx\r\n",
          "ms k 1 O" + "x".repeat(32) + "\r\nx\r\n",
          "ms " + key(251) + " 1\r\nx\r\n",
          "ms " + key(250));

  private MetaSetFixtures() {}

  static List<PacketFixture> of(KvConfig config) {
    List<PacketFixture> all = new ArrayList<>();
    all.addAll(flags());
    all.addAll(modes());
    all.addAll(cas());
    all.addAll(sizes(config));
    all.addAll(longReplies());
    all.addAll(others(config));
    for (String request : ODD_LINES) {
      all.add(
          fixture("\"" + LineFixtures.printable(request) + "\"")
              .given(store -> store.set("k", "value"))
              .request(request)
              .goesUp()
              .mayCountAsPassed());
    }
    return all;
  }

  private static String ms(String key, String flags, String value) {
    return "ms %s %d%s\r\n%s\r\n".formatted(key, value.length(), flags, value);
  }

  /** A set that is stored as version 2, k's first being 1. */
  private static PacketFixture stored(String flags, String reply) {
    return fixture("ms with" + (flags.isEmpty() ? "out flags" : flags))
        .given(store -> store.set("k", "old", 9, Integer.MAX_VALUE))
        .request(ms("k", flags, "a new value of some length"))
        .replies(reply)
        .counted(SET, STORED)
        .then(holds("k", "a new value of some length", 0, KvAbi.EXPTIME_NEVER));
  }

  private static PacketFixture.Check holds(String key, String value, int flags, int exptime) {
    return (store, _, _) -> {
      KvSlot slot = store.slot(0).request(KvAbi.Op.GET, key).keep(KvAbi.KEEP_ACCESS);
      assertThat(store.run(slot)).isEqualTo(KvAbi.Status.OK);
      assertThat(slot.value()).isEqualTo(value);
      assertThat(slot.flags()).isEqualTo(flags);
      assertThat(slot.exptime()).isEqualTo(exptime);
      assertThat(slot.state()).as("state").isZero();
      assertThat(slot.cas()).isEqualTo(slot.version()).isEqualTo(store.nextVersion());
    };
  }

  private static List<PacketFixture> flags() {
    List<PacketFixture> all = new ArrayList<>();
    String opaque = "\u0001\t!az~\u007f\u0080\u00ff0123456789012345678901".substring(0, 31);
    all.add(stored("", "HD\r\n"));
    all.add(stored(" T0", "HD\r\n"));
    all.add(stored(" F0", "HD\r\n"));
    all.add(stored(" c", "HD c2\r\n"));
    all.add(stored(" k", "HD kk\r\n"));
    all.add(stored(" O", "HD O\r\n"));
    all.add(stored(" Ok", "HD Ok\r\n"));
    all.add(stored(" O" + opaque, "HD O" + opaque + "\r\n"));
    all.add(stored(" MS", "HD\r\n"));
    all.add(stored(" MR c", "HD c2\r\n"));
    all.add(stored(" c k O12 T0 F0 MS", "HD c2 kk O12\r\n"));
    all.add(stored(" F0 O12 MS k T0 c", "HD O12 kk c2\r\n"));
    all.add(stored(" C1 k c", "HD kk c2\r\n"));
    all.add(stored(" C00001", "HD\r\n"));
    for (String quiet : List.of(" q", " q k O1", " c q", " C1 q", " MR q")) {
      all.add(
          fixture("ms with" + quiet)
              .given(store -> store.set("k", "old"))
              .request(ms("k", quiet, "new"))
              .isSilent()
              .counted(SET, STORED)
              .then(holds("k", "new", 0, KvAbi.EXPTIME_NEVER)));
    }
    for (String digits : List.of("1", "65535", "4294967295", "007")) {
      all.add(
          fixture("ms with F" + digits)
              .request(ms("k", " F" + digits, "new"))
              .replies("HD\r\n")
              .counted(SET, STORED)
              .then(holds("k", "new", Integer.parseUnsignedInt(digits), 0)));
    }
    for (int exptime : new int[] {1, 100, MONTH}) {
      int earliest = KvStore.bootSeconds() + exptime;
      all.add(
          fixture("ms with T" + exptime)
              .request(ms("k", " T" + exptime, "new"))
              .replies("HD\r\n")
              .counted(SET, STORED)
              .then(
                  (store, _, _) ->
                      assertThat(store.entry("k").exptime())
                          .isBetween(earliest, KvStore.bootSeconds() + exptime)));
    }
    return all;
  }

  private static List<PacketFixture> modes() {
    return List.of(
        notStored("ME", " ME", "NS\r\n"),
        notStored("ME and q", " ME q k O1", "NS kk O1\r\n"),
        notStored("ME and c", " c ME", "NS c0\r\n"),
        fixture("ms with ME of a key that nobody stored")
            .request(ms("k", " ME k c", "new"))
            .replies("HD kk c1\r\n")
            .counted(SET, STORED)
            .then(holds("k", "new", 0, 0)),
        fixture("ms with ME of an item that has expired")
            .given(store -> store.set("k", "old", 5, KvAbi.EXPTIME_PAST))
            .request(ms("k", " ME", "new"))
            .replies("HD\r\n")
            .counted(SET, STORED)
            .then(holds("k", "new", 0, 0)),
        absent("MR", " MR", "NS\r\n", ERROR),
        absent("MR, c, k and q", " MR c k q", "NS c0 kk\r\n", ERROR),
        fixture("ms with MR of an item that has expired")
            .given(store -> store.set("k", "old", 5, KvAbi.EXPTIME_PAST))
            .request(ms("k", " MR", "new"))
            .replies("NS\r\n")
            .counted(SET, ERROR)
            .then((_, before, after) -> assertThat(after).isEqualTo(before)));
  }

  private static PacketFixture notStored(String what, String flags, String reply) {
    return fixture("ms with " + what + " of a stored item")
        .given(store -> store.set("k", "old", 5, Integer.MAX_VALUE))
        .request(ms("k", flags, "new"))
        .replies(reply)
        .counted(SET, ERROR)
        .thenWithAccess(
            (_, before, after) -> assertThat(after.unaccessed()).isEqualTo(before.unaccessed()));
  }

  private static PacketFixture absent(
      String what, String flags, String reply, KvAbi.CountedResult result) {
    return fixture("ms with " + what + " of a key that nobody stored")
        .request(ms("k", flags, "new"))
        .replies(reply)
        .counted(SET, result)
        .then((_, _, after) -> assertThat(after.index()).isEmpty());
  }

  private static List<PacketFixture> cas() {
    List<PacketFixture> all = new ArrayList<>();
    all.add(notStored("another C", " C2", "EX\r\n"));
    all.add(notStored("C0", " C0", "EX\r\n"));
    all.add(notStored("another C, q and all that is shown", " q C7 c k O3", "EX c0 kk O3\r\n"));
    all.add(absent("C", " C1", "NF\r\n", NOT_FOUND));
    all.add(absent("C, q and all that is shown", " C1 q k O7 c", "NF kk O7 c0\r\n", NOT_FOUND));
    all.add(
        fixture("ms with a C that user space gave")
            .given(
                store ->
                    store.run(store.slot(0).request(KvAbi.Op.SET, "k").value("v").newCas(1L << 40)))
            .request(ms("k", " C1099511627776 c", "new"))
            .replies("HD c2\r\n")
            .counted(SET, STORED)
            .then(holds("k", "new", 0, 0)));
    return all;
  }

  private static List<PacketFixture> sizes(KvConfig config) {
    List<PacketFixture> all = new ArrayList<>();
    for (ItemSize size : ItemSize.around(config)) {
      all.add(
          fixture("ms of " + size)
              .request(ms(size.key(), " k", size.value()))
              .replies("HD k" + size.key() + "\r\n")
              .counted(SET, STORED)
              .then(holds(size.key(), size.value(), 0, 0)));
    }
    int tooLong = MemcachedText.longestValue("k", 0, config.datagramMax()) + 1;
    all.add(
        fixture("ms of a value too long for a datagram")
            .given(store -> store.set("k", "old"))
            .request(ms("k", "", value(tooLong)))
            .goesUp()
            .mayCountAsPassed());
    return all;
  }

  /** A reply that may be longer than its request goes up before anything is stored. */
  private static List<PacketFixture> longReplies() {
    return List.of(
        fixture("ms whose reply has a longer cas than its request has text")
            .given(store -> store.setNextVersion(1_000_000_000_000_000_000L))
            .request(ms("k", " c", ""))
            .goesUp()
            .mayCountAsPassed(),
        fixture("ms whose reply has a longer cas than its request has text, and the key")
            .given(store -> store.setNextVersion(1_000_000_000_000_000_000L))
            .request(ms(key(50), " c k", ""))
            .goesUp()
            .mayCountAsPassed(),
        fixture("ms whose reply has a longer cas than its request has text, and an opaque")
            .given(store -> store.setNextVersion(1_000_000_000_000_000_000L))
            .request(ms("k", " c O" + "o".repeat(31), ""))
            .goesUp()
            .mayCountAsPassed(),
        fixture("ms whose reply with a long cas is as long as its request")
            .given(store -> store.setNextVersion(1_000_000_000_000_000_000L))
            .request(ms("k", " c", "value of 20 bytes..."))
            .replies("HD c1000000000000000001\r\n")
            .counted(SET, STORED));
  }

  private static List<PacketFixture> others(KvConfig config) {
    List<PacketFixture> all = new ArrayList<>();
    all.add(
        fixture("ms in place of a value of the user tier")
            .given(store -> store.setUser("k", 77, 5000))
            .request(ms("k", "", "new"))
            .replies("HD\r\n")
            .counted(SET, STORED)
            .drops(77L)
            .then(holds("k", "new", 0, 0)));
    all.add(
        fixture("ms of a stale item that was won and fetched: all of that is over")
            .given(
                store -> {
                  KvSlot slot = store.slot(0).request(KvAbi.Op.SET, "k").value("old");
                  store.run(slot.state(KvAbi.STALE | KvAbi.WON | KvAbi.FETCHED, 0));
                })
            .request(ms("k", "", "new"))
            .replies("HD\r\n")
            .counted(SET, STORED)
            .then(holds("k", "new", 0, 0)));
    all.add(
        fixture("ms with a value of the bytes that end lines")
            .request(ms("k", " k", "\r\n\r\nms k 1\r\n"))
            .replies("HD kk\r\n")
            .counted(SET, STORED)
            .then(holds("k", "\r\n\r\nms k 1\r\n", 0, 0)));
    all.add(
        fixture("ms of a key with control characters")
            .request(ms("\u0001\t\u00ff", " k", "new"))
            .replies("HD k\u0001\t\u00ff\r\n")
            .counted(SET, STORED)
            .then(holds("\u0001\t\u00ff", "new", 0, 0)));
    all.add(
        fixture("ms into a full pool")
            .given(store -> store.fill(config.reserve()))
            .request(ms("k", " c", "new"))
            .goesUp()
            .counted(SET, PASSED));
    all.add(
        fixture("ms while a writer holds the item")
            .given(
                store -> {
                  store.set("k", "v");
                  store.putEntry(store.entry("k").withWord(store.entry("k").word() | 1));
                })
            .request(ms("k", "", "new"))
            .goesUp()
            .counted(SET, PASSED)
            .then(
                (store, _, _) ->
                    store.putEntry(store.entry("k").withWord(store.entry("k").word() & ~1L))));
    return all;
  }
}
