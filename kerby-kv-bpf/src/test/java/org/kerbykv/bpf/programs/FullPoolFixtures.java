package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.KvAbi.CountedOp.DELETE;
import static org.kerbykv.bpf.programs.KvAbi.CountedOp.GET;
import static org.kerbykv.bpf.programs.KvAbi.CountedOp.SET;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.DELETED;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.HIT;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.PASSED;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.STORED;
import static org.kerbykv.bpf.programs.MemcachedText.delete;
import static org.kerbykv.bpf.programs.MemcachedText.get;
import static org.kerbykv.bpf.programs.MemcachedText.hit;
import static org.kerbykv.bpf.programs.MemcachedText.set;
import static org.kerbykv.bpf.programs.MemcachedText.value;
import static org.kerbykv.bpf.programs.PacketFixture.fixture;

import java.util.List;

/** Packets that meet a pool with no block left, or with none but user space's reserve. */
final class FullPoolFixtures {
  private FullPoolFixtures() {}

  static List<PacketFixture> of(KvConfig config) {
    String old = value(config.room(1));
    String longer = value(config.room(2));
    String fitting = value(config.room(1) - 1);
    return List.of(
        fixture("set of a new key when only the reserve is left")
            .given(store -> store.fill(config.reserve()))
            .request(set("k", "v"))
            .goesUp()
            .counted(SET, PASSED)
            .then((store, _, _) -> reserveIsUserSpaces(store)),
        fixture("set of a new key when nothing is left")
            .given(store -> store.fill(0))
            .request(set("k", "v"))
            .goesUp()
            .counted(SET, PASSED)
            .then((store, _, _) -> assertThat(setByUser(store)).isEqualTo(KvAbi.Status.NOSPC)),
        fixture("set of a new key that takes the last block before the reserve")
            .given(store -> store.fill(config.reserve() + 1))
            .request(set("k", fitting))
            .replies(MemcachedText.STORED)
            .counted(SET, STORED),
        fixture("set of a new key that takes one block too many")
            .given(store -> store.fill(config.reserve() + 1))
            .request(set("k", old))
            .goesUp()
            .counted(SET, PASSED),
        fixture("set in place when nothing is left")
            .given(store -> setAndFill(store, old, 0))
            .request(set("k", value(config.room(1) + 1)))
            .replies(MemcachedText.STORED)
            .counted(SET, STORED),
        fixture("set of a longer value when only the reserve is left: the old one stays")
            .given(store -> setAndFill(store, old, config.reserve()))
            .request(set("k", longer))
            .goesUp()
            .counted(SET, PASSED)
            .then((store, _, _) -> assertThat(store.get("k").value()).isEqualTo(old)),
        fixture("set of a shorter value when nothing is left needs no block and gives one back")
            .given(store -> setAndFill(store, old, 0))
            .request(set("k", ""))
            .replies(MemcachedText.STORED)
            .counted(SET, STORED)
            .then(
                (store, _, _) -> {
                  assertThat(store.get("k").value()).isEmpty();
                  assertThat(store.blocksInUse()).isEqualTo(config.capacity() - 1);
                }),
        fixture("get when nothing is left")
            .given(store -> setAndFill(store, old, 0))
            .request(get("k"))
            .replies(hit("k", 0, old))
            .counted(GET, HIT),
        fixture("delete when nothing is left gives blocks back")
            .given(store -> setAndFill(store, old, 0))
            .request(delete("k"))
            .replies(MemcachedText.DELETED)
            .counted(DELETE, DELETED)
            .then(
                (store, _, _) -> assertThat(store.blocksInUse()).isEqualTo(config.capacity() - 2)));
  }

  private static void setAndFill(KvStore store, String value, int left) {
    store.set("k", value);
    store.fill(left);
  }

  private static void reserveIsUserSpaces(KvStore store) {
    for (int i = 0; i < store.config().reserve(); i++) {
      store.set("reserve" + i, "");
    }
    assertThat(store.blocksInUse()).isEqualTo(store.config().capacity());
    assertThat(setByUser(store)).isEqualTo(KvAbi.Status.NOSPC);
  }

  private static KvAbi.Status setByUser(KvStore store) {
    return store.run(store.slot(0).request(KvAbi.Op.SET, "k").value("v"));
  }
}
