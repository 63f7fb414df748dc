package org.kerbykv.server.lock;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.kerbykv.bpf.BPFRingBuffer;
import org.kerbykv.server.log.ServerLog;
import org.kerbykv.server.store.BootClock;

/**
 * Does for locks what nobody asks for, on a thread of its own: ends leases and patience at locks
 * that somebody waits for, sends what the kernel could not, and removes locks and clients that are
 * idle.
 *
 * <p>The programs say when something will be due at a lock that has a queue, and say it again when
 * that becomes earlier; a sweep returns the next time. So each lock with a queue is swept in time,
 * and no lock more often than something is due there. What an earlier process knew of pinned locks,
 * the first round over the table finds.
 */
final class LockKeeper implements AutoCloseable {
  private static final int POLL_MILLIS_MAX = 200;
  private static final long NANOS_PER_MILLI = TimeUnit.MILLISECONDS.toNanos(1);
  private static final long RETRY_NANOS = 10 * NANOS_PER_MILLI;
  private static final long FAILURE_PAUSE_MILLIS = 100;
  private static final long CLIENT_IDLE_NANOS = TimeUnit.SECONDS.toNanos(60);

  // Of struct lock_event.
  static final int EVENT_KIND = 0;
  static final int EVENT_NUMBER = 8;
  static final int EVENT_DUE = 16;
  static final int EVENT_NOTICE = 24;
  static final int EVENT_WATCH = 1;

  private final LockDoor door;
  private final LockEndpoint endpoint;
  private final BPFRingBuffer events;
  private final LockReaper reaper;
  private final DueLocks due = new DueLocks();
  private final List<LockNotice> outgoing = new ArrayList<>();
  private final long[] swept = new long[LockSlot.BATCH_MAX];
  private final Thread thread;
  private volatile boolean closing;

  /**
   * Makes a keeper, which does nothing yet.
   *
   * @param door used by nobody else
   * @param endpoint sends its notices
   * @param roomWanted set by anybody when there is no room for a lock or a client
   */
  LockKeeper(LockDoors doors, LockDoor door, LockEndpoint endpoint, AtomicBoolean roomWanted) {
    this.door = door;
    this.endpoint = endpoint;
    this.events = doors.program().getRingBuffer("lock_events", this::onEvent);
    this.reaper = new LockReaper(doors, door, due, CLIENT_IDLE_NANOS, roomWanted, this::finish);
    this.thread = Thread.ofPlatform().daemon().name("kerby-locks").unstarted(this::run);
  }

  /** Begins to work. What an earlier process left behind is looked through at once. */
  void start() {
    thread.start();
  }

  /** Returns what there was at the last round over the tables. */
  LockReaper reaper() {
    return reaper;
  }

  boolean isAlive() {
    return thread.isAlive();
  }

  @Override
  public void close() {
    closing = true;
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    reaper.close();
    events.close();
  }

  private void run() {
    while (!closing) {
      try {
        events.poll(millisToNext());
        sweepDue();
        reaper.step();
      } catch (RuntimeException e) {
        // What is still due stays due.
        ServerLog.warn("looking after locks failed", "error", e);
        pause();
      } finally {
        send();
      }
    }
  }

  private static void pause() {
    try {
      Thread.sleep(FAILURE_PAUSE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private int millisToNext() {
    long next = Math.min(due.next(), reaper.next());
    long nanos = next - BootClock.nanos();
    return Math.clamp(Math.ceilDiv(nanos, NANOS_PER_MILLI), 0, POLL_MILLIS_MAX);
  }

  private void onEvent(MemorySegment event) {
    if (event.get(JAVA_INT, EVENT_KIND) == EVENT_WATCH) {
      due.add(event.get(JAVA_LONG, EVENT_NUMBER), event.get(JAVA_LONG, EVENT_DUE));
    } else {
      outgoing.add(LockNotice.read(event, EVENT_NOTICE, endpoint.sender()));
    }
  }

  private void sweepDue() {
    long now = BootClock.nanos();
    int count = 0;
    while (count < swept.length && due.next() <= now) {
      swept[count] = due.take();
      door.sweep(count, swept[count]);
      count++;
    }
    if (count > 0) {
      door.run(count);
      for (int slot = 0; slot < count; slot++) {
        finish(slot, swept[slot]);
      }
    }
  }

  /** Takes what a sweep, or a reap, of a lock led to. */
  private void finish(int slot, long lock) {
    if (door.status(slot) == LockSlot.AGAIN) {
      due.add(lock, BootClock.nanos() + RETRY_NANOS);
      return;
    }
    for (int i = 0; i < door.notices(slot); i++) {
      outgoing.add(LockNotice.read(door.memory(), door.noticeAt(slot, i), endpoint.sender()));
    }
    if (door.due(slot) != LockEntry.NEVER) {
      due.add(lock, door.due(slot));
    }
  }

  private void send() {
    if (!outgoing.isEmpty()) {
      endpoint.send(List.copyOf(outgoing));
      outgoing.clear();
    }
  }
}
