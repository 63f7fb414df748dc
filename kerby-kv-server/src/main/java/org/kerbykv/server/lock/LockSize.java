package org.kerbykv.server.lock;

import org.kerbykv.server.kernel.PoolSize;

/**
 * How a memory limit is spent: half of it on locks, and a quarter each on clients and on blocks,
 * one of which everybody takes who waits, or who shares a lock with others. Memory is taken as it
 * is needed, but for the hash maps' buckets.
 *
 * @param locks most locks that are known at once
 * @param clients most clients
 * @param blocks most blocks
 */
record LockSize(long locks, long clients, long blocks) {
  private static final long MIN = 64;
  private static final long MAX = 1L << 26;

  /** Rounding up to a power of two doubles the buckets, of 16 bytes each, at worst. */
  private static final int BUCKETS_BYTES = 32;

  private static final int LOCK_BYTES = PoolSize.slabBytes(LockEntry.BYTES);
  private static final int CLIENT_BYTES = PoolSize.slabBytes(LockClient.BYTES);
  private static final int BLOCK_BYTES = PoolSize.slabBytes(LockNode.BYTES);

  static LockSize of(long memoryBytes) {
    return new LockSize(
        most(memoryBytes / 2, LOCK_BYTES),
        most(memoryBytes / 4, CLIENT_BYTES),
        most(memoryBytes / 4, BLOCK_BYTES));
  }

  private static long most(long bytes, int each) {
    return Math.clamp(bytes / (each + BUCKETS_BYTES), MIN, MAX);
  }

  /** Returns the kernel memory that so much in use takes, buckets included. */
  long memoryBytes(long locksInUse, long clientsInUse, long blocksInUse) {
    return locksInUse * LOCK_BYTES
        + clientsInUse * CLIENT_BYTES
        + blocksInUse * BLOCK_BYTES
        + (buckets(locks) + buckets(clients) + buckets(blocks)) * (BUCKETS_BYTES / 2);
  }

  private static long buckets(long elements) {
    return Long.highestOneBit(elements * 2 - 1);
  }
}
