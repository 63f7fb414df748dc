package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.KvAbi.CountedOp.GET;
import static org.kerbykv.bpf.programs.KvAbi.CountedOp.TOUCH;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.HIT;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.MISS;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.NOT_FOUND;
import static org.kerbykv.bpf.programs.MemcachedText.key;
import static org.kerbykv.bpf.programs.MemcachedText.value;
import static org.kerbykv.bpf.programs.PacketFixture.fixture;

import java.util.ArrayList;
import java.util.List;

/**
 * What an mg can meet; the replies are memcached 1.6.18's. What depends on the clock is in {@link
 * MetaTimesTest}.
 */
final class MetaGetFixtures {
  private static final int FRAME_HEADER_BYTES = 8;

  /** Right and wrong, and left to user space; k is stored. */
  private static final List<String> ODD_LINES =
      List.of(
          "mg \r\n",
          "mg  k\r\n",
          "mg k \r\n",
          "mg k  v\r\n",
          "mg k v \r\n",
          "mg k v",
          "mg k v\n",
          "mg k v\r",
          "mg k v\r\n\r\n",
          "mg k v\r\nmg k\r\n",
          "mg k vf\r\n",
          "mg k v v\r\n",
          "mg k k s k\r\n",
          "mg k O1 O2\r\n",
          "mg k T1 T1\r\n",
          "mg k b\r\n",
          "mg k N30\r\n",
          "mg k R30\r\n",
          "mg k E5\r\n",
          "mg k I\r\n",
          "mg k C1\r\n",
          "mg k F1\r\n",
          "mg k ME\r\n",
          "mg k S\r\n",
          "mg k Z\r\n",
          "mg k z\r\n",
          "mg k 1\r\n",
          "mg k \0\r\n",
          "mg k v\0\r\n",
          "mg k [\r\n",
          "mg k \u00f6\r\n",
          "mg k t T100\r\n",
          "mg k T100 t\r\n",
          "mg k T\r\n",
          "mg k T-1\r\n",
          "mg k Tx\r\n",
          "mg k T1x\r\n",
          "mg k T4294967296\r\n",
          "mg k T2147483648\r\n",
          "mg k T2592001\r\n",
          "mg k T18446744073709551616\r\n",
          "mg k T" + "0".repeat(21) + "\r\n",
          "mg k O" + "x".repeat(32) + "\r\n",
          "mg k O" + "x".repeat(500) + "\r\n",
          "mg k v s t f c h l k O1 q c v s t\r\n",
          "mg " + key(251) + " v\r\n",
          "mg " + key(250));

  private MetaGetFixtures() {}

  static List<PacketFixture> of(KvConfig config) {
    List<PacketFixture> all = new ArrayList<>();
    all.addAll(flags());
    all.addAll(accesses());
    all.addAll(misses());
    all.addAll(sizes(config));
    all.addAll(room(config));
    all.addAll(states());
    all.addAll(notInTheKernel());
    for (String request : ODD_LINES) {
      all.add(
          fixture("\"" + LineFixtures.printable(request) + "\"")
              .given(store -> store.set("k", "value"))
              .request(request)
              .goesUpHavingTouched()
              .mayCountAsPassed());
    }
    return all;
  }

  private static PacketFixture hit(String request, String reply) {
    return fixture("mg " + request)
        .given(store -> store.set("k", "value", -2, KvAbi.EXPTIME_NEVER))
        .request("mg " + request + "\r\n")
        .replies(reply)
        .counted(GET, HIT);
  }

  private static List<PacketFixture> flags() {
    String opaque = "\u0001\t!az~\u007f\u0080\u00ff0123456789012345678901".substring(0, 31);
    return List.of(
        hit("k", "HD\r\n"),
        hit("k v", "VA 5\r\nvalue\r\n"),
        hit("k s", "HD s5\r\n"),
        hit("k s v", "VA 5 s5\r\nvalue\r\n"),
        hit("k v s", "VA 5 s5\r\nvalue\r\n"),
        hit("k f", "HD f4294967294\r\n"),
        hit("k c", "HD c1\r\n"),
        hit("k t", "HD t-1\r\n"),
        hit("k k", "HD kk\r\n"),
        hit("k h", "HD h0\r\n"),
        hit("k l", "HD l0\r\n"),
        hit("k q", "HD\r\n"),
        hit("k q v", "VA 5\r\nvalue\r\n"),
        hit("k O", "HD O\r\n"),
        hit("k O7", "HD O7\r\n"),
        hit("k O" + opaque, "HD O" + opaque + "\r\n"),
        hit("k O" + opaque + " k v", "VA 5 O" + opaque + " kk\r\nvalue\r\n"),
        hit("k Ov", "HD Ov\r\n"),
        hit("k v Ov q", "VA 5 Ov\r\nvalue\r\n"),
        hit("k v s t f c h l k O123 q", "VA 5 s5 t-1 f4294967294 c1 h0 l0 kk O123\r\nvalue\r\n"),
        hit("k q O123 k l h c f t s v", "VA 5 O123 kk l0 h0 c1 f4294967294 t-1 s5\r\nvalue\r\n"),
        hit("k s t f c h l k O123 q", "HD s5 t-1 f4294967294 c1 h0 l0 kk O123\r\n"),
        fixture("mg of a value that looks like a reply")
            .given(store -> store.set("k", "\r\nEN\r\nVA 1\r\n"))
            .request("mg k v k\r\n")
            .replies("VA 12 kk\r\n\r\nEN\r\nVA 1\r\n\r\n")
            .counted(GET, HIT),
        fixture("mg of a key with control characters")
            .given(store -> store.set("\u0001\t\u00ff", ""))
            .request("mg \u0001\t\u00ff k v s\r\n")
            .replies("VA 0 k\u0001\t\u00ff s0\r\n\r\n")
            .counted(GET, HIT),
        fixture("mg of a cas as long as it gets")
            .given(
                store -> store.run(store.slot(0).request(KvAbi.Op.SET, "k").value("v").newCas(-1)))
            .request("mg k c v\r\n")
            .replies("VA 1 c18446744073709551615\r\nv\r\n")
            .counted(GET, HIT),
        fixture("mg with T: the exptime is new")
            .given(store -> store.set("k", "value", 0, Integer.MAX_VALUE))
            .request("mg k T0 v\r\n")
            .replies("VA 5\r\nvalue\r\n")
            .counted(TOUCH, HIT)
            .then(
                (store, before, after) -> {
                  assertThat(store.entry("k").exptime()).isEqualTo(KvAbi.EXPTIME_NEVER);
                  assertThat(after.untimed()).isEqualTo(before.untimed());
                }));
  }

  /** An mg tells of the accesses before it, and is one. */
  private static List<PacketFixture> accesses() {
    PacketFixture.Check accessed =
        (store, _, _) -> {
          assertThat(store.entry("k").fetched()).isEqualTo(1);
          assertThat(store.entry("k").lastAccess()).isEqualTo(KvStore.EPOCH);
        };
    List<PacketFixture> all = new ArrayList<>();
    for (String request : List.of("mg k\r\n", "mg k q\r\n", "mg k v\r\n", "mg k c O1\r\n")) {
      String reply = request.contains("v") ? "VA 5\r\nvalue\r\n" : "HD\r\n";
      all.add(
          fixture(request.strip() + " is an access")
              .given(
                  store -> {
                    store.setEpoch(KvStore.EPOCH - 3);
                    store.set("k", "value");
                    store.setEpoch(KvStore.EPOCH);
                  })
              .request(request)
              .replies(request.contains("c") ? "HD c1 O1\r\n" : reply)
              .counted(GET, HIT)
              .thenWithAccess(accessed));
    }
    all.add(
        fixture("mg after a get and three seconds")
            .given(
                store -> {
                  store.setEpoch(KvStore.EPOCH - 3);
                  store.set("k", "value");
                  store.get("k");
                  store.setEpoch(KvStore.EPOCH);
                })
            .request("mg k h l\r\n")
            .replies("HD h1 l3\r\n")
            .counted(GET, HIT)
            .thenWithAccess(accessed));
    all.add(
        fixture("mg with T, h and l says what was before")
            .given(
                store -> {
                  store.setEpoch(KvStore.EPOCH - 3);
                  store.set("k", "value", 0, Integer.MAX_VALUE);
                  store.setEpoch(KvStore.EPOCH);
                })
            .request("mg k T0 h l\r\n")
            .replies("HD h0 l3\r\n")
            .counted(TOUCH, HIT)
            .thenWithAccess(accessed));
    return all;
  }

  private static List<PacketFixture> misses() {
    String longest = key(250);
    return List.of(
        miss("x", "EN\r\n"),
        miss("x v s t f c h l", "EN\r\n"),
        miss("x k", "EN kx\r\n"),
        miss("x v O9 k f", "EN O9 kx\r\n"),
        miss("x k O9", "EN kx O9\r\n"),
        miss("x O", "EN O\r\n"),
        miss(longest + " k Oabc", "EN k" + longest + " Oabc\r\n"),
        fixture("mg with q of a key that nobody stored")
            .request("mg x v q k O1\r\n")
            .isSilent()
            .counted(GET, MISS),
        fixture("mg with T of a key that nobody stored")
            .request("mg x T0 k\r\n")
            .replies("EN kx\r\n")
            .counted(TOUCH, NOT_FOUND),
        fixture("mg of an item that has expired")
            .given(store -> store.set("k", "v", 0, KvAbi.EXPTIME_PAST))
            .request("mg k v\r\n")
            .replies("EN\r\n")
            .counted(GET, MISS),
        fixture("mg with T of an item that has expired: it stays so")
            .given(store -> store.set("k", "v", 0, KvAbi.EXPTIME_PAST))
            .request("mg k T0\r\n")
            .replies("EN\r\n")
            .counted(TOUCH, NOT_FOUND)
            .then((_, before, after) -> assertThat(after).isEqualTo(before)),
        fixture("mg of an item that was flushed")
            .given(
                store -> {
                  store.set("k", "v");
                  store.setFlushVersion(store.nextVersion());
                })
            .request("mg k v\r\n")
            .replies("EN\r\n")
            .counted(GET, MISS));
  }

  private static PacketFixture miss(String request, String reply) {
    return fixture("mg of a key that nobody stored: " + request)
        .given(store -> store.set("k", "value"))
        .request("mg " + request + "\r\n")
        .replies(reply)
        .counted(GET, MISS);
  }

  private static List<PacketFixture> sizes(KvConfig config) {
    List<PacketFixture> all = new ArrayList<>();
    for (ItemSize size : ItemSize.around(config)) {
      String key = size.key();
      int length = size.valueLength();
      String full = "VA %d k%s s%d c1\r\n%s\r\n".formatted(length, key, length, size.value());
      PacketFixture mg =
          fixture("mg of " + size)
              .given(store -> store.set(key, size.value()))
              .request("mg " + key + " k s c v\r\n");
      all.add(
          FRAME_HEADER_BYTES + full.length() <= config.datagramMax()
              ? mg.replies(full).counted(GET, HIT)
              : mg.goesUp().mayCountAsPassed());
      all.add(
          fixture("mg without the value of " + size)
              .given(store -> store.set(key, size.value()))
              .request("mg " + key + " s\r\n")
              .replies("HD s" + length + "\r\n")
              .counted(GET, HIT));
    }
    return all;
  }

  /** Replies that fill a datagram, and those of a byte more. */
  private static List<PacketFixture> room(KvConfig config) {
    int longest = MemcachedText.longestValue("k", 0, config.datagramMax());
    int spare = config.datagramMax() - FRAME_HEADER_BYTES - longest - "VA 1000\r\n\r\n".length();
    String opaque = "o".repeat(spare - " O".length());
    return List.of(
        fixture("mg whose reply fills a datagram")
            .given(store -> store.set("k", value(longest)))
            .request("mg k v O" + opaque + "\r\n")
            .replies("VA " + longest + " O" + opaque + "\r\n" + value(longest) + "\r\n")
            .counted(GET, HIT),
        fixture("mg whose reply is a byte more than a datagram carries")
            .given(store -> store.set("k", value(longest)))
            .request("mg k v O" + opaque + "o\r\n")
            .goesUp()
            .mayCountAsPassed());
  }

  /** What only user space knows to show goes up, and user space finds it as it was. */
  private static List<PacketFixture> states() {
    List<PacketFixture> all = new ArrayList<>();
    for (int state : new int[] {KvAbi.STALE, KvAbi.WON, KvAbi.STALE | KvAbi.WON, KvAbi.BINARY}) {
      for (String request : List.of("mg k\r\n", "mg k v k h l\r\n", "mg k q s\r\n")) {
        all.add(
            fixture("%s of an item with state %d".formatted(request.strip(), state))
                .given(
                    store -> {
                      store.setEpoch(KvStore.EPOCH - 3);
                      KvSlot set = store.slot(0).request(KvAbi.Op.SET, "k").value("value");
                      store.run(set.state(state, 0));
                      store.setEpoch(KvStore.EPOCH);
                    })
                .request(request)
                .goesUp()
                .mayCountAsPassed()
                .thenWithAccess(MetaGetFixtures::notAccessed));
      }
    }
    return all;
  }

  private static void notAccessed(KvStore store, Contents before, Contents after) {
    assertThat(store.entry("k").fetched()).as("fetched").isZero();
    assertThat(store.entry("k").lastAccess()).as("last access").isEqualTo(KvStore.EPOCH - 3);
  }

  private static List<PacketFixture> notInTheKernel() {
    List<PacketFixture> all = new ArrayList<>();
    for (String request : List.of("mg k v\r\n", "mg k l h v\r\n")) {
      all.add(
          fixture(request.strip() + " of a value of the user tier")
              .given(
                  store -> {
                    store.setEpoch(KvStore.EPOCH - 3);
                    store.setUser("k", 9, 5);
                    store.setEpoch(KvStore.EPOCH);
                  })
              .request(request)
              .goesUp()
              .mayCountAsPassed()
              .thenWithAccess(MetaGetFixtures::notAccessed));
    }
    all.add(
        fixture("mg of an item that a writer holds all the time")
            .given(
                store -> {
                  store.set("k", "v");
                  store.putEntry(store.entry("k").withWord(store.entry("k").word() | 1));
                })
            .request("mg k v\r\n")
            .goesUp()
            .mayCountAsPassed()
            .then(
                (store, _, _) ->
                    store.putEntry(store.entry("k").withWord(store.entry("k").word() & ~1L))));
    all.add(
        fixture("mg of an item of which a block is gone")
            .given(
                store -> {
                  store.set("k", value(1000));
                  store.removeBlock(last(store.entry("k")));
                })
            .request("mg k v\r\n")
            .goesUp()
            .mayCountAsPassed()
            .then(
                (store, _, _) ->
                    store.putBlock(last(store.entry("k")), new byte[store.config().blockBytes()])));
    return all;
  }

  private static long last(KvEntry entry) {
    return entry.first() + entry.blocks() - 1;
  }
}
