package org.kerbykv.bpf.programs;

import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import org.kerbykv.bpf.BPFTestRun;

/** The allocator on the arena pool, as src/test/bpf/allocator_arena.bpf.c makes it callable. */
final class ArenaAllocator extends Allocator {
  /** Blocks of a span: KERBY_SPAN. */
  static final int SPAN = 64;

  /** Where user space has it, if it maps it. */
  static final long ADDRESS = 1L << 45;

  /** Where its blocks are: KERBY_AT_BLOCKS. */
  static final long AT_BLOCKS = 0x20000000;

  /** For looking into the pool, from any thread. */
  private final Caller inspector;

  private final ReentrantLock inspection = new ReentrantLock();
  private final BPFTestRun upkeep;
  private final BPFTestRun blockRead;
  private final BPFTestRun blockNext;
  private final BPFTestRun spanAge;
  private final BPFTestRun blockDamage;
  private final BPFTestRun unlist;

  /**
   * Loads it. No span has memory yet.
   *
   * @param debug whether it counts what is wrong
   */
  ArenaAllocator(int blockBytes, int capacity, boolean debug) {
    super(
        loader("allocator_arena.bpf.o", blockBytes, capacity)
            .constant("kerby_debug", debug ? 1 : 0)
            .mapExtra("kerby_arena", ADDRESS),
        blockBytes);
    inspector = caller(CALLERS - 1);
    upkeep = program().testRun("call_upkeep");
    blockRead = program().testRun("call_block_read");
    blockNext = program().testRun("call_block_next");
    spanAge = program().testRun("call_span_age");
    blockDamage = program().testRun("call_block_damage");
    unlist = program().testRun("call_unlist");
  }

  /** The arena in user space. */
  MemorySegment mmap() {
    return program().mmap("kerby_arena");
  }

  /** kerby_arena_upkeep to between {@code idleMin} and {@code idleMax} idle spans. */
  long upkeep(int idleMin, int idleMax) {
    return inspect(upkeep, idleMin, idleMax);
  }

  /** Makes the next generation of the block's span the one after {@code runs}. */
  void setRunsTaken(int blockNumber, int runs) {
    inspect(spanAge, blockNumber, runs);
  }

  /** Writes to the first word of a block, whoever has it. */
  void damage(int blockNumber, int word) {
    inspect(blockDamage, blockNumber, word);
  }

  /** kerby_unlist of the block's span, which it is for the pool to see through. */
  void unlist(int blockNumber, int spanClass) {
    inspect(unlist, blockNumber, spanClass);
  }

  @Override
  byte[] block(long index) {
    inspection.lock();
    try {
      return inspector.run(blockRead, index, 0) == 0 ? inspector.values(blockBytes()) : null;
    } finally {
      inspection.unlock();
    }
  }

  @Override
  void removeBlock(long index) {
    inspection.lock();
    try {
      long inUse = blocksInUse();
      inspector.setIdx(index);
      inspector.free();
      setState("blocks_in_use", inUse);
    } finally {
      inspection.unlock();
    }
  }

  @Override
  Map<Long, byte[]> blocks() {
    Map<Long, byte[]> all = new TreeMap<>();
    for (long index = next(0); index != 0; index = next((int) index + 1L)) {
      all.put(index, block(index));
    }
    return all;
  }

  /** The number of the index's block. */
  static int number(long index) {
    return (int) index;
  }

  /** The generation in the index. */
  static int generation(long index) {
    return (int) (index >>> Integer.SIZE);
  }

  private long next(long blockNumber) {
    return inspect(blockNext, blockNumber, 0);
  }

  private long inspect(BPFTestRun function, long key, int size) {
    inspection.lock();
    try {
      return inspector.run(function, key, size);
    } finally {
      inspection.unlock();
    }
  }
}
