package org.kerbykv.server.store;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.BitSet;
import java.util.List;
import org.kerbykv.bpf.BPFException;
import org.kerbykv.bpf.BPFRingBuffer;
import org.kerbykv.server.kernel.KernelDoors;
import org.kerbykv.server.kernel.KvStats;
import org.kerbykv.server.log.ServerLog;

/**
 * The store whose authority is the index in the kernel; values that the kernel does not keep are in
 * the user tier. Thread-safe.
 *
 * <p>Who drops a superseded value of the user tier: the door that superseded it. The kernel doors
 * say so through ring buffer kv_events, which a thread of this store empties.
 *
 * <p>{@link TierKeeper} moves items between the tiers and removes expired ones.
 */
public final class KernelStore implements Store {
  private static final int EVENT_POLL_MILLIS = 200;

  private final KernelDoors doors;
  private final int datagramMax;
  private final SipHash hash = new SipHash();
  private final UserTier tier;
  private final MemorySegment slots;
  private final BitSet doorsOpen = new BitSet();
  private final int doorsMax;
  private final KernelDoor upkeepDoor;
  private final KvStats stats;
  private final KeptFigures kept;
  private final BPFRingBuffer events;
  private final TierMoves moves;
  private final TierKeeper keeper;
  private final Thread eventThread;
  private volatile boolean closing;

  /**
   * Makes a store of loaded programs, which are closed with it.
   *
   * @param userMemoryBytes most memory of the user tier
   * @param evicts whether live items go when memory is full, or new ones are refused
   * @param datagramMax bytes of the largest reply that the kernel sends
   */
  public KernelStore(KernelDoors doors, long userMemoryBytes, boolean evicts, int datagramMax) {
    this.doors = doors;
    this.datagramMax = datagramMax;
    this.slots = doors.program().mmap("kv_slots");
    this.doorsMax = (int) (slots.byteSize() / (StoreDoor.CAPACITY_MAX * KvSlot.BYTES));
    this.tier = new UserTier(userMemoryBytes, evicts, this::evicting);
    this.upkeepDoor = openDoor();
    this.stats = doors.stats();
    this.kept = new KeptFigures(doors.countRows().getFirst());
    this.moves = new TierMoves(openDoor(), tier);
    this.keeper = new TierKeeper(doors, tier, moves, evicts);
    UserTier.Scratch scratch = new UserTier.Scratch();
    this.events =
        doors
            .program()
            .getRingBuffer(
                "kv_events", event -> tier.drop(scratch, event.get(ValueLayout.JAVA_LONG, 0)));
    this.eventThread = Thread.ofPlatform().daemon().name("kerby-events").start(this::followEvents);
    doors.tick(BootClock.seconds(), BootClock.unixMinusBoot());
    keeper.start();
  }

  @Override
  public KernelDoor openDoor() {
    int number;
    synchronized (doorsOpen) {
      number = doorsOpen.nextClearBit(0);
      if (number >= doorsMax) {
        throw new IllegalStateException("all " + doorsMax + " doors to the kernel are open");
      }
      doorsOpen.set(number);
    }
    long bytes = StoreDoor.CAPACITY_MAX * KvSlot.BYTES;
    return new KernelDoor(
        this,
        tier,
        doors.program().testRun("kv_door"),
        slots.asSlice(number * bytes, bytes),
        number * StoreDoor.CAPACITY_MAX,
        datagramMax);
  }

  @Override
  public void flushAll() {
    synchronized (upkeepDoor) {
      upkeepDoor.flush();
    }
    keeper.crawlSoon();
  }

  @Override
  public List<MemorySegment> counts(int loops) {
    List<MemorySegment> rows = doors.countRows();
    return rows.subList(1, rows.size());
  }

  @Override
  public void upkeep() {
    kept.write(figures());
    doors.tick(BootClock.seconds(), BootClock.unixMinusBoot());
  }

  @Override
  public StoreFigures figures() {
    synchronized (stats) {
      stats.refresh();
      StoreFigures now =
          new StoreFigures(
              stats.items(0),
              stats.items(1),
              stats.valueBytes(0),
              stats.valueBytes(1),
              tier.usedBytes(),
              tier.takenBytes(),
              tier.limitBytes(),
              tier.evictedCount() + moves.evictedCount(),
              moves.reapedCount(),
              moves.demotedCount(),
              moves.promotedCount(),
              tier.lostCount());
      return kept.addedTo(now);
    }
  }

  /** Returns the kernel's half, for its own figures. */
  public KernelDoors kernel() {
    return doors;
  }

  /**
   * Returns the requests that a kernel door counted, by the numbers of {@link KvStats#requests}.
   */
  public long requests(int path, int operation, int result) {
    synchronized (stats) {
      stats.refresh();
      return stats.requests(path, operation, result);
    }
  }

  @Override
  public void close() {
    closing = true;
    try {
      eventThread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    keeper.close();
    doors.close();
    tier.close();
  }

  SipHash hash() {
    return hash;
  }

  UserTier tier() {
    return tier;
  }

  TierKeeper keeper() {
    return keeper;
  }

  /** Returns whether a value takes more blocks in the kernel than its key alone. */
  boolean wouldGain(int keyLength, int valueLength) {
    return doors.size().blocksOf(keyLength + valueLength) > doors.size().blocksOf(keyLength);
  }

  void closed(KernelDoor door, int firstSlot) {
    synchronized (doorsOpen) {
      doorsOpen.clear(firstSlot / StoreDoor.CAPACITY_MAX);
    }
  }

  private void evicting(long token, byte[] key, int keyLength) {
    synchronized (upkeepDoor) {
      upkeepDoor.forget(token, key, keyLength);
    }
  }

  private void followEvents() {
    while (!closing) {
      try {
        events.poll(EVENT_POLL_MILLIS);
      } catch (BPFException e) {
        ServerLog.warn("reading kv_events failed", "error", e);
      }
    }
  }
}
