package org.kerbykv.server.store;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The values of the user tier, each under a token that its index entry in the kernel names.
 *
 * <p>A token is never used twice, over restarts either, so that a stale one can only miss: whoever
 * switches a value out of the index has it dropped here, and whoever meets a token whose value is
 * gone looks at the index again. A value is put before the index names it.
 *
 * <p>Behind the bytes of a value stands its key and the key's length, for evictions, which have to
 * find the entry. Expiry and versions are the index's business.
 *
 * <p>Thread-safe; a handle is its owner's.
 */
final class UserTier implements AutoCloseable {
  private static final int TOKEN_BYTES = Long.BYTES;
  private static final int KEY_LENGTH_BYTES = 1;
  private static final long COUNT_BITS = 32;
  private static final long MIX = 0x9E3779B97F4A7C15L;

  /** Hears of a value that is being evicted, so that its index entry goes first. */
  interface EvictionListener {
    /**
     * Called before the value goes; it may be referenced still.
     *
     * @param token of the value
     * @param key the first {@code keyLength} bytes of it; only during the call
     */
    void evicting(long token, byte[] key, int keyLength);
  }

  private final ItemTable items;
  private final EvictionListener listener;

  /** Seconds in the upper half: a later process never gives an earlier one's tokens out again. */
  private final AtomicLong lastToken =
      new AtomicLong((System.currentTimeMillis() / 1000) << COUNT_BITS);

  UserTier(long memoryBytes, EvictionListener listener) {
    this.items = new ItemTable(memoryBytes, new AtomicLong());
    this.listener = listener;
  }

  /** One thread's scratch memory for calls to the table. */
  static final class Scratch {
    private final MemorySegment token = MemorySegment.ofArray(new long[1]);
    private final MemorySegment key = MemorySegment.ofArray(new byte[KvSlot.KEY_MAX + 1]);
  }

  /**
   * Allocates a value of so many bytes.
   *
   * @return its handle, or 0 if there is no memory even after evictions
   */
  int newValue(Scratch scratch, byte[] key, int keyOffset, int keyLength, int valueLength) {
    long size = (long) valueLength + keyLength + KEY_LENGTH_BYTES;
    if (size > Integer.MAX_VALUE) {
      return 0;
    }
    int item = items.prepare(TOKEN_BYTES, (int) size, BootClock.seconds(), this::evicting);
    if (item != 0) {
      MemorySegment.copy(key, keyOffset, scratch.key, ValueLayout.JAVA_BYTE, 0, keyLength);
      scratch.key.set(ValueLayout.JAVA_BYTE, keyLength, (byte) keyLength);
      items.writeValue(item, valueLength, scratch.key, 0, keyLength + KEY_LENGTH_BYTES);
    }
    return item;
  }

  /** Makes a value known under a new token, which is returned. The handle ends. */
  long publish(Scratch scratch, int item) {
    long token = lastToken.incrementAndGet();
    scratch.token.set(ValueLayout.JAVA_LONG, 0, token);
    items.writeKey(item, scratch.token, 0);
    items.setMetadata(item, hash(token), 0, KvSlot.EXPTIME_NEVER);
    items.put(item, BootClock.seconds());
    return token;
  }

  /** Returns a handle to the value of a token, to be released; 0 if it is gone. */
  int find(Scratch scratch, long token) {
    scratch.token.set(ValueLayout.JAVA_LONG, 0, token);
    return items.find(scratch.token, 0, TOKEN_BYTES, hash(token), BootClock.seconds());
  }

  /** Drops the value of a token that the index no longer names. */
  void drop(Scratch scratch, long token) {
    scratch.token.set(ValueLayout.JAVA_LONG, 0, token);
    items.remove(scratch.token, 0, TOKEN_BYTES, hash(token), BootClock.seconds());
  }

  void release(int item) {
    items.release(item);
  }

  void write(int item, int offset, MemorySegment source, long sourceOffset, int length) {
    items.writeValue(item, offset, source, sourceOffset, length);
  }

  void read(int item, int offset, MemorySegment target, long targetOffset, int length) {
    items.readValue(item, offset, target, targetOffset, length);
  }

  long usedBytes() {
    return items.usedBytes();
  }

  long limitBytes() {
    return items.limitBytes();
  }

  long evictedCount() {
    return items.evictedCount();
  }

  @Override
  public void close() {
    items.close();
  }

  private void evicting(int item) {
    int end = items.valueLength(item) - KEY_LENGTH_BYTES;
    byte[] key = new byte[KvSlot.KEY_MAX];
    long[] token = new long[1];
    MemorySegment keySegment = MemorySegment.ofArray(key);
    items.readValue(item, end, keySegment, 0, KEY_LENGTH_BYTES);
    int keyLength = key[0] & 0xff;
    items.readValue(item, end - keyLength, keySegment, 0, keyLength);
    items.readKey(item, MemorySegment.ofArray(token), 0);
    listener.evicting(token[0], key, keyLength);
  }

  private static long hash(long token) {
    return Long.reverse(token * MIX) * MIX;
  }
}
