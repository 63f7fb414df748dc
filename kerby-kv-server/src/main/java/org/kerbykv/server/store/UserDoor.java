package org.kerbykv.server.store;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A door to {@link UserStore}: does in Java what the kernel's door does in eBPF. */
final class UserDoor extends StoreDoor {
  private final ItemTable items;
  private final MemorySegment keyScratch;
  private final ItemChange change = new ItemChange();
  private final ItemMoment moment = new ItemMoment();

  /**
   * Makes a door.
   *
   * @param arena for its slots; closed by others, after the door
   */
  UserDoor(ItemTable items, SipHash hash, Arena arena) {
    super(arena.allocate(CAPACITY_MAX * KvSlot.BYTES, 8), CAPACITY_MAX, hash);
    this.items = items;
    this.keyScratch = arena.allocate(KvSlot.KEY_MAX);
  }

  @Override
  public int inlineMax(int keyLength) {
    return KvSlot.VALUE_MAX;
  }

  @Override
  public void run(int first, int count) {
    int now = BootClock.seconds();
    for (int slot = first; slot < first + count; slot++) {
      int status =
          switch (slots.get(ValueLayout.JAVA_BYTE, base(slot) + KvSlot.OP)) {
            case KvSlot.GET -> get(slot, now);
            case KvSlot.SET -> set(slot, now);
            case KvSlot.DELETE -> delete(slot, now);
            case KvSlot.TOUCH -> touch(slot, now);
            default -> KvSlot.INVALID;
          };
      setInt(slot, KvSlot.STATUS, status);
    }
  }

  private int get(int slot, int now) {
    long base = base(slot);
    boolean unseen = (getByte(slot, KvSlot.KEEP) & KvSlot.KEEP_ACCESS) != 0;
    int item =
        items.find(slots, base + KvSlot.KEY, keyLength(slot), keyHash(slot), now, unseen, moment);
    if (item == 0) {
      return KvSlot.MISS;
    }
    int length = items.valueLength(item);
    setInt(slot, KvSlot.FLAGS, items.flags(item));
    setInt(slot, KvSlot.EXPTIME, moment.exptime);
    setInt(slot, KvSlot.VALUE_LEN, length);
    setLong(slot, KvSlot.CAS, moment.cas);
    setLong(slot, KvSlot.VERSION, moment.version);
    setInt(slot, KvSlot.LAST_ACCESS, moment.lastAccess);
    setByte(slot, KvSlot.STATE, moment.state);
    setByte(slot, KvSlot.TIER, KvSlot.TIER_USER);
    if (length > KvSlot.VALUE_MAX) {
      setLong(slot, KvSlot.TOKEN, item);
      return KvSlot.USER;
    }
    items.readValue(item, 0, slots, base + KvSlot.VALUE, length);
    items.release(item);
    return KvSlot.OK;
  }

  private int set(int slot, int now) {
    long base = base(slot);
    int item;
    if (slots.get(ValueLayout.JAVA_BYTE, base + KvSlot.TIER) == KvSlot.TIER_USER) {
      item = (int) getLong(slot, KvSlot.TOKEN);
    } else {
      int length = getInt(slot, KvSlot.VALUE_LEN);
      item = items.prepare(keyLength(slot), length, now, ItemTable.NO_LISTENER);
      if (item == 0) {
        return KvSlot.NOSPC;
      }
      items.writeKey(item, slots, base + KvSlot.KEY);
      items.writeValue(item, 0, slots, base + KvSlot.VALUE, length);
    }
    items.setMetadata(
        item, keyHash(slot), getInt(slot, KvSlot.FLAGS), getInt(slot, KvSlot.EXPTIME));
    long result = items.put(item, change(slot), now);
    if (result > 0) {
      setLong(slot, KvSlot.CAS, change.casOf(result));
    }
    return statusOf(result);
  }

  private int delete(int slot, int now) {
    return statusOf(
        items.remove(
            slots, base(slot) + KvSlot.KEY, keyLength(slot), keyHash(slot), change(slot), now));
  }

  private int touch(int slot, int now) {
    long result =
        items.touch(
            slots,
            base(slot) + KvSlot.KEY,
            keyLength(slot),
            keyHash(slot),
            change(slot),
            moment,
            now);
    if (result > 0) {
      setLong(slot, KvSlot.CAS, change.newCas == 0 ? moment.cas : change.casOf(result));
      setByte(slot, KvSlot.STATE, moment.state);
    }
    return statusOf(result);
  }

  /** Reads what the slot asks to be changed. */
  private ItemChange change(int slot) {
    change.condition = getByte(slot, KvSlot.COND);
    change.expected =
        getLong(slot, change.condition == KvSlot.IF_VERSION ? KvSlot.VERSION : KvSlot.CAS);
    change.newCas = getLong(slot, KvSlot.NEW_CAS);
    change.keep = getByte(slot, KvSlot.KEEP);
    change.state = getByte(slot, KvSlot.STATE);
    change.clear = getByte(slot, KvSlot.CLEAR);
    change.exptime = getInt(slot, KvSlot.EXPTIME);
    return change;
  }

  private static int statusOf(long result) {
    if (result == ItemTable.MISSING) {
      return KvSlot.MISS;
    }
    return result == ItemTable.REFUSED ? KvSlot.EXISTS : KvSlot.OK;
  }

  @Override
  public long newValue(byte[] key, int keyOffset, int keyLength, int valueLength) {
    int item = items.prepare(keyLength, valueLength, BootClock.seconds(), ItemTable.NO_LISTENER);
    if (item != 0) {
      MemorySegment.copy(key, keyOffset, keyScratch, ValueLayout.JAVA_BYTE, 0, keyLength);
      items.writeKey(item, keyScratch, 0);
    }
    return item;
  }

  @Override
  public void releaseValue(long value) {
    items.release((int) value);
  }

  @Override
  protected void writeValue(
      long value, int offset, MemorySegment source, long sourceOffset, int length) {
    items.writeValue((int) value, offset, source, sourceOffset, length);
  }

  @Override
  protected void readValue(
      long value, int offset, MemorySegment target, long targetOffset, int length) {
    items.readValue((int) value, offset, target, targetOffset, length);
  }

  @Override
  public void close() {
    // Its memory is the store's.
  }
}
