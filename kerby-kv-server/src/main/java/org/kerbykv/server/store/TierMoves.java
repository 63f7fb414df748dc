package org.kerbykv.server.store;

import java.util.concurrent.atomic.AtomicLong;
import org.kerbykv.server.flight.ReapEvent;
import org.kerbykv.server.flight.TierMoveEvent;

/**
 * Moves items between the tiers, and removes those that nobody will ask for.
 *
 * <p>A move changes where a value is and nothing that a client can see: flags, expiry, cas id,
 * state bits and time of access stay the entry's. It goes ahead only if the entry still has the
 * version under which the value was read; so whoever sets, deletes or replaces the item meanwhile
 * wins, and the move is forgotten. A touch meanwhile stays, since the move leaves the expiry alone.
 *
 * <ul>
 *   <li>Demotion: read the chain; put the value into the user tier under a new token; have the
 *       entry name the token. The kernel frees the blocks it no longer needs. If the entry has
 *       changed, the new value is dropped: no one else knows its token.
 *   <li>Promotion: find the token's value, and hold it; have the entry hold a chain with a copy.
 *       The user tier's value is then superseded, and dropped by who did it, here. A reader that
 *       got the token before holds the value, or finds it gone and looks at the index again.
 * </ul>
 *
 * <p>A move gives the item a new version and must not take it out of reach of a flush_all: the
 * kernel sees to that, as for any write that depends on what was found.
 *
 * <p>Used by one thread at a time; the counts may be read by any.
 */
final class TierMoves implements AutoCloseable {
  private static final int BATCH = StoreDoor.CAPACITY_MAX;

  private final KernelDoor door;
  private final UserTier tier;
  private final UserTier.Scratch scratch = new UserTier.Scratch();
  private final byte[] key = new byte[KvSlot.KEY_MAX];
  private final int[] published = new int[BATCH];
  private final long[] removals = new long[BATCH];
  private final AtomicLong demoted = new AtomicLong();
  private final AtomicLong promoted = new AtomicLong();
  private final AtomicLong evicted = new AtomicLong();
  private final AtomicLong reaped = new AtomicLong();
  private int reapCount;
  private int lostCount;

  /**
   * Makes a mover.
   *
   * @param door used by nobody else, and closed with this
   */
  TierMoves(KernelDoor door, UserTier tier) {
    this.door = door;
    this.tier = tier;
  }

  long demotedCount() {
    return demoted.get();
  }

  long promotedCount() {
    return promoted.get();
  }

  /** Returns how many live items were removed to make room in the kernel's pool. */
  long evictedCount() {
    return evicted.get();
  }

  long reapedCount() {
    return reaped.get();
  }

  /**
   * Demotes or evicts what the stretch chose, except what has been changed or accessed since it was
   * visited.
   *
   * @return the blocks freed
   */
  long leave(Stretch stretch) {
    TierMoveEvent event = new TierMoveEvent();
    event.begin();
    long demotedBefore = demoted.get();
    long evictedBefore = evicted.get();
    long freed = 0;
    for (int first = 0; first < stretch.chosenCount(); first += BATCH) {
      freed += leave(stretch, first, Math.min(BATCH, stretch.chosenCount() - first));
    }
    event.end();
    if (event.shouldCommit() && stretch.chosenCount() > 0) {
      event.demoted = (int) (demoted.get() - demotedBefore);
      event.evicted = (int) (evicted.get() - evictedBefore);
      event.commit();
    }
    return freed;
  }

  private long leave(Stretch stretch, int first, int count) {
    for (int slot = 0; slot < count; slot++) {
      door.requestByIdentity(slot, KvSlot.GET, stretch.identity(first + slot));
    }
    door.enter(0, count);
    for (int slot = 0; slot < count; slot++) {
      prepareLeaving(stretch, first + slot, slot);
    }
    door.enter(0, count);
    long freed = 0;
    for (int slot = 0; slot < count; slot++) {
      freed += finishLeaving(slot) ? stretch.freedBlocks(first + slot) : 0;
    }
    return freed;
  }

  private void prepareLeaving(Stretch stretch, int choice, int slot) {
    published[slot] = 0;
    int status = door.status(slot);
    boolean unchanged =
        (status == KvSlot.OK || status == KvSlot.USER)
            && door.getLong(slot, KvSlot.VERSION) == stretch.version(choice)
            && door.getInt(slot, KvSlot.LAST_ACCESS) == stretch.lastAccess(choice);
    if (unchanged && stretch.isEviction(choice)) {
      door.request(slot, KvSlot.DELETE, KvSlot.IF_VERSION);
    } else if (!unchanged || !prepareDemotion(slot)) {
      door.request(slot, KvSlot.NOP, KvSlot.IF_ANY);
    }
  }

  /** Returns false if the user tier has no memory for the value. */
  private boolean prepareDemotion(int slot) {
    int length = door.getInt(slot, KvSlot.VALUE_LEN);
    door.copyKey(slot, key, 0);
    int item = tier.newValue(scratch, key, 0, door.keyLength(slot), length);
    if (item == 0) {
      return false;
    }
    door.copyInlineValue(slot, item, 0, length);
    published[slot] = item;
    door.request(slot, KvSlot.SET, KvSlot.IF_VERSION);
    door.keep(slot, KvSlot.KEEP_ITEM);
    door.nameValue(slot, tier.publish(scratch, item), length);
    return true;
  }

  /** Returns whether the item has left. */
  private boolean finishLeaving(int slot) {
    byte operation = door.operation(slot);
    if (operation == KvSlot.NOP) {
      return false;
    }
    boolean done = door.status(slot) == KvSlot.OK;
    if (operation == KvSlot.SET) {
      if (done) {
        demoted.incrementAndGet();
      } else {
        tier.drop(scratch, door.getLong(slot, KvSlot.TOKEN));
      }
      tier.release(published[slot]);
    } else if (done) {
      evicted.incrementAndGet();
      door.dropOld(slot);
    }
    return done;
  }

  /**
   * Moves a value of the user tier into the kernel, if the index still names it.
   *
   * @param item the value of the token, to which the caller holds a reference
   * @return false if the value is superseded, or the kernel does not take it
   */
  boolean promote(long token, int item) {
    TierMoveEvent event = new TierMoveEvent();
    event.begin();
    int keyLength = tier.readKey(scratch, item, key);
    int length = tier.length(item, keyLength);
    if (length > KvSlot.VALUE_MAX) {
      return false;
    }
    door.setKey(0, key, 0, keyLength, 0);
    door.request(0, KvSlot.GET, KvSlot.IF_ANY);
    door.keep(0, KvSlot.KEEP_ACCESS);
    door.enter(0, 1);
    if (door.status(0) != KvSlot.USER || door.getLong(0, KvSlot.TOKEN) != token) {
      return false;
    }
    door.request(0, KvSlot.SET, KvSlot.IF_VERSION);
    door.keep(0, KvSlot.KEEP_ITEM);
    door.readValueInline(0, item, length);
    door.enter(0, 1);
    if (door.status(0) != KvSlot.OK) {
      return false;
    }
    door.dropOld(0);
    promoted.incrementAndGet();
    event.promoted = 1;
    event.commit();
    return true;
  }

  /** Has an item removed that was seen to be expired. Takes place at {@link #finishRemovals}. */
  void reap(long identity) {
    if (reapCount + lostCount == BATCH) {
      finishRemovals();
    }
    removals[reapCount++] = identity;
  }

  /**
   * Has an item removed whose value was lost with an earlier process. Takes place at {@link
   * #finishRemovals}.
   */
  void removeLost(long identity) {
    if (reapCount + lostCount == BATCH) {
      finishRemovals();
    }
    removals[BATCH - ++lostCount] = identity;
  }

  /** Removes what is left to be removed. What somebody is at is left to the next walk. */
  void finishRemovals() {
    if (reapCount > 0) {
      reapBatch();
    }
    if (lostCount > 0) {
      removeLostBatch();
    }
  }

  private void reapBatch() {
    ReapEvent event = new ReapEvent();
    event.begin();
    long before = reaped.get();
    for (int slot = 0; slot < reapCount; slot++) {
      door.requestByIdentity(slot, KvSlot.REAP, removals[slot]);
    }
    door.enter(0, reapCount);
    for (int slot = 0; slot < reapCount; slot++) {
      if (door.status(slot) == KvSlot.OK) {
        reaped.incrementAndGet();
        door.dropOld(slot);
      }
    }
    reapCount = 0;
    event.items = (int) (reaped.get() - before);
    event.commit();
  }

  private void removeLostBatch() {
    for (int slot = 0; slot < lostCount; slot++) {
      door.requestByIdentity(slot, KvSlot.GET, removals[BATCH - 1 - slot]);
    }
    door.enter(0, lostCount);
    for (int slot = 0; slot < lostCount; slot++) {
      boolean isLost =
          door.status(slot) == KvSlot.USER && tier.isLost(door.getLong(slot, KvSlot.TOKEN));
      door.request(slot, isLost ? KvSlot.DELETE : KvSlot.NOP, KvSlot.IF_VERSION);
    }
    door.enter(0, lostCount);
    for (int slot = 0; slot < lostCount; slot++) {
      if (door.operation(slot) == KvSlot.DELETE && door.status(slot) == KvSlot.OK) {
        tier.removedFromIndex(door.getLong(slot, KvSlot.OLD_TOKEN));
      }
    }
    lostCount = 0;
  }

  @Override
  public void close() {
    door.close();
  }
}
