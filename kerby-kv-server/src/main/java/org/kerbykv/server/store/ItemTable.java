package org.kerbykv.server.store;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * A hash table of immutable items, keys and values both off-heap.
 *
 * <p>An item is prepared (allocated and filled by its only owner), then put, which makes it visible
 * and gives it a version; from then on only what {@link ItemMoment} names changes. Whoever finds an
 * item holds a reference until {@link #release}, so that a value can be copied without a lock while
 * it is superseded. An item is named by an int, never 0.
 *
 * <p>Room for a new item is made by evicting: a CLOCK hand per stripe gives each item that was used
 * since it last came by a second chance. A table that may not evict looks for expired items only,
 * and not far.
 *
 * <p>Thread-safe; operations on one key are linearizable. Times are seconds of the boot clock.
 */
final class ItemTable implements AutoCloseable {
  /** Told of an item, which is referenced meanwhile, before it is evicted. */
  interface EvictionListener {
    void evicting(int item);
  }

  static final EvictionListener NO_LISTENER = item -> {};

  /** Returned by {@link #put} and {@link #remove}: the condition found no item. */
  static final long MISSING = 0;

  /** Returned by {@link #put} and {@link #remove}: the condition found an item it did not want. */
  static final long REFUSED = -1;

  // An item's header, in its first extent, after the extent's own five bytes.
  private static final int REFERENCED = 5; // reads since the eviction hand came by
  private static final int KEY_LEN = 6;
  private static final int STATE = 7;
  private static final int HASH_NEXT = 8;
  private static final int REFERENCES = 12;
  private static final int HASH = 16;
  private static final int VERSION = 24;
  private static final int CAS = 32;
  private static final int FLAGS = 40;
  private static final int EXPTIME = 44;
  private static final int VALUE_LEN = 48;
  private static final int ACCESSED = 52;
  private static final int DATA = 56;
  private static final int HEADER_PAYLOAD = DATA - ExtentMemory.EXTENT_HEADER_BYTES;

  private static final int STRIPE_BITS = 6;
  private static final int STRIPES = 1 << STRIPE_BITS;
  private static final int STRIPE_SHIFT = Long.SIZE - STRIPE_BITS;

  /** Spreads consecutive numbers over the upper bits. */
  private static final int TURN_MIX = 0x9E3779B9;

  private static final int BUCKETS_MIN = 64;
  private static final int BUCKETS_MAX = 1 << 28;

  /** How many buckets a sweep visits before it lets others at the stripe. */
  private static final int SWEEP_BUCKETS = 1024;

  /** In how many stripes a table that may not evict looks for expired items. */
  private static final int RECLAIM_STRIPES = 4;

  private static final ItemChange UNCONDITIONAL = new ItemChange();
  private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
  private static final VarHandle ATOMIC_INT = INT.varHandle();

  /** A part of the table with its own lock, which is the stripe itself. */
  private static final class Stripe {
    int[] buckets = new int[BUCKETS_MIN];
    int items;
    long valueBytes;
    int hand;
  }

  private static final byte READS_MAX = Byte.MAX_VALUE;

  private final ExtentMemory memory;
  private final boolean evicts;
  private final Stripe[] stripes = new Stripe[STRIPES];
  private final AtomicLong lastVersion;
  private final AtomicInteger evictionTurn = new AtomicInteger();
  private final LongAdder evicted = new LongAdder();
  private final LongAdder expired = new LongAdder();
  private volatile long flushVersion;

  /**
   * Makes an empty table.
   *
   * @param limitBytes memory for items, as for {@link ExtentMemory}
   * @param lastVersion the last version given out; counted up by each put
   * @param evicts whether live items may go to make room for others
   */
  ItemTable(long limitBytes, AtomicLong lastVersion, boolean evicts) {
    this.memory = new ExtentMemory(limitBytes);
    this.evicts = evicts;
    this.lastVersion = lastVersion;
    for (int i = 0; i < STRIPES; i++) {
      stripes[i] = new Stripe();
    }
  }

  /**
   * Allocates an item, evicting others if need be and allowed. The caller owns it until it is put
   * or released, and writes its key and value.
   *
   * @param now boot seconds
   * @param listener told of each eviction
   * @return the item, or 0 if the memory cannot hold it
   */
  int prepare(int keyLength, int valueLength, int now, EvictionListener listener) {
    long payload = (long) HEADER_PAYLOAD + keyLength + valueLength;
    if (payload > memory.limitBytes() >> 1) {
      return 0;
    }
    int item;
    while ((item = memory.allocate(payload)) == 0) {
      if (!(evicts ? evictOne(now, listener) : reclaimSome(now))) {
        return 0;
      }
    }
    MemorySegment region = memory.region(item);
    long base = ExtentMemory.offset(item);
    region.set(BYTE, base + REFERENCED, (byte) 0);
    region.set(BYTE, base + KEY_LEN, (byte) keyLength);
    region.set(INT, base + REFERENCES, 1);
    region.set(INT, base + VALUE_LEN, valueLength);
    return item;
  }

  /** Sets what is stored beside the value. Only before the item is put. */
  void setMetadata(int item, long hash, int flags, int exptime) {
    MemorySegment region = memory.region(item);
    long base = ExtentMemory.offset(item);
    region.set(LONG, base + HASH, hash);
    region.set(INT, base + FLAGS, flags);
    region.set(INT, base + EXPTIME, exptime);
  }

  /** Writes the item's key. Only before the item is put. */
  void writeKey(int item, MemorySegment key, long keyOffset) {
    copy(item, 0, key, keyOffset, keyLength(item), true);
  }

  /** Writes {@code length} bytes of the value from {@code offset}. Only before it is put. */
  void writeValue(int item, int offset, MemorySegment source, long sourceOffset, int length) {
    copy(item, keyLength(item) + offset, source, sourceOffset, length, true);
  }

  /** Copies {@code length} bytes of the value from {@code offset}. Needs a reference. */
  void readValue(int item, int offset, MemorySegment target, long targetOffset, int length) {
    copy(item, keyLength(item) + offset, target, targetOffset, length, false);
  }

  /** Copies the item's key. Needs a reference. */
  void readKey(int item, MemorySegment target, long targetOffset) {
    copy(item, 0, target, targetOffset, keyLength(item), false);
  }

  /** Makes a prepared item the value of its key. The caller's ownership ends. */
  void put(int item, int now) {
    put(item, UNCONDITIONAL, now);
  }

  /**
   * Makes a prepared item the value of its key, if the condition holds. The caller's ownership
   * ends, whatever the outcome.
   *
   * @return the version given to the item (positive), {@link #MISSING} or {@link #REFUSED}
   */
  long put(int item, ItemChange change, int now) {
    long hash = hash(item);
    Stripe stripe = stripe(hash);
    long result;
    int superseded = 0;
    synchronized (stripe) {
      int previous = findSame(stripe, item, hash, now);
      result = check(previous, change);
      if (result > 0) {
        inherit(item, previous, change);
        if (previous != 0) {
          unlink(stripe, previous);
          superseded = previous;
        }
        result = giveVersion(item, change);
        memory.region(item).set(INT, ExtentMemory.offset(item) + ACCESSED, now);
        link(stripe, item, hash);
      }
    }
    if (result <= 0) {
      release(item);
    } else if (superseded != 0) {
      release(superseded);
    }
    return result;
  }

  /** Finds a live item and takes a reference to it; 0 if there is none. */
  int find(MemorySegment key, long keyOffset, int keyLength, long hash, int now) {
    return find(key, keyOffset, keyLength, hash, now, false, null);
  }

  /**
   * Finds a live item and takes a reference to it; 0 if there is none.
   *
   * @param unseen whether it is not to count as used
   * @param moment filled with what the item was before; may be null
   */
  int find(
      MemorySegment key,
      long keyOffset,
      int keyLength,
      long hash,
      int now,
      boolean unseen,
      ItemMoment moment) {
    Stripe stripe = stripe(hash);
    synchronized (stripe) {
      int item = findLive(stripe, key, keyOffset, keyLength, hash, now);
      if (item != 0) {
        retain(item);
        if (moment != null) {
          fill(moment, item);
        }
        if (!unseen) {
          setState(item, (byte) (state(item) | KvSlot.FETCHED));
          used(item, now);
        }
      }
      return item;
    }
  }

  /** Finds a live item as {@link #find} does, without counting it as used. */
  int peek(MemorySegment key, long keyOffset, int keyLength, long hash, int now) {
    return find(key, keyOffset, keyLength, hash, now, true, null);
  }

  /** Takes another reference to an item that the caller has one to. */
  void retain(int item) {
    ATOMIC_INT.getAndAdd(memory.region(item), referencesAt(item), 1);
  }

  /**
   * Returns how often an item was found since it was put, the eviction hand came by, or {@link
   * #forgetReads}: a hint, which ends at {@value #READS_MAX}.
   */
  int reads(int item) {
    return memory.region(item).get(BYTE, ExtentMemory.offset(item) + REFERENCED);
  }

  /** Begins to count reads anew; the item still counts as used lately. Needs a reference. */
  void forgetReads(int item) {
    memory.region(item).set(BYTE, ExtentMemory.offset(item) + REFERENCED, (byte) 1);
  }

  /**
   * Changes what a live item has beside its value, if the condition holds.
   *
   * @param moment filled with what the item was before, if there is one
   * @return its version from now on (positive), {@link #MISSING} or {@link #REFUSED}
   */
  long touch(
      MemorySegment key,
      long keyOffset,
      int keyLength,
      long hash,
      ItemChange change,
      ItemMoment moment,
      int now) {
    Stripe stripe = stripe(hash);
    synchronized (stripe) {
      int item = findLive(stripe, key, keyOffset, keyLength, hash, now);
      if (item == 0) {
        return MISSING;
      }
      long result = check(item, change);
      if (result <= 0) {
        return result;
      }
      fill(moment, item);
      if (!change.keeps(KvSlot.KEEP_EXPTIME)) {
        memory.region(item).set(INT, ExtentMemory.offset(item) + EXPTIME, change.exptime);
      }
      setState(item, (byte) ((state(item) & ~change.clear) | change.state));
      if (!change.keeps(KvSlot.KEEP_ACCESS)) {
        setState(item, (byte) (state(item) | KvSlot.FETCHED));
        used(item, now);
      }
      return change.newCas == 0 ? version(item) : giveVersion(item, change);
    }
  }

  /** Removes a live item. */
  void remove(MemorySegment key, long keyOffset, int keyLength, long hash, int now) {
    remove(key, keyOffset, keyLength, hash, UNCONDITIONAL, now);
  }

  /**
   * Removes a live item, if the condition holds.
   *
   * @return its version (positive), {@link #MISSING} or {@link #REFUSED}
   */
  long remove(
      MemorySegment key, long keyOffset, int keyLength, long hash, ItemChange change, int now) {
    Stripe stripe = stripe(hash);
    int item;
    long result;
    synchronized (stripe) {
      item = findLive(stripe, key, keyOffset, keyLength, hash, now);
      if (item == 0) {
        return MISSING;
      }
      result = check(item, change);
      if (result <= 0) {
        return result;
      }
      result = version(item);
      unlink(stripe, item);
    }
    release(item);
    return result;
  }

  /** Gives a reference back; the last one frees the item's memory. */
  void release(int item) {
    MemorySegment region = memory.region(item);
    if ((int) ATOMIC_INT.getAndAdd(region, ExtentMemory.offset(item) + REFERENCES, -1) == 1) {
      memory.free(item);
    }
  }

  /**
   * Takes everything that is stored for expired. It is one step for all others, so that nothing
   * that was made of an item before it comes to be after it.
   */
  void flush() {
    flush(0);
  }

  /** Holds the stripes from a number on, and all before it. */
  private void flush(int from) {
    if (from == STRIPES) {
      flushVersion = lastVersion.get();
      return;
    }
    synchronized (stripes[from]) {
      flush(from + 1);
    }
  }

  /**
   * Frees the expired items of some stripes.
   *
   * @param firstStripe where to begin; any int
   * @param count how many stripes to visit
   */
  void sweep(int firstStripe, int count, int now) {
    for (int i = 0; i < count; i++) {
      sweep(stripes[(firstStripe + i) & (STRIPES - 1)], now);
    }
  }

  /** Returns the number of stripes that {@link #sweep} visits in a full round. */
  int stripeCount() {
    return STRIPES;
  }

  int flags(int item) {
    return memory.region(item).get(INT, ExtentMemory.offset(item) + FLAGS);
  }

  private int exptime(int item) {
    return memory.region(item).get(INT, ExtentMemory.offset(item) + EXPTIME);
  }

  int valueLength(int item) {
    return memory.region(item).get(INT, ExtentMemory.offset(item) + VALUE_LEN);
  }

  int keyLength(int item) {
    return memory.region(item).get(BYTE, ExtentMemory.offset(item) + KEY_LEN) & 0xff;
  }

  /** Returns the item's number in the store's own sequence, which never repeats. */
  private long version(int item) {
    return memory.region(item).get(LONG, ExtentMemory.offset(item) + VERSION);
  }

  /** Returns the number that clients know, which they may have chosen. */
  private long cas(int item) {
    return memory.region(item).get(LONG, ExtentMemory.offset(item) + CAS);
  }

  private byte state(int item) {
    return memory.region(item).get(BYTE, ExtentMemory.offset(item) + STATE);
  }

  private void setState(int item, byte state) {
    memory.region(item).set(BYTE, ExtentMemory.offset(item) + STATE, state);
  }

  long hash(int item) {
    return memory.region(item).get(LONG, ExtentMemory.offset(item) + HASH);
  }

  /** Returns the number of items, those that expired but were not yet noticed included. */
  long itemCount() {
    long sum = 0;
    for (Stripe stripe : stripes) {
      synchronized (stripe) {
        sum += stripe.items;
      }
    }
    return sum;
  }

  /** Returns the bytes of the values of all items. */
  long valueBytes() {
    long sum = 0;
    for (Stripe stripe : stripes) {
      synchronized (stripe) {
        sum += stripe.valueBytes;
      }
    }
    return sum;
  }

  /** Returns the bytes of memory that items take, headers and roundings included. */
  long usedBytes() {
    return memory.usedBytes();
  }

  /** Returns the bytes that the memory of the table has taken from the system. */
  long takenBytes() {
    return memory.takenBytes();
  }

  long limitBytes() {
    return memory.limitBytes();
  }

  long evictedCount() {
    return evicted.sum();
  }

  long expiredCount() {
    return expired.sum();
  }

  @Override
  public void close() {
    memory.close();
  }

  /** Returns 1 if the condition holds, else MISSING or REFUSED. */
  private long check(int existing, ItemChange change) {
    return switch (change.condition) {
      case KvSlot.IF_ANY -> 1;
      case KvSlot.IF_ABSENT -> existing == 0 ? 1 : REFUSED;
      case KvSlot.IF_PRESENT -> existing != 0 ? 1 : MISSING;
      case KvSlot.IF_CAS ->
          existing == 0 ? MISSING : cas(existing) == change.expected ? 1 : REFUSED;
      case KvSlot.IF_VERSION ->
          existing == 0 ? MISSING : version(existing) == change.expected ? 1 : REFUSED;
      default -> throw new IllegalArgumentException("condition " + change.condition);
    };
  }

  /** Gives a new item what it is to have of the one before it. */
  private void inherit(int item, int previous, ItemChange change) {
    byte state = change.state;
    if (previous != 0 && change.keeps(KvSlot.KEEP_STATE)) {
      state |= (byte) (state(previous) & ~change.clear);
    }
    setState(item, state);
    if (previous != 0 && change.keeps(KvSlot.KEEP_EXPTIME)) {
      memory.region(item).set(INT, ExtentMemory.offset(item) + EXPTIME, exptime(previous));
    }
  }

  private long giveVersion(int item, ItemChange change) {
    long version = lastVersion.incrementAndGet();
    MemorySegment region = memory.region(item);
    long base = ExtentMemory.offset(item);
    region.set(LONG, base + VERSION, version);
    region.set(LONG, base + CAS, change.casOf(version));
    return version;
  }

  private void fill(ItemMoment moment, int item) {
    moment.version = version(item);
    moment.cas = cas(item);
    moment.exptime = exptime(item);
    moment.lastAccess = memory.region(item).get(INT, ExtentMemory.offset(item) + ACCESSED);
    moment.state = state(item);
  }

  private void used(int item, int now) {
    MemorySegment region = memory.region(item);
    long base = ExtentMemory.offset(item);
    byte reads = region.get(BYTE, base + REFERENCED);
    if (reads < READS_MAX) {
      region.set(BYTE, base + REFERENCED, (byte) (reads + 1));
    }
    region.set(INT, base + ACCESSED, now);
  }

  private Stripe stripe(long hash) {
    return stripes[(int) (hash >>> STRIPE_SHIFT)];
  }

  private static int bucket(Stripe stripe, long hash) {
    return (int) hash & (stripe.buckets.length - 1);
  }

  private boolean isDead(int item, int now) {
    int exptime = exptime(item);
    return (exptime != KvSlot.EXPTIME_NEVER && Integer.compareUnsigned(exptime, now) <= 0)
        || version(item) <= flushVersion;
  }

  private int hashNext(int item) {
    return memory.region(item).get(INT, ExtentMemory.offset(item) + HASH_NEXT);
  }

  private void setHashNext(int item, int next) {
    memory.region(item).set(INT, ExtentMemory.offset(item) + HASH_NEXT, next);
  }

  private int findLive(
      Stripe stripe, MemorySegment key, long keyOffset, int keyLength, long hash, int now) {
    int item = stripe.buckets[bucket(stripe, hash)];
    while (item != 0
        && !(hash(item) == hash
            && keyLength(item) == keyLength
            && keyEquals(item, key, keyOffset))) {
      item = hashNext(item);
    }
    return unlessDead(stripe, item, now);
  }

  private int findSame(Stripe stripe, int like, long hash, int now) {
    int item = stripe.buckets[bucket(stripe, hash)];
    while (item != 0
        && !(hash(item) == hash && keyLength(item) == keyLength(like) && keysEqual(item, like))) {
      item = hashNext(item);
    }
    return unlessDead(stripe, item, now);
  }

  private int unlessDead(Stripe stripe, int item, int now) {
    if (item == 0 || !isDead(item, now)) {
      return item;
    }
    removeDead(stripe, item);
    return 0;
  }

  private void removeDead(Stripe stripe, int item) {
    unlink(stripe, item);
    release(item);
    expired.increment();
  }

  private boolean keyEquals(int item, MemorySegment key, long keyOffset) {
    int left = keyLength(item);
    int extent = item;
    int start = DATA;
    long at = keyOffset;
    while (true) {
      int room = memory.extentBytes(extent) - start;
      int n = Math.min(left, room);
      long from = ExtentMemory.offset(extent) + start;
      if (MemorySegment.mismatch(memory.region(extent), from, from + n, key, at, at + n) >= 0) {
        return false;
      }
      left -= n;
      if (left == 0) {
        return true;
      }
      at += n;
      extent = memory.next(extent);
      start = ExtentMemory.EXTENT_HEADER_BYTES;
    }
  }

  /** Compares the keys, equally long, of two items whose extents may be cut differently. */
  private boolean keysEqual(int a, int b) {
    int left = keyLength(a);
    int extentA = a;
    int extentB = b;
    int startA = DATA;
    int startB = DATA;
    while (left > 0) {
      if (startA == memory.extentBytes(extentA)) {
        extentA = memory.next(extentA);
        startA = ExtentMemory.EXTENT_HEADER_BYTES;
      }
      if (startB == memory.extentBytes(extentB)) {
        extentB = memory.next(extentB);
        startB = ExtentMemory.EXTENT_HEADER_BYTES;
      }
      int n =
          Math.min(
              left,
              Math.min(memory.extentBytes(extentA) - startA, memory.extentBytes(extentB) - startB));
      long fromA = ExtentMemory.offset(extentA) + startA;
      long fromB = ExtentMemory.offset(extentB) + startB;
      if (MemorySegment.mismatch(
              memory.region(extentA), fromA, fromA + n, memory.region(extentB), fromB, fromB + n)
          >= 0) {
        return false;
      }
      left -= n;
      startA += n;
      startB += n;
    }
    return true;
  }

  private void copy(
      int item, int position, MemorySegment other, long otherOffset, int length, boolean write) {
    int extent = item;
    int start = DATA + position;
    long at = otherOffset;
    int left = length;
    while (left > 0) {
      int size = memory.extentBytes(extent);
      if (start < size) {
        int n = Math.min(left, size - start);
        long from = ExtentMemory.offset(extent) + start;
        if (write) {
          MemorySegment.copy(other, at, memory.region(extent), from, n);
        } else {
          MemorySegment.copy(memory.region(extent), from, other, at, n);
        }
        at += n;
        left -= n;
        start += n;
      }
      start += ExtentMemory.EXTENT_HEADER_BYTES - size;
      extent = memory.next(extent);
    }
  }

  private void link(Stripe stripe, int item, long hash) {
    if (stripe.items >= stripe.buckets.length && stripe.buckets.length < BUCKETS_MAX) {
      grow(stripe);
    }
    int bucket = bucket(stripe, hash);
    setHashNext(item, stripe.buckets[bucket]);
    stripe.buckets[bucket] = item;
    stripe.items++;
    stripe.valueBytes += valueLength(item);
  }

  private void unlink(Stripe stripe, int item) {
    int bucket = bucket(stripe, hash(item));
    int at = stripe.buckets[bucket];
    if (at == item) {
      stripe.buckets[bucket] = hashNext(item);
    } else {
      while (hashNext(at) != item) {
        at = hashNext(at);
      }
      setHashNext(at, hashNext(item));
    }
    stripe.items--;
    stripe.valueBytes -= valueLength(item);
  }

  private void grow(Stripe stripe) {
    int[] old = stripe.buckets;
    stripe.buckets = new int[old.length << 1];
    for (int head : old) {
      for (int item = head; item != 0; ) {
        int next = hashNext(item);
        int bucket = bucket(stripe, hash(item));
        setHashNext(item, stripe.buckets[bucket]);
        stripe.buckets[bucket] = item;
        item = next;
      }
    }
  }

  private void sweep(Stripe stripe, int now) {
    for (int from = 0; sweepBuckets(stripe, from, now); from += SWEEP_BUCKETS) {}
  }

  /** Returns false when there are no such buckets. */
  private boolean sweepBuckets(Stripe stripe, int from, int now) {
    synchronized (stripe) {
      int to = Math.min(stripe.buckets.length, from + SWEEP_BUCKETS);
      for (int bucket = from; bucket < to; bucket++) {
        for (int item = stripe.buckets[bucket]; item != 0; ) {
          int next = hashNext(item);
          if (isDead(item, now)) {
            removeDead(stripe, item);
          }
          item = next;
        }
      }
      return from < to;
    }
  }

  /** Frees the expired items of the next buckets; returns whether there was one. */
  private boolean reclaimSome(int now) {
    for (int i = 0; i < RECLAIM_STRIPES; i++) {
      Stripe stripe = stripes[evictionTurn.getAndIncrement() & (STRIPES - 1)];
      synchronized (stripe) {
        int before = stripe.items;
        int from = stripe.hand & (stripe.buckets.length - 1);
        stripe.hand = from + SWEEP_BUCKETS;
        sweepBuckets(stripe, from, now);
        if (stripe.items < before) {
          return true;
        }
      }
    }
    return false;
  }

  private boolean evictOne(int now, EvictionListener listener) {
    // Twice round: the first may only take second chances away.
    for (int i = 0; i < 2 * STRIPES; i++) {
      Stripe stripe = nextStripe();
      int victim;
      synchronized (stripe) {
        victim = nextVictim(stripe, now);
        if (victim == 0) {
          continue;
        }
        ATOMIC_INT.getAndAdd(memory.region(victim), referencesAt(victim), 1);
      }
      evict(stripe, victim, now, listener);
      return true;
    }
    return false;
  }

  /**
   * Returns the fuller of two stripes. One from each by turns would let their sizes drift apart as
   * random walks do, until some hold little but items that are read all the time; the better of two
   * choices keeps them level (M. Mitzenmacher, "The Power of Two Choices in Randomized Load
   * Balancing").
   */
  private Stripe nextStripe() {
    int turn = evictionTurn.getAndIncrement();
    Stripe next = stripes[turn & (STRIPES - 1)];
    Stripe other = stripes[(turn * TURN_MIX) >>> (Integer.SIZE - STRIPE_BITS)];
    return other.items > next.items ? other : next; // a hint: nobody has locked them
  }

  private void evict(Stripe stripe, int victim, int now, EvictionListener listener) {
    boolean dead = isDead(victim, now);
    listener.evicting(victim);
    synchronized (stripe) {
      if (isLinked(stripe, victim)) {
        unlink(stripe, victim);
        release(victim);
        (dead ? expired : evicted).increment();
      }
    }
    release(victim);
  }

  private boolean isLinked(Stripe stripe, int item) {
    int at = stripe.buckets[bucket(stripe, hash(item))];
    while (at != 0 && at != item) {
      at = hashNext(at);
    }
    return at == item;
  }

  private static long referencesAt(int item) {
    return ExtentMemory.offset(item) + REFERENCES;
  }

  /** Moves the stripe's hand to the next item that may go; 0 if a round found none. */
  private int nextVictim(Stripe stripe, int now) {
    for (int i = 0; i < 2 * stripe.buckets.length && stripe.items > 0; i++) {
      stripe.hand &= stripe.buckets.length - 1;
      for (int item = stripe.buckets[stripe.hand]; item != 0; item = hashNext(item)) {
        MemorySegment region = memory.region(item);
        long base = ExtentMemory.offset(item);
        boolean held = (int) ATOMIC_INT.getVolatile(region, base + REFERENCES) > 1;
        boolean recent = region.get(BYTE, base + REFERENCED) != 0;
        if (!held && (!recent || isDead(item, now))) {
          return item;
        }
        region.set(BYTE, base + REFERENCED, (byte) 0);
      }
      stripe.hand++;
    }
    return 0;
  }
}
