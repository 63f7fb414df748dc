package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.KvAbi.CountedOp.DELETE;
import static org.kerbykv.bpf.programs.KvAbi.CountedOp.GET;
import static org.kerbykv.bpf.programs.KvAbi.CountedOp.SET;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.DELETED;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.MISS;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.NOT_FOUND;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.PASSED;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.STORED;
import static org.kerbykv.bpf.programs.MemcachedText.delete;
import static org.kerbykv.bpf.programs.MemcachedText.get;
import static org.kerbykv.bpf.programs.MemcachedText.set;
import static org.kerbykv.bpf.programs.MemcachedText.setNoreply;
import static org.kerbykv.bpf.programs.MemcachedText.value;
import static org.kerbykv.bpf.programs.PacketFixture.fixture;

import java.util.ArrayList;
import java.util.List;

/** Packets that meet an item whose value user space has, under token 77. */
final class UserTierFixtures {
  private static final long TOKEN = 77;

  private UserTierFixtures() {}

  static List<PacketFixture> of(KvConfig config) {
    List<PacketFixture> all = new ArrayList<>();
    String longKey = MemcachedText.key(KvAbi.KEY_MAX);
    for (String key : List.of("k", longKey)) {
      for (int length : new int[] {0, 5, 1 << 20}) {
        all.addAll(of(key, length));
      }
    }
    all.addAll(expired());
    all.addAll(busy(config));
    return all;
  }

  private static List<PacketFixture> of(String key, int length) {
    String item = " of %d bytes in user space, key of %d".formatted(length, key.length());
    return List.of(
        fixture("get" + item)
            .given(store -> store.setUser(key, TOKEN, length))
            .request(get(key))
            .goesUp()
            .counted(GET, PASSED),
        fixture("set in place" + item)
            .given(store -> store.setUser(key, TOKEN, length))
            .request(set(key, "now in the kernel"))
            .replies(MemcachedText.STORED)
            .counted(SET, STORED)
            .drops(TOKEN)
            .then(holds(key, "now in the kernel")),
        fixture("set with noreply in place" + item)
            .given(store -> store.setUser(key, TOKEN, length))
            .request(setNoreply(key, value(500)))
            .isSilent()
            .counted(SET, STORED)
            .drops(TOKEN)
            .then(holds(key, value(500))),
        fixture("set that is too long for a datagram in place" + item)
            .given(store -> store.setUser(key, TOKEN, length))
            .request(set(key, value(1400)))
            .goesUp()
            .counted(SET, PASSED),
        fixture("delete" + item)
            .given(store -> store.setUser(key, TOKEN, length))
            .request(delete(key))
            .replies(MemcachedText.DELETED)
            .counted(DELETE, DELETED)
            .drops(TOKEN)
            .then((_, _, after) -> assertThat(after.index()).isEmpty()),
        fixture("set in the kernel of an item next to one" + item)
            .given(
                store -> {
                  store.setUser(key, TOKEN, length);
                  store.set("other", "old");
                })
            .request(set("other", "new"))
            .replies(MemcachedText.STORED)
            .counted(SET, STORED)
            .then((store, _, _) -> assertThat(store.get(key).token()).isEqualTo(TOKEN)));
  }

  private static PacketFixture.Check holds(String key, String value) {
    return (store, _, _) -> {
      KvSlot slot = store.get(key);
      assertThat(slot.status()).isEqualTo(KvAbi.Status.OK);
      assertThat(slot.tier()).isEqualTo(KvAbi.TIER_KERNEL);
      assertThat(slot.value()).isEqualTo(value);
      assertThat(slot.token()).isZero();
    };
  }

  private static List<PacketFixture> expired() {
    return List.of(
        fixture("get of an expired item in user space")
            .given(UserTierFixtures::setExpired)
            .request(get("k"))
            .replies(MemcachedText.END)
            .counted(GET, MISS),
        fixture("set in place of an expired item in user space")
            .given(UserTierFixtures::setExpired)
            .request(set("k", "v"))
            .replies(MemcachedText.STORED)
            .counted(SET, STORED)
            .drops(TOKEN)
            .then(holds("k", "v")),
        fixture("delete of an expired item in user space")
            .given(UserTierFixtures::setExpired)
            .request(delete("k"))
            .replies(MemcachedText.NOT_FOUND)
            .counted(DELETE, NOT_FOUND)
            .drops(TOKEN)
            .then((_, _, after) -> assertThat(after.index()).isEmpty()));
  }

  private static void setExpired(KvStore store) {
    KvSlot slot = store.slot(0).request(KvAbi.Op.SET, "k").userValue(TOKEN, 5);
    assertThat(store.run(slot.exptime(KvAbi.EXPTIME_PAST))).isEqualTo(KvAbi.Status.OK);
  }

  /** Nothing is reported for what does not happen. */
  private static List<PacketFixture> busy(KvConfig config) {
    return List.of(
        fixture("set in place of an item in user space that a writer holds")
            .given(UserTierFixtures::setHeld)
            .request(set("k", "v"))
            .goesUp()
            .counted(SET, PASSED)
            .then((store, _, _) -> release(store)),
        fixture("delete of an item in user space that a writer holds")
            .given(UserTierFixtures::setHeld)
            .request(delete("k"))
            .goesUp()
            .counted(DELETE, PASSED)
            .then((store, _, _) -> release(store)),
        fixture("set in place of an item in user space when the pool is full")
            .given(
                store -> {
                  store.setUser("k", TOKEN, 5);
                  store.fill(config.reserve());
                })
            .request(set("k", "v".repeat(config.room(1))))
            .goesUp()
            .counted(SET, PASSED),
        fixture("set in place of an item in user space that fits the key's own block")
            .given(
                store -> {
                  store.setUser("k", TOKEN, 5);
                  store.fill(0);
                })
            .request(set("k", "v"))
            .replies(MemcachedText.STORED)
            .counted(SET, STORED)
            .drops(TOKEN),
        fixture("delete of an item in user space when the pool is full")
            .given(
                store -> {
                  store.setUser("k", TOKEN, 5);
                  store.fill(0);
                })
            .request(delete("k"))
            .replies(MemcachedText.DELETED)
            .counted(DELETE, DELETED)
            .drops(TOKEN));
  }

  private static void setHeld(KvStore store) {
    store.setUser("k", TOKEN, 5);
    store.putEntry(store.entry("k").withWord(store.entry("k").word() | 1));
  }

  private static void release(KvStore store) {
    store.putEntry(store.entry("k").withWord(store.entry("k").word() & ~1L));
  }
}
