package org.kerbykv.server.store;

import org.kerbykv.server.kernel.PoolSize;

/**
 * How full the kernel's pool may get, in blocks.
 *
 * <p>Above {@code high} the coldest items leave until {@code low} is reached. Both are below {@code
 * limit}, from which on the doors of packets store nothing new: what lies between is what writers
 * fill while items leave. Promotions stop at {@code high}, so that they alone never make anything
 * leave.
 *
 * @param limit most blocks that the doors of packets use
 * @param high at most limit
 * @param low below high
 */
record WaterMarks(long limit, long high, long low) {
  /** Of the limit, what lies between it and the high mark, and between that and the low one. */
  private static final int SHARE = 16;

  WaterMarks {
    if (low < 0 || low >= high || high > limit) {
      throw new IllegalArgumentException(
          "water marks %d and %d under %d".formatted(low, high, limit));
    }
  }

  /** Returns the marks of a pool. */
  static WaterMarks of(PoolSize size) {
    long limit = size.blocks() - size.reserve();
    long step = Math.max(1, limit / SHARE);
    return new WaterMarks(limit, limit - step, limit - 2 * step);
  }

  /** Returns the blocks to free: down to the low mark, once the high one is passed; else 0. */
  long excess(long blocksInUse) {
    return blocksInUse > high ? blocksInUse - low : 0;
  }

  /** Returns whether so many more blocks stay below the high mark. */
  boolean hasRoom(long blocksInUse, int blocks) {
    return blocksInUse + blocks <= high;
  }

  /** Returns whether the doors of packets find no room, and what is left is the reserve. */
  boolean isFull(long blocksInUse) {
    return blocksInUse >= limit;
  }
}
