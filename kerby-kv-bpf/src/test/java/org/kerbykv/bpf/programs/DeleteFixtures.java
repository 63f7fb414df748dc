package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.KvAbi.CountedOp.DELETE;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.DELETED;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.NOT_FOUND;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.PASSED;
import static org.kerbykv.bpf.programs.MemcachedText.delete;
import static org.kerbykv.bpf.programs.PacketFixture.fixture;

import java.util.ArrayList;
import java.util.List;

/** What a delete can meet. */
final class DeleteFixtures {
  private static final PacketFixture.Check EMPTY =
      (store, _, after) -> {
        assertThat(after.index()).isEmpty();
        assertThat(store.blocksInUse()).isZero();
      };

  private DeleteFixtures() {}

  static List<PacketFixture> of(KvConfig config) {
    List<PacketFixture> all = new ArrayList<>();
    for (ItemSize size : ItemSize.around(config)) {
      all.add(
          fixture("delete of " + size)
              .given(store -> store.set(size.key(), size.value()))
              .request(delete(size.key()))
              .replies(MemcachedText.DELETED)
              .counted(DELETE, DELETED)
              .then(EMPTY));
    }
    all.addAll(others());
    return all;
  }

  private static List<PacketFixture> others() {
    return List.of(
        fixture("delete of a key that nobody stored, whose reply is longer than its request")
            .request(delete("k"))
            .replies(MemcachedText.NOT_FOUND)
            .counted(DELETE, NOT_FOUND),
        fixture("delete of one among others")
            .given(
                store -> {
                  store.set("a", "one");
                  store.set("b", "two");
                  store.set("c", "three");
                })
            .request(delete("b"))
            .replies(MemcachedText.DELETED)
            .counted(DELETE, DELETED)
            .then(
                (store, _, _) -> {
                  assertThat(store.get("a").value()).isEqualTo("one");
                  assertThat(store.get("b").status()).isEqualTo(KvAbi.Status.MISS);
                  assertThat(store.get("c").value()).isEqualTo("three");
                }),
        fixture("delete with noreply")
            .given(store -> store.set("k", "v"))
            .request("delete k noreply\r\n")
            .isSilent()
            .counted(DELETE, DELETED)
            .then(EMPTY),
        fixture("delete with noreply of a key that nobody stored")
            .request("delete k noreply\r\n")
            .isSilent()
            .counted(DELETE, NOT_FOUND),
        fixture("delete of an expired item: not found, and its memory is back")
            .given(store -> store.set("k", "v", 0, KvAbi.EXPTIME_PAST))
            .request(delete("k"))
            .replies(MemcachedText.NOT_FOUND)
            .counted(DELETE, NOT_FOUND)
            .then(EMPTY),
        fixture("delete of a flushed item: not found, and its memory is back")
            .given(
                store -> {
                  store.set("k", "v");
                  store.setFlushVersion(store.nextVersion());
                })
            .request(delete("k"))
            .replies(MemcachedText.NOT_FOUND)
            .counted(DELETE, NOT_FOUND)
            .then(EMPTY),
        fixture("delete while a writer holds the item")
            .given(
                store -> {
                  store.set("k", "v");
                  store.putEntry(store.entry("k").withWord(store.entry("k").word() | 1));
                })
            .request(delete("k"))
            .goesUp()
            .counted(DELETE, PASSED)
            .then(
                (store, _, _) ->
                    store.putEntry(store.entry("k").withWord(store.entry("k").word() & ~1L))));
  }
}
