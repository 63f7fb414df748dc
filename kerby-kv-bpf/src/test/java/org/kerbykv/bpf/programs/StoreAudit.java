package org.kerbykv.bpf.programs;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * What must hold of an idle store: no block leaked or shared, every entry whole, the gauges right.
 */
final class StoreAudit {
  private final KvStore store;
  private final Map<Long, KvEntry> index;
  private final Map<Long, String> blocks;

  private StoreAudit(KvStore store) {
    this.store = store;
    this.index = store.index();
    this.blocks = store.blocks();
  }

  /** Fails unless all of it holds. */
  static void check(KvStore store) {
    checkMended(store);
    assertThat(store.stats()[KvStore.statsWord("inconsistent")]).as("inconsistent").isZero();
  }

  /** Fails unless all of it holds now, whatever the programs have complained of. */
  static void checkMended(KvStore store) {
    StoreAudit audit = new StoreAudit(store);
    audit.checkBlocks();
    audit.index.forEach(audit::checkEntry);
    audit.checkGauges();
  }

  private void checkBlocks() {
    Map<Long, Long> owners = new HashMap<>();
    index
        .values()
        .forEach(
            entry -> {
              for (int i = 0; i < entry.blocks(); i++) {
                Long other = owners.put(entry.first() + i, entry.identity());
                assertThat(other).as("block %d of two items", entry.first() + i).isNull();
              }
            });
    Set<Long> reachable = new TreeSet<>(owners.keySet());
    Set<Long> there = new TreeSet<>(blocks.keySet());
    index.values().forEach(entry -> there.add(entry.first()));
    assertThat(there)
        .as("blocks in the pool, and blocks reachable from the index")
        .isEqualTo(reachable);
    long large =
        index.values().stream().filter(e -> e.large() != 0).mapToLong(e -> e.blocks() - 1).sum();
    assertThat(store.blocksInUse())
        .as("blocks_in_use")
        .isEqualTo(reachable.size() + large * (store.config().largeUnits() - 1));
  }

  private void checkEntry(long identity, KvEntry entry) {
    assertThat(entry.identity()).as("identity in the entry").isEqualTo(identity);
    assertThat(entry.word() & 1).as("word %d of %s is held", entry.word(), entry).isZero();
    assertThat(entry.version())
        .as("version of %s", entry)
        .isPositive()
        .isLessThanOrEqualTo(store.nextVersion());
    assertThat(entry.tier()).as("tier").isIn(KvAbi.TIER_KERNEL, KvAbi.TIER_USER);
    int bytes = entry.keyLength() + (entry.tier() == KvAbi.TIER_KERNEL ? entry.valueLength() : 0);
    assertThat(entry.blocks())
        .as("blocks for %d bytes", bytes)
        .isEqualTo(store.config().blocksOf(bytes, entry.large() != 0));
    assertThat(store.identity(key(entry))).as("identity of the stored key").isEqualTo(identity);
  }

  private byte[] key(KvEntry entry) {
    StringBuilder chain = new StringBuilder(entry.head());
    for (int i = 1; i < entry.blocks(); i++) {
      chain.append(blocks.get(entry.first() + i));
    }
    return chain.substring(0, entry.keyLength()).getBytes(ISO_8859_1);
  }

  private void checkGauges() {
    long[] stats = store.stats();
    int items = KvStore.statsWord("items");
    int valueBytes = KvStore.statsWord("value_bytes");
    for (int tier : new int[] {KvAbi.TIER_KERNEL, KvAbi.TIER_USER}) {
      int i = tier == KvAbi.TIER_USER ? 1 : 0;
      assertThat(stats[items + i])
          .as("gauge of items in tier %d", tier)
          .isEqualTo(index.values().stream().filter(e -> e.tier() == tier).count());
      assertThat(stats[valueBytes + i])
          .as("gauge of value bytes in tier %d", tier)
          .isEqualTo(
              index.values().stream()
                  .filter(e -> e.tier() == tier)
                  .mapToLong(e -> Integer.toUnsignedLong(e.valueLength()))
                  .sum());
    }
  }
}
