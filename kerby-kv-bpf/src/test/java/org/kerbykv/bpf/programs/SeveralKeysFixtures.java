package org.kerbykv.bpf.programs;

import static org.kerbykv.bpf.programs.KvAbi.CountedOp.GET;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.HIT;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.MISS;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.PASSED;
import static org.kerbykv.bpf.programs.MemcachedText.END;
import static org.kerbykv.bpf.programs.MemcachedText.key;
import static org.kerbykv.bpf.programs.MemcachedText.value;
import static org.kerbykv.bpf.programs.PacketFixture.fixture;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * What a get or gets of several keys can meet. It is answered as a whole, or goes up as a whole.
 */
final class SeveralKeysFixtures {
  private static final int FRAME_HEADER_BYTES = 8;
  private static final int KEYS_MAX = 64;
  private static final int LINE_MAX = 2048; // bytes of a line that the programs look at

  /** Right and wrong, and left to user space; k and k2 are stored. */
  private static final List<String> ODD_LINES =
      List.of(
          "get k \r\n",
          "gets k \r\n",
          "get k  k2\r\n",
          "get k k2 \r\n",
          "get k k2",
          "get k k2\n",
          "get k k2\r",
          "get k k2\0\r\n",
          "get k k2\r\n\r\n",
          "get k k2\r\nget k\r\n",
          "get k k2\r\nk\r\n",
          "get k k2\rk\r\n",
          "get k k2\nk\r\n",
          "get k \0\r\n",
          "get k \n\r\n");

  private SeveralKeysFixtures() {}

  static List<PacketFixture> of(KvConfig config) {
    List<PacketFixture> all = new ArrayList<>();
    all.addAll(hitsAndMisses());
    all.addAll(sizes(config));
    all.addAll(room(config));
    all.addAll(manyKeys());
    all.addAll(longLines());
    all.addAll(notInTheKernel());
    for (String request : ODD_LINES) {
      all.add(
          fixture("\"" + LineFixtures.printable(request) + "\"")
              .given(
                  store -> {
                    store.set("k", "value");
                    store.set("k2", "value");
                  })
              .request(request)
              .goesUp()
              .mayCountAsPassed());
    }
    return all;
  }

  /** The lines that tell of one item in a reply. */
  private static String item(String key, int flags, String value) {
    return "VALUE %s %s %d\r\n%s\r\n"
        .formatted(key, Integer.toUnsignedString(flags), value.length(), value);
  }

  private static void three(KvStore store) {
    store.set("a", "one", 1, KvAbi.EXPTIME_NEVER);
    store.set("b", "", 20, KvAbi.EXPTIME_NEVER);
    store.set("c", value(100), -1, KvAbi.EXPTIME_NEVER);
  }

  private static List<PacketFixture> hitsAndMisses() {
    String a = item("a", 1, "one");
    String b = item("b", 20, "");
    String c = item("c", -1, value(100));
    return List.of(
        answer("of two keys", "get a b\r\n", 2, 0, a + b),
        answer("of two keys the other way round", "get b a\r\n", 2, 0, b + a),
        answer("of three keys", "get c a b\r\n", 3, 0, c + a + b),
        answer("of a key twice", "get a a\r\n", 2, 0, a + a),
        answer("of a key twice and another between", "get a c a\r\n", 3, 0, a + c + a),
        answer("of keys of which the first is missing", "get x a b\r\n", 2, 1, a + b),
        answer("of keys of which the second is missing", "get a x b\r\n", 2, 1, a + b),
        answer("of keys of which the last is missing", "get a b x\r\n", 2, 1, a + b),
        answer("of missing keys around one", "get x a x2\r\n", 1, 2, a),
        answer("of missing keys alone", "get x x2 x3\r\n", 0, 3, ""),
        answer("of a missing key twice", "get x x\r\n", 0, 2, ""),
        answer("of keys with control characters", "get a a\t \u0001\r\n", 1, 2, a),
        withVersions(),
        expired("has expired", store -> store.set("b", "v", 0, KvAbi.EXPTIME_PAST)),
        expired(
            "was flushed",
            store -> {
              store.set("b", "v");
              store.setFlushVersion(store.nextVersion());
            }));
  }

  private static PacketFixture answer(
      String what, String request, int hits, int misses, String items) {
    return fixture("get " + what)
        .given(SeveralKeysFixtures::three)
        .request(request)
        .replies(items + END)
        .counted(GET, HIT, hits)
        .counted(GET, MISS, misses);
  }

  private static PacketFixture withVersions() {
    return fixture("gets of keys, one with a long version, one with a cas of its own")
        .given(
            store -> {
              store.set("a", "one");
              store.setNextVersion(Long.MAX_VALUE - 2);
              store.set("b", "two");
              store.run(store.slot(0).request(KvAbi.Op.SET, "c").value("three").newCas(-1));
            })
        .request("gets c b x a\r\n")
        .replies(
            "VALUE c 0 5 18446744073709551615\r\nthree\r\n"
                + "VALUE b 0 3 9223372036854775806\r\ntwo\r\n"
                + "VALUE a 0 3 1\r\none\r\n"
                + END)
        .counted(GET, HIT, 3)
        .counted(GET, MISS, 1);
  }

  private static PacketFixture expired(String what, Consumer<KvStore> given) {
    return fixture("get of keys of which one " + what)
        .given(
            store -> {
              given.accept(store);
              store.set("a", "one");
            })
        .request("get a b\r\n")
        .replies(item("a", 0, "one") + END)
        .counted(GET, HIT)
        .counted(GET, MISS);
  }

  /** An item of each size between two small ones, as far as there is room. */
  private static List<PacketFixture> sizes(KvConfig config) {
    List<PacketFixture> all = new ArrayList<>();
    for (ItemSize size : ItemSize.around(config)) {
      String small = item("between", 7, "xyz");
      String reply = small + item(size.key(), 0, size.value()) + small + END;
      PacketFixture get =
          fixture("get of " + size + " between others")
              .given(
                  store -> {
                    store.set("between", "xyz", 7, KvAbi.EXPTIME_NEVER);
                    store.set(size.key(), size.value());
                  })
              .request("get between " + size.key() + " between\r\n");
      boolean fits = FRAME_HEADER_BYTES + reply.length() <= config.datagramMax();
      all.add(fits ? get.replies(reply).counted(GET, HIT, 3) : get.goesUp().counted(GET, PASSED));
    }
    return all;
  }

  /** Replies that fill a datagram, and those of a byte more. */
  private static List<PacketFixture> room(KvConfig config) {
    List<PacketFixture> all = new ArrayList<>();
    for (int first : new int[] {0, 1, 100, 700}) {
      String a = item("a", 0, value(first));
      int around = FRAME_HEADER_BYTES + (a + item("b", 0, value(500)) + END).length() - 500;
      // Three digits or four: both ways to write the length take as much.
      int second = config.datagramMax() - around - (config.datagramMax() - around > 999 ? 1 : 0);
      all.add(
          twoItems("that fill a datagram", first, second)
              .replies(a + item("b", 0, value(second)) + END)
              .counted(GET, HIT, 2));
      all.add(
          twoItems("of a byte more than a datagram carries", first, second + 1)
              .goesUp()
              .counted(GET, PASSED));
    }
    int longest = MemcachedText.longestValue("a", 0, config.datagramMax());
    all.add(
        fixture("get of the largest item and a missing key")
            .given(store -> store.set("a", value(longest)))
            .request("get x a x\r\n")
            .replies(item("a", 0, value(longest)) + END)
            .counted(GET, HIT)
            .counted(GET, MISS, 2));
    all.add(
        fixture("get of the largest item twice")
            .given(store -> store.set("a", value(longest)))
            .request("get a a\r\n")
            .goesUp()
            .counted(GET, PASSED));
    all.add(
        fixture("gets of two items that would fit without their versions")
            .given(
                store -> {
                  store.set("a", value(100));
                  store.set("b", value(longest - 100 - item("a", 0, value(100)).length() + 99));
                })
            .request("gets a b\r\n")
            .goesUp()
            .counted(GET, PASSED));
    return all;
  }

  private static PacketFixture twoItems(String what, int first, int second) {
    return fixture("get of two items, of %d and %d bytes, %s".formatted(first, second, what))
        .given(
            store -> {
              store.set("a", value(first));
              store.set("b", value(second));
            })
        .request("get a b\r\n");
  }

  private static List<PacketFixture> manyKeys() {
    String small = item("k", 0, "");
    List<PacketFixture> all = new ArrayList<>();
    for (int keys : new int[] {10, KEYS_MAX - 1, KEYS_MAX}) {
      all.add(
          fixture("get of a key %d times".formatted(keys))
              .given(store -> store.set("k", ""))
              .request("get" + " k".repeat(keys) + "\r\n")
              .replies(small.repeat(keys) + END)
              .counted(GET, HIT, keys));
    }
    all.add(
        fixture("get of %d missing keys".formatted(KEYS_MAX))
            .request("get" + keys(KEYS_MAX) + "\r\n")
            .replies(END)
            .counted(GET, MISS, KEYS_MAX));
    for (int keys : new int[] {KEYS_MAX + 1, 2 * KEYS_MAX, 700}) {
      all.add(
          fixture("get of %d keys".formatted(keys))
              .request("get" + " k".repeat(keys) + "\r\n")
              .goesUp()
              .mayCountAsPassed());
    }
    return all;
  }

  private static String keys(int number) {
    StringBuilder keys = new StringBuilder();
    IntStream.range(0, number).forEach(i -> keys.append(" missing").append(i));
    return keys.toString();
  }

  private static List<PacketFixture> longLines() {
    String longest = key(250);
    List<PacketFixture> all = new ArrayList<>();
    all.add(
        fixture("get of the longest key five times")
            .given(store -> store.set(longest, "v"))
            .request("get" + (" " + longest).repeat(5) + "\r\n")
            .replies(item(longest, 0, "v").repeat(5) + END)
            .counted(GET, HIT, 5));
    all.add(
        fixture("get of the longest key behind others")
            .given(store -> store.set(longest, "v"))
            .request("get x " + longest + " x\r\n")
            .replies(item(longest, 0, "v") + END)
            .counted(GET, HIT)
            .counted(GET, MISS, 2));
    all.add(
        fixture("get of a key and one that is too long")
            .given(store -> store.set("k", "v"))
            .request("get k " + key(251) + "\r\n")
            .goesUp()
            .mayCountAsPassed());
    // Misses, so that the reply is short: a line of a jumbo frame.
    String eight = "get" + (" " + longest).repeat(8);
    int fill = LINE_MAX - eight.length() - " \r\n".length();
    String full = eight + " " + key(fill) + "\r\n";
    all.add(
        fixture("get with the longest line that is looked at")
            .request(full)
            .replies(END)
            .counted(GET, MISS, 9));
    all.add(
        fixture("get with a longer line")
            .request(eight + " " + key(fill + 1) + "\r\n")
            .goesUp()
            .mayCountAsPassed());
    all.add(
        fixture("get with the longest line that is looked at, and more behind it")
            .request(full + "get k\r\n")
            .goesUp()
            .mayCountAsPassed());
    return all;
  }

  private static List<PacketFixture> notInTheKernel() {
    List<PacketFixture> all = new ArrayList<>();
    for (String request : List.of("get u a b\r\n", "get a u b\r\n", "gets a b u\r\n")) {
      all.add(
          fixture(request.strip() + ", and u is in the user tier")
              .given(
                  store -> {
                    three(store);
                    store.setUser("u", 9, 5);
                  })
              .request(request)
              .goesUp()
              .counted(GET, PASSED));
    }
    all.add(
        fixture("get of keys of which one is held by a writer all the time")
            .given(
                store -> {
                  three(store);
                  store.putEntry(store.entry("b").withWord(store.entry("b").word() | 1));
                })
            .request("get a b c\r\n")
            .goesUp()
            .counted(GET, PASSED)
            .then(
                (store, _, _) ->
                    store.putEntry(store.entry("b").withWord(store.entry("b").word() & ~1L))));
    all.add(
        fixture("get of keys of which one has lost a block")
            .given(
                store -> {
                  store.set("a", "one");
                  store.set("big", value(1000));
                  store.removeBlock(last(store.entry("big")));
                })
            .request("get a big\r\n")
            .goesUp()
            .counted(GET, PASSED)
            .then(
                (store, _, _) ->
                    store.putBlock(
                        last(store.entry("big")), new byte[store.config().blockBytes()])));
    return all;
  }

  private static long last(KvEntry entry) {
    return entry.first() + entry.blocks() - 1;
  }
}
