package org.kerbykv.server.kernel;

/**
 * How a memory limit is spent: on blocks. The first block of every item is the head in its index
 * entry, the others are the pool's; they share one budget, in which each counts as the larger of
 * the two kinds.
 *
 * @param blockBytes of a block of the pool, a multiple of 8
 * @param blocks of both kinds together, at most
 * @param reserve blocks that are kept for user space's door
 */
public record PoolSize(int blockBytes, long blocks, int reserve) {
  static final int BLOCK_BYTES_MIN = 32;
  static final int BLOCK_BYTES_MAX = 960;
  private static final long BLOCKS_MIN = 1024;
  private static final long BLOCKS_MAX = 1L << 30;

  /** What the kernel's hash map adds to each value: its header, the key, the allocator's link. */
  private static final int ELEMENT_OVERHEAD = 64;

  /** A bucket's head and lock; the map has a power of two of them, at least one an element. */
  private static final int BUCKET_BYTES = 16;

  private static final int RESERVE_SHARE = 64;

  /** The sizes in which the slab allocator serves the maps. */
  private static final int[] SLAB_CLASSES = {
    8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192
  };

  /**
   * Divides a memory limit.
   *
   * @param limitBytes of kernel memory
   * @throws IllegalArgumentException with one line, if the block size is none that the pool has
   */
  public static PoolSize of(long limitBytes, int blockBytes) {
    if (blockBytes < BLOCK_BYTES_MIN || blockBytes > BLOCK_BYTES_MAX || blockBytes % 8 != 0) {
      throw new IllegalArgumentException(
          "block size %d: it is a multiple of 8 from %d to %d; 32, 64, 128, 192, 448 and 960 fit the"
                  .formatted(blockBytes, BLOCK_BYTES_MIN, BLOCK_BYTES_MAX)
              + " kernel's slab classes exactly");
    }
    // Twice two buckets: rounding up to a power of two doubles them at worst.
    long perBlock =
        Math.max(slabBytes(blockBytes), slabBytes(KvEntry.BYTES)) + 2L * 2L * BUCKET_BYTES;
    long blocks = Math.clamp(limitBytes / perBlock, BLOCKS_MIN, BLOCKS_MAX);
    return new PoolSize(blockBytes, blocks, (int) (blocks / RESERVE_SHARE));
  }

  /**
   * Returns the kernel memory that so much in use takes, buckets included.
   *
   * @param blocksInUse with the items' heads
   */
  public long memoryBytes(long blocksInUse, long items) {
    long buckets = Long.highestOneBit(blocks * 2 - 1) * BUCKET_BYTES * 2;
    long inPool = Math.max(0, blocksInUse - items);
    return inPool * slabBytes(blockBytes) + items * slabBytes(KvEntry.BYTES) + buckets;
  }

  /** Returns the blocks of a chain that holds so many bytes, its head included. */
  public int blocksOf(int bytes) {
    return 1 + Math.ceilDiv(Math.max(0, bytes - KvEntry.HEAD_BYTES), blockBytes);
  }

  /** Returns the bytes of slab that a hash element with a value of so many bytes takes. */
  static int slabBytes(int valueBytes) {
    for (int size : SLAB_CLASSES) {
      if (size >= valueBytes + ELEMENT_OVERHEAD) {
        return size;
      }
    }
    throw new IllegalArgumentException("no slab class for values of " + valueBytes + " bytes");
  }
}
