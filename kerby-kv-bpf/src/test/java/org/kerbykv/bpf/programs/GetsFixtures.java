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

  private static void setVersion(KvStore store, String key, String value, long cas) {
    store.setNextCas(cas - 1);
    store.set(key, value);
    // What follows has later versions again: they never go back.
    store.setNextCas(Long.MAX_VALUE >> 2);
  }
}
