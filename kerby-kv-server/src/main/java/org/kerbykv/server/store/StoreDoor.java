package org.kerbykv.server.store;

import io.netty.buffer.ByteBuf;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;

/**
 * One thread's way into a store: slots laid out as {@link KvSlot} that it fills, runs and reads.
 *
 * <p>Values up to {@link #inlineMax} bytes travel in the slot. A longer one is a value of its own,
 * named by a handle: filled by {@link #newValue} and {@link #writeValue} before a SET names it
 * (with tier USER, in the slot's token), and answered to a GET likewise, with status {@link
 * KvSlot#USER}.
 *
 * <p>Not thread-safe: one door, one thread.
 */
public abstract class StoreDoor implements AutoCloseable {
  /** Most requests that a door runs at once. */
  public static final int CAPACITY_MAX = 32;

  private static final int SCRATCH_BYTES = 64 << 10;

  protected final MemorySegment slots;
  private final int capacity;
  private final SipHash hash;
  private final ByteBuffer slotBytes;
  private final long[] keyHashes;
  private final byte[] scratch = new byte[SCRATCH_BYTES];
  private final MemorySegment scratchSegment = MemorySegment.ofArray(scratch);

  /**
   * Makes a door.
   *
   * @param slots memory of at least {@code capacity} slots, 8-byte aligned
   * @param capacity requests at once, 1..{@link #CAPACITY_MAX}
   * @param hash of keys, the same for all doors of a store
   */
  protected StoreDoor(MemorySegment slots, int capacity, SipHash hash) {
    if (capacity < 1 || capacity > CAPACITY_MAX) {
      throw new IllegalArgumentException("capacity " + capacity);
    }
    this.slots = slots;
    this.capacity = capacity;
    this.hash = hash;
    this.slotBytes = slots.asByteBuffer();
    this.keyHashes = new long[capacity];
  }

  /** Returns the number of slots. */
  public final int capacity() {
    return capacity;
  }

  /**
   * Executes slots {@code first} to {@code first + count - 1} in order; afterwards each has a final
   * status: OK, MISS, EXISTS, NOSPC, or USER for a GET that found a separate value, which is then
   * referenced until {@link #releaseValue}. A value named by a SET is consumed whatever the
   * outcome.
   */
  public abstract void run(int first, int count);

  /** Returns the longest value that fits a slot of this store under a key of that length. */
  public abstract int inlineMax(int keyLength);

  /**
   * Allocates a value of its own, evicting others if need be.
   *
   * @return its handle, or 0 if there is no memory for it
   */
  public abstract long newValue(byte[] key, int keyOffset, int keyLength, int valueLength);

  /** Gives up a value that no SET has named. */
  public final void discardValue(long value) {
    releaseValue(value);
  }

  /** Ends the use of a value that a GET answered. */
  public abstract void releaseValue(long value);

  protected abstract void writeValue(
      long value, int offset, MemorySegment source, long sourceOffset, int length);

  protected abstract void readValue(
      long value, int offset, MemorySegment target, long targetOffset, int length);

  @Override
  public abstract void close();

  /** Moves {@code length} bytes from the buffer's reader index into a value, at an offset. */
  public final void writeValue(long value, int offset, ByteBuf source, int length) {
    for (int done = 0; done < length; ) {
      int n = Math.min(length - done, SCRATCH_BYTES);
      source.readBytes(scratch, 0, n);
      writeValue(value, offset + done, scratchSegment, 0, n);
      done += n;
    }
  }

  /** Appends {@code length} bytes of a value, from an offset, to a buffer that has room. */
  public final void readValue(long value, int offset, ByteBuf target, int length) {
    for (int done = 0; done < length; ) {
      int n = Math.min(length - done, SCRATCH_BYTES);
      readValue(value, offset + done, scratchSegment, 0, n);
      target.writeBytes(scratch, 0, n);
      done += n;
    }
  }

  /** Copies part of one value into another. */
  final void copyValue(long from, int fromOffset, long to, int toOffset, int length) {
    for (int done = 0; done < length; ) {
      int n = Math.min(length - done, SCRATCH_BYTES);
      readValue(from, fromOffset + done, scratchSegment, 0, n);
      writeValue(to, toOffset + done, scratchSegment, 0, n);
      done += n;
    }
  }

  /** Copies the slot's value into a value of its own. */
  final void copyInlineValue(int slot, long to, int toOffset, int length) {
    writeValue(to, toOffset, slots, base(slot) + KvSlot.VALUE, length);
  }

  final void setKey(int slot, byte[] key, int offset, int length, long hash) {
    long base = base(slot);
    slots.set(ValueLayout.JAVA_BYTE, base + KvSlot.KEY_LEN, (byte) length);
    MemorySegment.copy(key, offset, slots, ValueLayout.JAVA_BYTE, base + KvSlot.KEY, length);
    keyHashes[slot] = hash;
  }

  final long hash(byte[] key, int offset, int length) {
    return hash.hash(key, offset, length);
  }

  final long keyHash(int slot) {
    return keyHashes[slot];
  }

  final int keyLength(int slot) {
    return slots.get(ValueLayout.JAVA_BYTE, base(slot) + KvSlot.KEY_LEN) & 0xff;
  }

  final void copyKey(int slot, byte[] target, int offset) {
    MemorySegment.copy(
        slots, ValueLayout.JAVA_BYTE, base(slot) + KvSlot.KEY, target, offset, keyLength(slot));
  }

  /** Moves the value from the buffer's reader index into the slot. */
  final void setInlineValue(int slot, ByteBuf source, int length) {
    int at = (int) (base(slot) + KvSlot.VALUE);
    slotBytes.limit(at + length).position(at);
    source.readBytes(slotBytes);
    slots.set(ValueLayout.JAVA_INT, base(slot) + KvSlot.VALUE_LEN, length);
  }

  /** Appends part of the slot's value to a buffer that has room. */
  final void readInlineValue(int slot, int offset, ByteBuf target, int length) {
    int at = (int) (base(slot) + KvSlot.VALUE) + offset;
    slotBytes.limit(at + length).position(at);
    target.writeBytes(slotBytes);
  }

  final long base(int slot) {
    return slot * KvSlot.BYTES;
  }

  /** Names the request; what it keeps, sets and clears of the item is none until it is set. */
  final void request(int slot, byte op, byte condition) {
    long base = base(slot);
    slots.set(ValueLayout.JAVA_BYTE, base + KvSlot.OP, op);
    slots.set(ValueLayout.JAVA_BYTE, base + KvSlot.COND, condition);
    slots.set(ValueLayout.JAVA_BYTE, base + KvSlot.TIER, KvSlot.TIER_KERNEL);
    slots.set(ValueLayout.JAVA_LONG, base + KvSlot.NEW_CAS, 0);
    slots.set(ValueLayout.JAVA_INT, base + KvSlot.KEEP, 0);
  }

  final void nameValue(int slot, long value, int length) {
    long base = base(slot);
    slots.set(ValueLayout.JAVA_BYTE, base + KvSlot.TIER, KvSlot.TIER_USER);
    slots.set(ValueLayout.JAVA_LONG, base + KvSlot.TOKEN, value);
    slots.set(ValueLayout.JAVA_INT, base + KvSlot.VALUE_LEN, length);
  }

  final int status(int slot) {
    return slots.get(ValueLayout.JAVA_INT, base(slot) + KvSlot.STATUS);
  }

  final byte getByte(int slot, long field) {
    return slots.get(ValueLayout.JAVA_BYTE, base(slot) + field);
  }

  final void setByte(int slot, long field, byte value) {
    slots.set(ValueLayout.JAVA_BYTE, base(slot) + field, value);
  }

  final int getInt(int slot, long field) {
    return slots.get(ValueLayout.JAVA_INT, base(slot) + field);
  }

  final void setInt(int slot, long field, int value) {
    slots.set(ValueLayout.JAVA_INT, base(slot) + field, value);
  }

  final long getLong(int slot, long field) {
    return slots.get(ValueLayout.JAVA_LONG, base(slot) + field);
  }

  final void setLong(int slot, long field, long value) {
    slots.set(ValueLayout.JAVA_LONG, base(slot) + field, value);
  }

  /** Shifts the inline value within the slot; the ranges may overlap. */
  final void moveInlineValue(int slot, int from, int to, int length) {
    long value = base(slot) + KvSlot.VALUE;
    MemorySegment.copy(slots, value + from, slots, value + to, length);
  }

  final void setInlineBytes(int slot, int offset, byte[] source, int sourceOffset, int length) {
    MemorySegment.copy(
        source,
        sourceOffset,
        slots,
        ValueLayout.JAVA_BYTE,
        base(slot) + KvSlot.VALUE + offset,
        length);
  }

  final void getInlineBytes(int slot, int offset, byte[] target, int length) {
    MemorySegment.copy(
        slots, ValueLayout.JAVA_BYTE, base(slot) + KvSlot.VALUE + offset, target, 0, length);
  }
}
