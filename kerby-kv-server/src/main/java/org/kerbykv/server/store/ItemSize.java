package org.kerbykv.server.store;

/** Which items are too large, by memcached's own reckoning. */
public final class ItemSize {
  /** memcached's item header (48), version (8), and the terminators of key (1) and value (2). */
  private static final int OVERHEAD_BYTES = 48 + 8 + 1 + 2;

  private static final int FLAGS_BYTES = 4;

  private ItemSize() {}

  /** Returns the bytes that memcached takes for an item. */
  static long of(int keyLength, int flags, long valueLength) {
    return OVERHEAD_BYTES + keyLength + (flags == 0 ? 0 : FLAGS_BYTES) + valueLength;
  }

  /**
   * Returns whether memcached with {@code -I max} would store the item. What is counted is not what
   * this server takes for it: the point is that both refuse the same values.
   */
  public static boolean fits(int keyLength, int flags, long valueLength, int max) {
    return of(keyLength, flags, valueLength) <= max;
  }
}
