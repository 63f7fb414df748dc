package org.kerbykv.bpf.programs;

import static org.kerbykv.bpf.programs.KvAbi.CountedOp.GET;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.HIT;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.MISS;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.PASSED;
import static org.kerbykv.bpf.programs.PacketFixture.fixture;

import java.util.ArrayList;
import java.util.List;

/** What a gets of one key can meet: as a get, and the version behind the length. */
final class GetsFixtures {
  private static final int FRAME_HEADER_BYTES = 8;

  private GetsFixtures() {}

  static List<PacketFixture> of(KvConfig config) {
    List<PacketFixture> all = new ArrayList<>();
    long cas = 7;
    for (int digits = 1; digits <= 18; digits++) {
      all.add(versionOf(cas));
      cas = cas * 10 + digits % 10;
    }
    for (ItemSize size : ItemSize.around(config)) {
      PacketFixture gets =
          fixture("gets of " + size)
              .given(store -> setVersion(store, size.key(), size.value(), 42))
              .request("gets " + size.key() + "\r\n");
      String reply = reply(size.key(), size.value(), 42);
      all.add(
          FRAME_HEADER_BYTES + reply.length() <= config.datagramMax()
              ? gets.replies(reply).counted(GET, HIT)
              : gets.goesUp().counted(GET, PASSED));
    }
    all.add(versionOf(9_000_000_000_000_000_000L));
    all.add(versionOf(Long.MAX_VALUE));
    all.add(
        fixture("gets of a version and flags and a key as long as they get")
            .given(
                store -> {
                  store.setNextVersion(Long.MAX_VALUE - 1);
                  store.set(MemcachedText.key(250), "value", -1, KvAbi.EXPTIME_NEVER);
                })
            .request("gets " + MemcachedText.key(250) + "\r\n")
            .replies(
                "VALUE %s 4294967295 5 9223372036854775807\r\nvalue\r\nEND\r\n"
                    .formatted(MemcachedText.key(250)))
            .counted(GET, HIT));
    all.add(
        fixture("gets of an item that has expired")
            .given(store -> store.set("k", "value", 0, KvAbi.EXPTIME_PAST))
            .request("gets k\r\n")
            .replies(MemcachedText.END)
            .counted(GET, MISS));
    all.add(
        fixture("gets of an item of which a block is gone: the request is put back")
            .given(
                store -> {
                  store.set("k", MemcachedText.value(1000));
                  store.removeBlock(store.entry("k").first() + 1);
                })
            .request("gets k\r\n")
            .goesUp()
            .counted(GET, PASSED)
            .then(GetsFixtures::restoreBlock));
    all.add(
        fixture("get after a gets has no version")
            .given(
                store -> {
                  store.set("k", "value");
                  for (PacketDoor door : PacketDoor.values()) {
                    store.send(door, Frame.request("gets k\r\n"));
                  }
                })
            .request("get k\r\n")
            .replies(MemcachedText.hit("k", 0, "value"))
            .counted(GET, HIT));
    all.add(
        fixture("gets of a key that nobody stored")
            .request("gets k\r\n")
            .replies(MemcachedText.END)
            .counted(GET, MISS));
    all.add(
        fixture("gets of a value of the user tier")
            .given(store -> store.setUser("k", 9, 5000))
            .request("gets k\r\n")
            .goesUp()
            .counted(GET, PASSED));
    return all;
  }

  private static PacketFixture versionOf(long cas) {
    return fixture("gets of version " + cas)
        .given(store -> setVersion(store, "k", "value", cas))
        .request("gets k\r\n")
        .replies(reply("k", "value", cas))
        .counted(GET, HIT);
  }

  private static String reply(String key, String value, long cas) {
    return "VALUE %s 0 %d %d\r\n%s\r\nEND\r\n".formatted(key, value.length(), cas, value);
  }

  private static void restoreBlock(KvStore store, Contents before, Contents after) {
    store.putBlock(store.entry("k").first() + 1, new byte[store.config().blockBytes()]);
  }

  private static void setVersion(KvStore store, String key, String value, long cas) {
    store.setNextVersion(cas - 1);
    store.set(key, value);
  }
}
