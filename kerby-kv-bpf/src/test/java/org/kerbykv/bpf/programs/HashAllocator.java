package org.kerbykv.bpf.programs;

import java.util.Map;
import java.util.TreeMap;
import org.kerbykv.bpf.BPFHashMap;
import org.kerbykv.bpf.BPFType;

/** The allocator on the hash pool. */
final class HashAllocator extends Allocator {
  private final BPFHashMap<Long, byte[]> pool;

  /**
   * Loads it.
   *
   * @param capacity blocks, as the allocator is told
   * @param poolEntries blocks that the pool's map really takes: less, for insertions to fail
   */
  HashAllocator(int blockBytes, int capacity, int poolEntries) {
    super(
        loader("allocator.bpf.o", blockBytes, capacity)
            .mapValueSize("kerby_pool", blockBytes)
            .mapMaxEntries("kerby_pool", poolEntries),
        blockBytes);
    pool = program().getHashMap("kerby_pool", BPFType.INT64, BPFType.bytes(blockBytes));
  }

  @Override
  byte[] block(long index) {
    return pool.get(index);
  }

  @Override
  void removeBlock(long index) {
    pool.delete(index);
  }

  @Override
  Map<Long, byte[]> blocks() {
    Map<Long, byte[]> all = new TreeMap<>();
    pool.forEach(all::put);
    return all;
  }
}
