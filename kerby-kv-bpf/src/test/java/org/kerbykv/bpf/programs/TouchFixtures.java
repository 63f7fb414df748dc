package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.KvAbi.CountedOp.TOUCH;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.HIT;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.NOT_FOUND;
import static org.kerbykv.bpf.programs.PacketFixture.fixture;

import java.util.List;

/** What a touch can meet. */
final class TouchFixtures {
  private static final String TOUCHED = "TOUCHED\r\n";

  private TouchFixtures() {}

  static List<PacketFixture> of(KvConfig config) {
    String longKey = MemcachedText.key(250);
    return List.of(
        fixture("touch that lets an item live on for ever, its version unchanged")
            .given(store -> store.set("k", "value", 5, Integer.MAX_VALUE))
            .request("touch k 0\r\n")
            .replies(TOUCHED)
            .counted(TOUCH, HIT)
            .then(
                (store, before, _) -> {
                  KvEntry entry = store.entry("k");
                  assertThat(entry.exptime()).isZero();
                  assertThat(before.index()).containsKey(entry.identity());
                  assertThat(before.index().get(entry.identity()).word()).isEqualTo(entry.word());
                  assertThat(store.get("k").value()).isEqualTo("value");
                }),
        fixture("touch with a time from now")
            .given(store -> store.set("k", "value"))
            .request("touch k 100\r\n")
            .replies(TOUCHED)
            .counted(TOUCH, HIT)
            .then((store, _, _) -> assertThat(store.entry("k").exptime()).isGreaterThan(100)),
        fixture("touch of a long key, without a reply")
            .given(store -> store.set(longKey, "value"))
            .request("touch " + longKey + " 100 noreply\r\n")
            .isSilent()
            .counted(TOUCH, HIT)
            .then((store, _, _) -> assertThat(store.entry(longKey).exptime()).isPositive()),
        fixture("touch of a value of the user tier")
            .given(store -> store.setUser("k", 9, 5000))
            .request("touch k 100\r\n")
            .replies(TOUCHED)
            .counted(TOUCH, HIT)
            .then((store, _, _) -> assertThat(store.entry("k").exptime()).isPositive()),
        fixture("touch of a key that nobody stored")
            .request("touch k 100\r\n")
            .replies(MemcachedText.NOT_FOUND)
            .counted(TOUCH, NOT_FOUND),
        fixture("touch of an item that has expired")
            .given(store -> store.set("k", "value", 0, KvAbi.EXPTIME_PAST))
            .request("touch k 100\r\n")
            .replies(MemcachedText.NOT_FOUND)
            .counted(TOUCH, NOT_FOUND),
        fixture("touch without a time").request("touch k\r\n").goesUp(),
        fixture("touch with a word behind it").request("touch k 1 x\r\n").goesUp(),
        fixture("toucan k 1").request("toucan k 1\r\n").goesUp());
  }
}
