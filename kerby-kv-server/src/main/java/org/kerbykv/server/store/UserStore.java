package org.kerbykv.server.store;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/**
 * The whole store in user space, for where there is no eBPF.
 *
 * <p>Keys and values are off-heap, in memory that is bounded; when it is full, the items that were
 * not used lately are evicted, if that is allowed. Thread-safe.
 */
public final class UserStore implements Store {
  /** Stripes swept per upkeep, so that an expired item goes within half a minute. */
  private static final int SWEEP_STRIPES = 2;

  private final AtomicLong lastVersion = new AtomicLong();
  private final SipHash hash = new SipHash();
  private final Arena doorArena = Arena.ofShared();
  private final ItemTable items;
  private final AtomicBoolean flushed = new AtomicBoolean();
  private int sweepNext;

  /**
   * Makes an empty store.
   *
   * @param memoryBytes most memory for items; whole regions of 4 MiB, at least one
   * @param evicts whether full memory makes old items go, or new ones be refused
   */
  public UserStore(long memoryBytes, boolean evicts) {
    items = new ItemTable(memoryBytes, lastVersion, evicts);
  }

  @Override
  public StoreDoor openDoor() {
    return new UserDoor(items, hash, doorArena);
  }

  @Override
  public void flushAll() {
    items.flush();
    flushed.set(true);
  }

  @Override
  public void upkeep() {
    int count = flushed.getAndSet(false) ? items.stripeCount() : SWEEP_STRIPES;
    items.sweep(sweepNext, count, BootClock.seconds());
    sweepNext += count;
  }

  @Override
  public List<MemorySegment> counts(int loops) {
    return Stream.generate(() -> Arena.ofAuto().allocate(COUNTS_BYTES, Long.BYTES))
        .limit(loops)
        .toList();
  }

  @Override
  public StoreFigures figures() {
    return new StoreFigures(
        0,
        items.itemCount(),
        0,
        items.valueBytes(),
        items.usedBytes(),
        items.takenBytes(),
        items.limitBytes(),
        items.evictedCount(),
        items.expiredCount(),
        0,
        0,
        0);
  }

  @Override
  public void close() {
    doorArena.close();
    items.close();
  }
}
