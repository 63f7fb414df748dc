package org.kerbykv.bpf.programs;

import java.util.HashMap;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * All that a store holds at one moment. Two are equal if no bit of an entry or block differs, but
 * for the trace that a GET leaves, which {@link ItemStateTest} looks at.
 *
 * @param index entries by identity
 * @param blocks blocks of the pool by index, one character for each byte
 */
record Contents(Map<Long, KvEntry> index, Map<Long, String> blocks, long blocksInUse) {
  static Contents of(KvStore store) {
    Map<Long, KvEntry> index = store.index();
    index.replaceAll((identity, entry) -> entry.unfetched());
    return new Contents(index, store.blocks(), store.blocksInUse());
  }

  /** The same as if nothing had an exptime. */
  Contents untimed() {
    return withEach(KvEntry::untimed);
  }

  /** The same as if nothing had ever been accessed. */
  Contents unaccessed() {
    return withEach(KvEntry::unaccessed);
  }

  private Contents withEach(UnaryOperator<KvEntry> change) {
    Map<Long, KvEntry> changed = new HashMap<>(index);
    changed.replaceAll((identity, entry) -> change.apply(entry));
    return new Contents(changed, blocks, blocksInUse);
  }
}
