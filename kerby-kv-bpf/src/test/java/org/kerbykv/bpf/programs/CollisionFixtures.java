package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.KvAbi.CountedOp.DELETE;
import static org.kerbykv.bpf.programs.KvAbi.CountedOp.GET;
import static org.kerbykv.bpf.programs.KvAbi.CountedOp.SET;
import static org.kerbykv.bpf.programs.KvAbi.CountedOp.TOUCH;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.DELETED;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.HIT;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.MISS;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.NOT_FOUND;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.PASSED;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.STORED;
import static org.kerbykv.bpf.programs.MemcachedText.delete;
import static org.kerbykv.bpf.programs.MemcachedText.get;
import static org.kerbykv.bpf.programs.MemcachedText.hit;
import static org.kerbykv.bpf.programs.MemcachedText.key;
import static org.kerbykv.bpf.programs.MemcachedText.set;
import static org.kerbykv.bpf.programs.MemcachedText.value;
import static org.kerbykv.bpf.programs.PacketFixture.fixture;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/** Keys that differ and have the same identity, as all keys have here: the mask is 0. */
final class CollisionFixtures {
  private CollisionFixtures() {}

  static KvConfig config(int blockBytes) {
    return KvConfig.of(blockBytes).withConstant("kv_identity_mask", 0);
  }

  static List<PacketFixture> of(KvConfig config) {
    List<PacketFixture> all = new ArrayList<>();
    all.add(
        fixture("the key itself")
            .given(store -> store.set("k", "v"))
            .request(get("k"))
            .replies(hit("k", 0, "v"))
            .counted(GET, HIT));
    Set<Integer> lengths = new LinkedHashSet<>(List.of(1, 8, 9, 31, 100, 250));
    for (int bytes : new int[] {config.room(1), config.room(2), config.room(3)}) {
      lengths.addAll(List.of(bytes - 1, bytes, bytes + 1));
    }
    for (int length : lengths) {
      if (length <= KvAbi.KEY_MAX) {
        String stored = key(length);
        all.addAll(against(stored, changed(stored, 0), "first byte"));
        all.addAll(against(stored, changed(stored, length - 1), "last byte"));
        all.addAll(against(stored, changed(stored, length / 2), "middle byte"));
      }
    }
    all.addAll(against("abc", "ab", "a byte less"));
    all.addAll(against("abc", "abcd", "a byte more"));
    all.addAll(against("a", key(250), "all but the first"));
    all.addAll(expired());
    return all;
  }

  private static String changed(String key, int at) {
    return key.substring(0, at) + (char) (key.charAt(at) ^ 1) + key.substring(at + 1);
  }

  private static List<PacketFixture> against(String stored, String other, String what) {
    String pair = " a key that differs in %s of %d".formatted(what, stored.length());
    Consumer<KvStore> kernel = store -> store.set(stored, value(300));
    List<PacketFixture> all = new ArrayList<>(againstOneItem(stored, other, pair, kernel));
    all.add(
        fixture("get of the key and of" + pair)
            .given(kernel)
            .request("get " + other + " " + stored + " " + other + "\r\n")
            .replies(hit(stored, 0, value(300)))
            .counted(GET, HIT)
            .counted(GET, MISS, 2));
    all.add(
        fixture("gat of" + pair)
            .given(kernel)
            .request("gat 0 " + other + "\r\n")
            .replies(MemcachedText.END)
            .counted(TOUCH, NOT_FOUND)
            .then((_, before, after) -> unchanged(before, after)));
    for (String flags : List.of("", " v")) {
      all.add(
          fixture("mg" + flags + " of" + pair)
              .given(kernel)
              .request("mg " + other + flags + "\r\n")
              .replies("EN\r\n")
              .counted(GET, MISS));
    }
    all.add(
        fixture("md of" + pair)
            .given(kernel)
            .request("md " + other + "\r\n")
            .replies("NF\r\n")
            .counted(DELETE, NOT_FOUND)
            .then((_, before, after) -> unchanged(before, after)));
    all.add(
        fixture("ms of" + pair)
            .given(kernel)
            .request("ms " + other + " 1\r\nx\r\n")
            .goesUp()
            .counted(SET, PASSED));
    return all;
  }

  private static List<PacketFixture> againstOneItem(
      String stored, String other, String pair, Consumer<KvStore> kernel) {
    return List.of(
        fixture("get of" + pair)
            .given(kernel)
            .request(get(other))
            .replies(MemcachedText.END)
            .counted(GET, MISS),
        fixture("gets of" + pair)
            .given(kernel)
            .request("gets " + other + "\r\n")
            .replies(MemcachedText.END)
            .counted(GET, MISS),
        fixture("touch of" + pair)
            .given(kernel)
            .request("touch " + other + " 100\r\n")
            .replies(MemcachedText.NOT_FOUND)
            .counted(TOUCH, NOT_FOUND)
            .then((_, before, after) -> unchanged(before, after)),
        fixture("set in as many blocks of" + pair)
            .given(kernel)
            .request(set(other, value(300)))
            .goesUp()
            .counted(SET, PASSED),
        fixture("set in more blocks of" + pair)
            .given(kernel)
            .request(set(other, value(1000)))
            .goesUp()
            .counted(SET, PASSED),
        fixture("delete of" + pair)
            .given(kernel)
            .request(delete(other))
            .replies(MemcachedText.NOT_FOUND)
            .counted(DELETE, NOT_FOUND)
            .then((_, before, after) -> unchanged(before, after)),
        fixture("set, against an item in user space, of" + pair)
            .given(store -> store.setUser(stored, 77, 300))
            .request(set(other, value(300)))
            .goesUp()
            .counted(SET, PASSED),
        fixture("delete, against an item in user space, of" + pair)
            .given(store -> store.setUser(stored, 77, 300))
            .request(delete(other))
            .replies(MemcachedText.NOT_FOUND)
            .counted(DELETE, NOT_FOUND)
            .then((_, before, after) -> unchanged(before, after)));
  }

  private static List<PacketFixture> expired() {
    Consumer<KvStore> given = store -> store.set("k", "v", 0, KvAbi.EXPTIME_PAST);
    return List.of(
        fixture("get against an expired item")
            .given(given)
            .request(get("x"))
            .replies(MemcachedText.END)
            .counted(GET, MISS),
        fixture("set against an expired item")
            .given(given)
            .request(set("x", "v"))
            .goesUp()
            .counted(SET, PASSED),
        fixture("delete against an expired item")
            .given(given)
            .request(delete("x"))
            .replies(MemcachedText.NOT_FOUND)
            .counted(DELETE, NOT_FOUND)
            .then((_, before, after) -> unchanged(before, after)),
        fixture("set after the other key was deleted")
            .given(
                store -> {
                  store.set("k", "v");
                  store.send(PacketDoor.XDP, Frame.request(delete("k")));
                })
            .request(set("x", "v"))
            .replies(MemcachedText.STORED)
            .counted(SET, STORED),
        fixture("delete after the other key was deleted")
            .given(
                store -> {
                  store.set("k", "v");
                  store.send(PacketDoor.XDP, Frame.request(delete("k")));
                  store.set("x", "v");
                })
            .request(delete("x"))
            .replies(MemcachedText.DELETED)
            .counted(DELETE, DELETED));
  }

  private static void unchanged(Contents before, Contents after) {
    assertThat(after).isEqualTo(before);
  }
}
