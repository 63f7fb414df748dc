package org.kerbykv.server.store;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.locks.LockSupport;
import org.kerbykv.bpf.BPFTestRun;
import org.kerbykv.server.flight.RetriesExhaustedEvent;

/**
 * One thread's door to the store in the kernel: its slots are part of map kv_slots, and a run is
 * one system call for all of them.
 *
 * <p>A value that the kernel does not keep, because its reply would not fit a datagram or because
 * the pool is full, goes to the user tier, under a token in the index.
 */
final class KernelDoor extends StoreDoor {
  /** Attempts at an operation that other writers kept from going ahead. */
  private static final int BUSY_TRIES = 100_000;

  private static final long BUSY_PAUSE_NANOS = 10_000;

  /** Times that a token may be found superseded before it was found gone. */
  private static final int SUPERSEDED_TRIES = 1000;

  /** Times that a SET is tried again after room was made for it. */
  private static final int ROOM_TRIES = 3;

  private static final int REPLY_LINES = "VALUE   0 \r\n\r\nEND\r\n".length() + 8;

  private final UserTier tier;
  private final BPFTestRun program;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment context = arena.allocate(2 * Integer.BYTES, Integer.BYTES);
  private final UserTier.Scratch scratch = new UserTier.Scratch();
  private final byte[] keyScratch = new byte[KvSlot.KEY_MAX];

  /** The values that SETs name, referenced until they are done; 0 for none. */
  private final int[] published = new int[CAPACITY_MAX];

  private final int firstSlot;
  private final int datagramMax;
  private final KernelStore store;

  /**
   * Makes a door.
   *
   * @param slots its part of kv_slots
   * @param firstSlot the index of the first of them
   * @param datagramMax bytes of the largest reply that the kernel sends
   */
  KernelDoor(
      KernelStore store,
      UserTier tier,
      BPFTestRun program,
      MemorySegment slots,
      int firstSlot,
      int datagramMax) {
    super(slots, CAPACITY_MAX, store.hash());
    this.store = store;
    this.tier = tier;
    this.program = program;
    this.firstSlot = firstSlot;
    this.datagramMax = datagramMax;
  }

  @Override
  public int inlineMax(int keyLength) {
    int most = datagramMax - REPLY_LINES - keyLength;
    return Math.min(KvSlot.VALUE_MAX, most - (most < 1000 ? 3 : 4));
  }

  @Override
  public void run(int first, int count) {
    boolean isPoolFull = store.keeper().isPoolFull();
    for (int slot = first; slot < first + count; slot++) {
      prepareSet(slot, isPoolFull);
    }
    enter(first, count);
    for (int slot = first; slot < first + count; slot++) {
      finish(slot);
    }
  }

  @Override
  public long newValue(byte[] key, int keyOffset, int keyLength, int valueLength) {
    return tier.newValue(scratch, key, keyOffset, keyLength, valueLength);
  }

  @Override
  public void releaseValue(long value) {
    tier.release((int) value);
  }

  @Override
  protected void writeValue(
      long value, int offset, MemorySegment source, long sourceOffset, int length) {
    tier.write((int) value, offset, source, sourceOffset, length);
  }

  @Override
  protected void readValue(
      long value, int offset, MemorySegment target, long targetOffset, int length) {
    tier.read((int) value, offset, target, targetOffset, length);
  }

  @Override
  public void close() {
    program.close();
    arena.close();
    store.closed(this, firstSlot);
  }

  /**
   * Removes the entry that names a token, if it still does.
   *
   * @return false if others were in the way too often; it may still be there
   */
  boolean forget(long token, byte[] key, int keyLength) {
    for (int i = 0; i < SUPERSEDED_TRIES; i++) {
      setKey(0, key, 0, keyLength, 0);
      request(0, KvSlot.GET, KvSlot.IF_ANY);
      keep(0, KvSlot.KEEP_ACCESS);
      settle(0);
      if (status(0) != KvSlot.USER || getLong(0, KvSlot.TOKEN) != token) {
        return true;
      }
      request(0, KvSlot.DELETE, KvSlot.IF_VERSION);
      settle(0);
      if (status(0) == KvSlot.OK) {
        return true;
      }
    }
    return false;
  }

  /** Asks for an operation on the entry of an identity: GET, which fills the key in, or REAP. */
  void requestByIdentity(int slot, byte operation, long identity) {
    request(slot, operation, KvSlot.IF_ANY);
    keep(slot, KvSlot.KEEP_ACCESS);
    slots.set(ValueLayout.JAVA_BYTE, base(slot) + KvSlot.KEY_LEN, (byte) 0);
    setLong(slot, KvSlot.TOKEN, identity);
  }

  /** Takes all that is stored for expired, through all doors at once. One call at a time. */
  void flush() {
    request(0, KvSlot.FLUSH, KvSlot.IF_ANY);
    enter(0, 1);
  }

  /** Says what an operation leaves as it is, by {@link KvSlot}'s KEEP bits. After its request. */
  void keep(int slot, byte bits) {
    slots.set(ValueLayout.JAVA_BYTE, base(slot) + KvSlot.KEEP, bits);
  }

  /** Makes part of a value of the user tier the slot's value. */
  void readValueInline(int slot, int item, int length) {
    tier.read(item, 0, slots, base(slot) + KvSlot.VALUE, length);
    setInt(slot, KvSlot.VALUE_LEN, length);
  }

  /**
   * The value that a SET names becomes known before the index can name it. When writers have used
   * the pool up, what is left of it is for keys: values go to the user tier.
   */
  private void prepareSet(int slot, boolean isPoolFull) {
    published[slot] = 0;
    if (operation(slot) != KvSlot.SET) {
      return;
    }
    if (isUserTier(slot)) {
      published[slot] = (int) getLong(slot, KvSlot.TOKEN);
      setLong(slot, KvSlot.TOKEN, tier.publish(scratch, published[slot]));
    } else if (isPoolFull && store.wouldGain(keyLength(slot), getInt(slot, KvSlot.VALUE_LEN))) {
      spill(slot);
    }
  }

  /** Has the kernel handle slots, without this side's part. */
  void enter(int first, int count) {
    context.set(ValueLayout.JAVA_INT, 0, firstSlot + first);
    context.set(ValueLayout.JAVA_INT, Integer.BYTES, count);
    int done = program.run(context);
    if (done != count) {
      throw new IllegalStateException(
          "program kv_door handled %d of %d slots".formatted(done, count));
    }
  }

  private void settle(int slot) {
    enter(slot, 1);
    for (int i = 0; status(slot) == KvSlot.BUSY && i < BUSY_TRIES; i++) {
      // A writer that was preempted has to get a CPU.
      LockSupport.parkNanos(BUSY_PAUSE_NANOS);
      enter(slot, 1);
    }
  }

  private void finish(int slot) {
    if (status(slot) == KvSlot.BUSY) {
      settle(slot);
    }
    switch (operation(slot)) {
      case KvSlot.GET -> finishGet(slot);
      case KvSlot.SET -> finishSet(slot);
      default -> dropOld(slot);
    }
    if (status(slot) == KvSlot.BUSY || status(slot) == KvSlot.COLLISION) {
      note(slot);
      // Refused in words that clients know; nothing has changed.
      setInt(slot, KvSlot.STATUS, KvSlot.NOSPC);
    }
  }

  private void note(int slot) {
    RetriesExhaustedEvent event = new RetriesExhaustedEvent();
    if (event.isEnabled()) {
      event.operation = operation(slot);
      event.status = status(slot);
      event.commit();
    }
  }

  /** Turns a token into a value that is referenced. */
  private void finishGet(int slot) {
    long before = 0;
    for (int i = 0; status(slot) == KvSlot.USER && i < SUPERSEDED_TRIES; i++) {
      long token = getLong(slot, KvSlot.TOKEN);
      int item = tier.find(scratch, token);
      if (item != 0) {
        setLong(slot, KvSlot.TOKEN, item);
        offerPromotion(slot, token, item);
        return;
      }
      if (token == before) {
        // Not superseded meanwhile: evicted, or lost with an earlier process.
        request(slot, KvSlot.DELETE, KvSlot.IF_VERSION);
        settle(slot);
        if (status(slot) == KvSlot.OK) {
          tier.removedFromIndex(token);
          setInt(slot, KvSlot.STATUS, KvSlot.MISS);
          return;
        }
      }
      before = token;
      request(slot, KvSlot.GET, KvSlot.IF_ANY);
      settle(slot);
    }
    if (status(slot) == KvSlot.USER) {
      setInt(slot, KvSlot.STATUS, KvSlot.MISS);
    }
  }

  private void offerPromotion(int slot, long token, int item) {
    if (tier.reads(item) >= TierKeeper.PROMOTION_READS && fitsKernel(slot)) {
      tier.forgetReads(item);
      store.keeper().offer(token);
    }
  }

  /** Returns whether the reply to a get of what was found fits a datagram. */
  private boolean fitsKernel(int slot) {
    return getInt(slot, KvSlot.VALUE_LEN) <= inlineMax(keyLength(slot));
  }

  private void finishSet(int slot) {
    if (!isUserTier(slot) && (status(slot) == KvSlot.TOO_BIG || isForUserTier(slot))) {
      spill(slot);
      settle(slot);
    }
    for (int i = 0; i < ROOM_TRIES && status(slot) == KvSlot.NOSPC; i++) {
      if (!store.keeper().makeRoom()) {
        break;
      }
      settle(slot);
    }
    if (published[slot] != 0) {
      if (status(slot) != KvSlot.OK) {
        tier.drop(scratch, getLong(slot, KvSlot.TOKEN));
      }
      tier.release(published[slot]);
    }
    dropOld(slot);
  }

  /** Returns whether the kernel has no room for a value, and may have for its key. */
  private boolean isForUserTier(int slot) {
    return status(slot) == KvSlot.NOSPC
        && store.wouldGain(keyLength(slot), getInt(slot, KvSlot.VALUE_LEN));
  }

  /** Has a SET name a value in the user tier, if there is memory, instead of bringing its own. */
  private void spill(int slot) {
    int keyLength = keyLength(slot);
    int length = getInt(slot, KvSlot.VALUE_LEN);
    copyKey(slot, keyScratch, 0);
    int item = tier.newValue(scratch, keyScratch, 0, keyLength, length);
    if (item != 0) {
      copyInlineValue(slot, item, 0, length);
      published[slot] = item;
      nameValue(slot, tier.publish(scratch, item), length);
    }
  }

  /** Ends the life of the value that an operation superseded, if it was the user tier's. */
  void dropOld(int slot) {
    if (getInt(slot, KvSlot.OLD_TIER) == KvSlot.TIER_USER) {
      tier.drop(scratch, getLong(slot, KvSlot.OLD_TOKEN));
    }
  }

  byte operation(int slot) {
    return slots.get(ValueLayout.JAVA_BYTE, base(slot) + KvSlot.OP);
  }

  private boolean isUserTier(int slot) {
    return slots.get(ValueLayout.JAVA_BYTE, base(slot) + KvSlot.TIER) == KvSlot.TIER_USER;
  }
}
