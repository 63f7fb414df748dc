package org.kerbykv.server.kernel;

import java.lang.foreign.MemorySegment;

/**
 * How a memory limit is spent: on blocks. The first block of every item is the head in its index
 * entry; the others are the pool's, or large ones, each of which counts as {@link #largeUnits()} of
 * the pool's. They share one budget.
 *
 * @param blockBytes of a block of the pool, a multiple of 8
 * @param blocks of all kinds together, at most
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

  /** More than any item takes: large blocks are not used. */
  private static final int NEVER = 1 << 16;

  /** The sizes in which the slab allocator serves the maps. */
  private static final int[] SLAB_CLASSES = {
    8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192
  };

  /**
   * Divides a memory limit: as many blocks as keep within it, their maps' buckets included.
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
    long low = BLOCKS_MIN;
    long high = BLOCKS_MAX;
    while (low < high) {
      long middle = (low + high + 1) / 2;
      if (withBlocks(blockBytes, middle).memoryBytesMax() <= limitBytes) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return withBlocks(blockBytes, low);
  }

  private static PoolSize withBlocks(int blockBytes, long blocks) {
    return new PoolSize(blockBytes, blocks, (int) (blocks / RESERVE_SHARE));
  }

  /** The kernel memory taken when all blocks are in use, whatever they hold. */
  private long memoryBytesMax() {
    return Math.max(memoryBytes(blocks, 0), memoryBytes(blocks, blocks));
  }

  /**
   * Returns the kernel memory that so much in use takes, buckets included.
   *
   * @param blocksInUse with the items' heads
   */
  public long memoryBytes(long blocksInUse, long items) {
    long buckets =
        (buckets(blocks) + buckets(poolBlocks()) + buckets(largeBlocks())) * BUCKET_BYTES;
    long inPool = Math.max(0, blocksInUse - items);
    return inPool * slabBytes(blockBytes) + items * slabBytes(KvEntry.BYTES) + buckets;
  }

  private static long buckets(long elements) {
    return Long.highestOneBit(elements * 2 - 1);
  }

  /**
   * Returns the blocks of the pool that a large one counts as: those that take its memory. Where
   * that is no whole number, or one, large blocks are not used.
   */
  int largeUnits() {
    return largeUnits(blockBytes);
  }

  static int largeUnits(int blockBytes) {
    int large = slabBytes(KvEntry.LARGE_BYTES);
    int block = slabBytes(blockBytes);
    return block < large && large % block == 0 ? large / block : NEVER;
  }

  /**
   * Returns the blocks that there may be in the pool's map: fewer than all, since with those of an
   * item comes its head, which is none of them. Often that halves the buckets.
   */
  long poolBlocks() {
    int most = 1;
    for (int n = 2; (n - 1) * blockBytes < KvEntry.VALUE_MAX + KvEntry.KEY_MAX; n++) {
      if (n < Math.ceilDiv(n * blockBytes, KvEntry.LARGE_BYTES) * largeUnits()) {
        most = n;
      }
    }
    return Math.ceilDiv(blocks * most, most + 1L);
  }

  /** Returns the large blocks that there may be. */
  long largeBlocks() {
    return Math.max(1, blocks / largeUnits());
  }

  /** Returns what an entry's chain counts as, its head included. */
  public int blocksOf(MemorySegment entry) {
    return blocksOf(entry, largeUnits());
  }

  static int blocksOf(MemorySegment entry, int largeUnits) {
    return 1 + (KvEntry.blocks(entry) - 1) * (KvEntry.isLarge(entry) ? largeUnits : 1);
  }

  /** Returns what a chain of so many bytes counts as, its head included. */
  public int blocksOf(int bytes) {
    int rest = Math.max(0, bytes - KvEntry.HEAD_BYTES);
    int large = Math.ceilDiv(rest, KvEntry.LARGE_BYTES) * largeUnits();
    return 1 + Math.min(Math.ceilDiv(rest, blockBytes), large);
  }

  /** Returns the bytes of slab that a hash element with a value of so many bytes takes. */
  public static int slabBytes(int valueBytes) {
    for (int size : SLAB_CLASSES) {
      if (size >= valueBytes + ELEMENT_OVERHEAD) {
        return size;
      }
    }
    throw new IllegalArgumentException("no slab class for values of " + valueBytes + " bytes");
  }
}
