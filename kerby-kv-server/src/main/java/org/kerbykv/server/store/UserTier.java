package org.kerbykv.server.store;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * The values of the user tier, each under a token that its index entry in the kernel names.
 *
 * <p>A token is never used twice, over restarts either, so that a stale one can only miss: whoever
 * switches a value out of the index has it dropped here, and whoever meets a token whose value is
 * gone looks at the index again. A value is put before the index names it, and whoever puts it
 * holds a reference until it does, so that an eviction in between takes another.
 *
 * <p>Behind the bytes of a value stands its key and the key's length, for evictions, which have to
 * find the entry. Expiry and versions are the index's business.
 *
 * <p>Thread-safe; a handle is its owner's.
 */
final class UserTier implements AutoCloseable {
  private static final int TOKEN_BYTES = Long.BYTES;
  private static final int KEY_LENGTH_BYTES = 1;
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
  private final LongAdder lost = new LongAdder();

  /**
   * The nanosecond of the boot clock at which this process began to give tokens out. No process
   * gives out one a nanosecond, and an index does not outlive the system: so all tokens of earlier
   * processes are below.
   */
  private final long firstToken = BootClock.nanos();

  private final AtomicLong lastToken = new AtomicLong(firstToken);

  /**
   * Makes an empty tier.
   *
   * @param memoryBytes most memory, as for {@link ExtentMemory}
   * @param evicts whether values go to make room for others
   */
  UserTier(long memoryBytes, boolean evicts, EvictionListener listener) {
    this.items = new ItemTable(memoryBytes, new AtomicLong(), evicts);
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
   * @return its handle, or 0 if there is no memory even after the evictions that are allowed
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

  /**
   * Makes a value known under a new token, which is returned. The handle is a reference from now
   * on, to be released when the index names the token, or the value has been dropped.
   */
  long publish(Scratch scratch, int item) {
    long token = lastToken.incrementAndGet();
    items.retain(item);
    scratch.token.set(ValueLayout.JAVA_LONG, 0, token);
    items.writeKey(item, scratch.token, 0);
    items.setMetadata(item, hash(token), 0, KvSlot.EXPTIME_NEVER);
    items.put(item, BootClock.seconds());
    return token;
  }

  /** Returns what {@link #find} does, without counting it as a read. */
  int peek(Scratch scratch, long token) {
    scratch.token.set(ValueLayout.JAVA_LONG, 0, token);
    return items.peek(scratch.token, 0, TOKEN_BYTES, hash(token), BootClock.seconds());
  }

  /** Returns a handle to the value of a token, to be released; 0 if it is gone. */
  int find(Scratch scratch, long token) {
    scratch.token.set(ValueLayout.JAVA_LONG, 0, token);
    return items.find(scratch.token, 0, TOKEN_BYTES, hash(token), BootClock.seconds());
  }

  /** Returns whether a token was given out by an earlier process, whose values are gone. */
  boolean isLost(long token) {
    return token <= firstToken;
  }

  /** Hears that the index no longer names a token because its value is not here. */
  void removedFromIndex(long token) {
    if (isLost(token)) {
      lost.increment();
    }
  }

  /** Returns how many lost values were removed from the index. */
  long lostCount() {
    return lost.sum();
  }

  /** Returns how often a referenced value was found lately; a hint. */
  int reads(int item) {
    return items.reads(item);
  }

  /** Begins to count a referenced value's reads anew. */
  void forgetReads(int item) {
    items.forgetReads(item);
  }

  /** Copies the key of a referenced value to the start of an array; returns its length. */
  int readKey(Scratch scratch, int item, byte[] key) {
    int end = items.valueLength(item) - KEY_LENGTH_BYTES;
    items.readValue(item, end, scratch.key, 0, KEY_LENGTH_BYTES);
    int keyLength = scratch.key.get(ValueLayout.JAVA_BYTE, 0) & 0xff;
    items.readValue(item, end - keyLength, scratch.key, 0, keyLength);
    MemorySegment.copy(scratch.key, ValueLayout.JAVA_BYTE, 0, key, 0, keyLength);
    return keyLength;
  }

  /** Returns the bytes of a referenced value and its key together. */
  int lengthWithKey(int item) {
    return items.valueLength(item) - KEY_LENGTH_BYTES;
  }

  /** Returns the bytes of a referenced value whose key is so long. */
  int length(int item, int keyLength) {
    return items.valueLength(item) - KEY_LENGTH_BYTES - keyLength;
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

  long valueCount() {
    return items.itemCount();
  }

  long usedBytes() {
    return items.usedBytes();
  }

  long takenBytes() {
    return items.takenBytes();
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
    Scratch scratch = new Scratch();
    byte[] key = new byte[KvSlot.KEY_MAX];
    int keyLength = readKey(scratch, item, key);
    items.readKey(item, scratch.token, 0);
    listener.evicting(scratch.token.get(ValueLayout.JAVA_LONG, 0), key, keyLength);
  }

  private static long hash(long token) {
    return Long.reverse(token * MIX) * MIX;
  }
}
