package org.kerbykv.bpf.programs;

import java.util.Map;

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
}
