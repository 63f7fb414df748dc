package org.kerbykv.bpf.programs;

import static org.kerbykv.bpf.programs.KvAbi.CountedOp.GET;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.HIT;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.MISS;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.PASSED;
import static org.kerbykv.bpf.programs.MemcachedText.END;
import static org.kerbykv.bpf.programs.MemcachedText.get;
import static org.kerbykv.bpf.programs.MemcachedText.hit;
import static org.kerbykv.bpf.programs.MemcachedText.key;
import static org.kerbykv.bpf.programs.MemcachedText.longestValue;
import static org.kerbykv.bpf.programs.MemcachedText.value;
import static org.kerbykv.bpf.programs.PacketFixture.fixture;

import java.util.ArrayList;
import java.util.List;

/** What a get can meet. */
final class GetFixtures {
  private GetFixtures() {}

  static List<PacketFixture> of(KvConfig config) {
    List<PacketFixture> all = new ArrayList<>();
    all.addAll(missesAndHits());
    all.addAll(sizes(config));
    all.addAll(flags());
    all.addAll(expiry());
    all.addAll(busyEntries());
    return all;
  }

  private static List<PacketFixture> missesAndHits() {
    return List.of(
        fixture("get of a key that nobody stored")
            .request(get("k"))
            .replies(END)
            .counted(GET, MISS),
        fixture("get of the beginning of a stored key")
            .given(store -> store.set("abc", "v"))
            .request(get("ab"))
            .replies(END)
            .counted(GET, MISS),
        fixture("get of a stored key with more behind it")
            .given(store -> store.set("abc", "v"))
            .request(get("abcd"))
            .replies(END)
            .counted(GET, MISS),
        fixture("get of one among others")
            .given(
                store -> {
                  store.set("a", "one");
                  store.set("b", "two");
                  store.set("c", "three");
                })
            .request(get("b"))
            .replies(hit("b", 0, "two"))
            .counted(GET, HIT),
        fixture("get of a key with bytes that are no ASCII, and DEL")
            .given(store -> store.set("\u0080\u00ff\u00a0\u007f", "v"))
            .request(get("\u0080\u00ff\u00a0\u007f"))
            .replies(hit("\u0080\u00ff\u00a0\u007f", 0, "v"))
            .counted(GET, HIT),
        fixture("get of a key of control characters: all but NUL, LF and CR")
            .given(store -> store.set(controls(), "v"))
            .request(get(controls()))
            .replies(hit(controls(), 0, "v"))
            .counted(GET, HIT),
        fixture("get of a key with a control character in front")
            .given(store -> store.set("k", "v"))
            .request(get("\u0001k"))
            .replies(END)
            .counted(GET, MISS),
        fixture("get of a key with a tab behind")
            .given(store -> store.set("k", "v"))
            .request(get("k\t"))
            .replies(END)
            .counted(GET, MISS),
        fixture("get of a value that looks like a reply")
            .given(store -> store.set("k", "\r\nEND\r\nVALUE k 0 1\r\nx"))
            .request(get("k"))
            .replies(hit("k", 0, "\r\nEND\r\nVALUE k 0 1\r\nx"))
            .counted(GET, HIT));
  }

  private static String controls() {
    StringBuilder key = new StringBuilder();
    for (char c = 1; c < ' '; c++) {
      if (c != '\n' && c != '\r') {
        key.append(c);
      }
    }
    return key.toString();
  }

  /** Keys and values around the ends of blocks, of digits, and of what a datagram carries. */
  private static List<PacketFixture> sizes(KvConfig config) {
    List<PacketFixture> all = new ArrayList<>();
    for (ItemSize size : ItemSize.around(config)) {
      all.add(
          fixture("get of " + size)
              .given(store -> store.set(size.key(), size.value()))
              .request(get(size.key()))
              .replies(hit(size.key(), 0, size.value()))
              .counted(GET, HIT));
    }
    String longestKey = key(KvAbi.KEY_MAX);
    int length = longestValue(longestKey, -1, config.datagramMax());
    all.add(
        fixture("get of the largest item with the longest key and flags")
            .given(store -> store.set(longestKey, value(length), -1, KvAbi.EXPTIME_NEVER))
            .request(get(longestKey))
            .replies(hit(longestKey, -1, value(length)))
            .counted(GET, HIT));
    return all;
  }

  private static List<PacketFixture> flags() {
    List<PacketFixture> all = new ArrayList<>();
    for (String digits : SetFixtures.FLAGS) {
      int flags = Integer.parseUnsignedInt(digits);
      all.add(
          fixture("get of an item with flags " + digits)
              .given(store -> store.set("k", "value", flags, KvAbi.EXPTIME_NEVER))
              .request(get("k"))
              .replies(hit("k", flags, "value"))
              .counted(GET, HIT));
    }
    return all;
  }

  private static List<PacketFixture> expiry() {
    return List.of(
        fixture("get of an item that expired before it was stored")
            .given(store -> store.set("k", "v", 0, KvAbi.EXPTIME_PAST))
            .request(get("k"))
            .replies(END)
            .counted(GET, MISS),
        fixture("get of an item in the second in which it expires")
            .given(store -> store.set("k", "v", 0, KvStore.bootSeconds()))
            .request(get("k"))
            .replies(END)
            .counted(GET, MISS),
        fixture("get of an item that will expire")
            .given(store -> store.set("k", "v", 0, KvStore.bootSeconds() + 1000))
            .request(get("k"))
            .replies(hit("k", 0, "v"))
            .counted(GET, HIT),
        fixture("get of an item that will expire in the last second there is")
            .given(store -> store.set("k", "v", 0, -1))
            .request(get("k"))
            .replies(hit("k", 0, "v"))
            .counted(GET, HIT),
        fixture("get of an item that was flushed")
            .given(
                store -> {
                  store.set("k", "v");
                  store.setFlushVersion(store.nextVersion());
                })
            .request(get("k"))
            .replies(END)
            .counted(GET, MISS),
        fixture("get of the first item stored after a flush")
            .given(
                store -> {
                  store.setFlushVersion(store.nextVersion());
                  store.set("k", "v");
                })
            .request(get("k"))
            .replies(hit("k", 0, "v"))
            .counted(GET, HIT));
  }

  private static List<PacketFixture> busyEntries() {
    return List.of(
        fixture("get of an item that a writer holds all the time")
            .given(
                store -> {
                  store.set("k", "v");
                  store.putEntry(store.entry("k").withWord(store.entry("k").word() | 1));
                })
            .request(get("k"))
            .goesUp()
            .counted(GET, PASSED)
            .then(
                (store, _, _) ->
                    store.putEntry(store.entry("k").withWord(store.entry("k").word() & ~1L))),
        fixture("get of an item of which a block is gone")
            .given(
                store -> {
                  store.set("k", value(1000));
                  store.removeBlock(last(store.entry("k")));
                })
            .frame(Frame.request(get("k")).padded(3))
            .goesUp()
            .counted(GET, PASSED)
            .then(
                (store, _, _) ->
                    store.putBlock(last(store.entry("k")), new byte[store.config().blockBytes()])));
  }

  private static long last(KvEntry entry) {
    return entry.first() + entry.blocks() - 1;
  }
}
