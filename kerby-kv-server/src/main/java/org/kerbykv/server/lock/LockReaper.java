package org.kerbykv.server.lock;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.kerbykv.bpf.BPFHashMap;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFType;
import org.kerbykv.server.store.BootClock;

/**
 * Walks over the locks and the clients, a part at a time, round and round. Removes locks that
 * nobody has needed for a round, whose holders' leases have ended, and clients that were not heard
 * of; finds locks that nobody remembers to sweep.
 *
 * <p>Where there is no room, a round goes as fast as it can and removes every lock that is free.
 *
 * <p>Used by one thread, but for the counts.
 */
final class LockReaper implements AutoCloseable {
  private static final int STEP_ENTRIES = 1024;
  private static final long ROUND_NANOS = TimeUnit.SECONDS.toNanos(10);

  /** So that no more than 100,000 entries a second are visited. */
  private static final long STEP_NANOS_MIN = TimeUnit.MILLISECONDS.toNanos(10);

  /** Where there is no room, clients have to go sooner. */
  private static final int HURRY_SHARE = 6;

  private static final long HURRY_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final LockDoor door;
  private final DueLocks due;
  private final Result result;
  private final Table locks;
  private final Table clients;
  private final long clientIdleNanos;
  private final long[] numbers = new long[LockSlot.BATCH_MAX];
  private boolean first = true;
  private boolean hurried = true;
  private long roundStarted;
  private long next;
  private long hurryNotBefore;
  private final AtomicBoolean roomWanted;

  /** Takes what came of a slot in which a lock was looked after. */
  @FunctionalInterface
  interface Result {
    void of(int slot, long lock);
  }

  /**
   * Makes a reaper.
   *
   * @param clientIdleNanos after which a client goes that was not heard of: longer than anything
   *     that it has sent can be on its way to us
   * @param roomWanted set by anybody when there is no room; cleared here
   */
  LockReaper(
      LockDoors doors,
      LockDoor door,
      DueLocks due,
      long clientIdleNanos,
      AtomicBoolean roomWanted,
      Result result) {
    this.clientIdleNanos = clientIdleNanos;
    this.roomWanted = roomWanted;
    this.door = door;
    this.due = due;
    this.result = result;
    this.locks = new Table(doors.program(), "lock_table", LockEntry.BYTES);
    this.clients = new Table(doors.program(), "lock_sessions", LockClient.BYTES);
    this.next = BootClock.nanos();
    this.roundStarted = next;
  }

  /** One of the two maps, and where the walk is. */
  private static final class Table implements AutoCloseable {
    private final BPFHashMap<Long, byte[]>.Cursor cursor;
    private long[] found = new long[STEP_ENTRIES];
    private int foundCount;
    private long visited;
    private boolean done; // for this round
    private volatile long count;

    Table(BPFProgram program, String map, int valueBytes) {
      cursor =
          program.getHashMap(map, BPFType.INT64, BPFType.bytes(valueBytes)).cursor(STEP_ENTRIES);
    }

    void find(MemorySegment key) {
      if (foundCount == found.length) {
        found = Arrays.copyOf(found, foundCount * 2);
      }
      found[foundCount++] = key.get(JAVA_LONG, 0);
    }

    void begin() {
      cursor.rewind();
      visited = 0;
      done = false;
    }

    /** Visits the next entries, if there are more in this round. */
    void step(BPFHashMap.ElementVisitor visitor) {
      foundCount = 0;
      if (done) {
        return;
      }
      done =
          !cursor.next(
              (key, value) -> {
                visited++;
                visitor.visit(key, value);
              });
      if (done) {
        count = visited;
      }
    }

    @Override
    public void close() {
      cursor.close();
    }
  }

  /** Returns the locks there were in the last round. */
  long lockCount() {
    return locks.count;
  }

  /** Returns the clients there were in the last round. */
  long clientCount() {
    return clients.count;
  }

  /** Returns when there is something to do, in nanoseconds since boot. */
  long next() {
    return roomWanted.get() ? Math.min(next, hurryNotBefore) : next;
  }

  /** Does a part of a round, if it is time. */
  void step() {
    long now = BootClock.nanos();
    if (now < next()) {
      return;
    }
    if (now >= hurryNotBefore && !hurried && roomWanted.getAndSet(false)) {
      hurried = true;
      begin();
    }
    locks.step((key, entry) -> visitLock(key, entry, now));
    reap(locks, true, now);
    clients.step((key, client) -> visitClient(key, client, now));
    reap(clients, false, now);
    plan(now);
  }

  private void begin() {
    locks.begin();
    clients.begin();
  }

  private void plan(long now) {
    if (locks.done && clients.done) {
      begin();
      next = Math.max(now + STEP_NANOS_MIN, roundStarted + ROUND_NANOS);
      roundStarted = next;
      hurryNotBefore = now + HURRY_PAUSE_NANOS;
      hurried = false;
      first = false;
    } else {
      next = hurried ? now : now + STEP_NANOS_MIN;
    }
  }

  private void visitLock(MemorySegment key, MemorySegment entry, long now) {
    long watched = entry.get(JAVA_LONG, LockEntry.WATCHED);
    if (watched != LockEntry.NEVER) {
      // Who said that it would be swept then may be dead; if it was us, this is no news.
      due.add(key.get(JAVA_LONG, 0), watched);
      return;
    }
    boolean held = entry.get(JAVA_INT, LockEntry.HOLDERS) != 0;
    if (!held || now >= entry.get(JAVA_LONG, LockEntry.EXPIRES)) {
      locks.find(key);
    }
  }

  private void visitClient(MemorySegment key, MemorySegment client, long now) {
    if (client.get(JAVA_LONG, LockClient.WORD) == 0
        && client.get(JAVA_LONG, LockClient.SEEN) < now - clientIdleNanos()) {
      clients.find(key);
    }
  }

  private boolean makesRoom() {
    return hurried && !first;
  }

  private long clientIdleNanos() {
    return makesRoom() ? clientIdleNanos / HURRY_SHARE : clientIdleNanos;
  }

  private void reap(Table table, boolean areLocks, long now) {
    for (int from = 0; from < table.foundCount; from += numbers.length) {
      int count = Math.min(numbers.length, table.foundCount - from);
      for (int slot = 0; slot < count; slot++) {
        numbers[slot] = table.found[from + slot];
        if (areLocks) {
          door.reapLock(slot, numbers[slot], !makesRoom());
        } else {
          door.reapClient(slot, numbers[slot], now - clientIdleNanos());
        }
      }
      door.run(count);
      for (int slot = 0; areLocks && slot < count; slot++) {
        result.of(slot, numbers[slot]);
      }
    }
  }

  @Override
  public void close() {
    locks.close();
    clients.close();
  }
}
