package org.kerbykv.server.lock;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.netty.buffer.ByteBuf;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.locks.LockSupport;
import org.kerbykv.bpf.BPFTestRun;

/**
 * One thread's door to the locks: its slots are part of map lock_slots, and a run is one system
 * call for all of them. Not thread-safe.
 */
final class LockDoor {
  /** Runs of what others kept from going ahead. */
  private static final int TRIES = 10_000;

  private static final long PAUSE_NANOS = 10_000;

  private final BPFTestRun program;
  private final int first;
  private final MemorySegment slots;
  private final MemorySegment context = Arena.ofAuto().allocate(2 * Integer.BYTES, Integer.BYTES);

  /**
   * Makes a door.
   *
   * @param first the index of its first slot
   * @param slots its part of lock_slots, of {@link LockSlot#BATCH_MAX} slots
   */
  LockDoor(BPFTestRun program, int first, MemorySegment slots) {
    this.program = program;
    this.first = first;
    this.slots = slots;
  }

  /** Fills a slot with a client's request. */
  void message(int slot, ByteBuf request, InetSocketAddress from, InetAddress to, int port) {
    long base = fill(slot, LockSlot.OP_MESSAGE);
    LockMessage.read(request, slots, base + LockSlot.MESSAGE);
    LockFlow.write(slots, base + LockSlot.FLOW, from, to, port);
    slots.set(JAVA_INT, base + LockSlot.IFINDEX, 0);
  }

  /** Fills a slot: do what is due at a lock. */
  void sweep(int slot, long lock) {
    fill(slot, LockSlot.OP_SWEEP, lock, 0);
  }

  /**
   * The same, and remove the lock if nobody needs it.
   *
   * @param onlyIdle and has not since it was last found so
   */
  void reapLock(int slot, long lock, boolean onlyIdle) {
    fill(slot, LockSlot.OP_REAP_LOCK, lock, onlyIdle ? 1 : 0);
  }

  /** Fills a slot: remove a client that was not heard of since then. */
  void reapClient(int slot, long client, long since) {
    fill(slot, LockSlot.OP_REAP_CLIENT, client, since);
  }

  /** Runs the first slots, those that others are in the way of again and again. */
  void run(int count) {
    enter(count);
    for (int i = 0; i < TRIES && finish(count); i++) {
      LockSupport.parkNanos(PAUSE_NANOS);
      enter(count);
    }
  }

  /** Returns how a slot fared: LockSlot.AGAIN if others were in the way all the time. */
  int status(int slot) {
    return slots.get(JAVA_INT, base(slot) + LockSlot.STATUS);
  }

  /** Returns when next to sweep the lock of a slot. */
  long due(int slot) {
    return slots.get(JAVA_LONG, base(slot) + LockSlot.DUE);
  }

  /** Returns how many notices a slot led to. */
  int notices(int slot) {
    return slots.get(JAVA_INT, base(slot) + LockSlot.NOTICES);
  }

  /** Returns the slots' memory, in which {@link #noticeAt} and {@link #messageAt} are offsets. */
  MemorySegment memory() {
    return slots;
  }

  long noticeAt(int slot, int notice) {
    return base(slot) + LockSlot.NOTICE + (long) notice * LockNotice.BYTES;
  }

  long messageAt(int slot) {
    return base(slot) + LockSlot.MESSAGE;
  }

  private void fill(int slot, int op, long number, long since) {
    long base = fill(slot, op);
    slots.set(JAVA_LONG, base + LockSlot.NUMBER, number);
    slots.set(JAVA_LONG, base + LockSlot.SINCE, since);
  }

  private long fill(int slot, int op) {
    long base = base(slot);
    slots.set(JAVA_INT, base + LockSlot.OP, op);
    slots.set(JAVA_INT, base + LockSlot.STATUS, LockSlot.AGAIN);
    return base;
  }

  private static long base(int slot) {
    return (long) slot * LockSlot.BYTES;
  }

  private void enter(int count) {
    context.set(JAVA_INT, 0, first);
    context.set(JAVA_INT, Integer.BYTES, count);
    int done = program.run(context);
    if (done != count) {
      throw new IllegalStateException("lock_door returned " + done + " for " + count);
    }
  }

  /** Has the next run leave alone what is done. Returns whether there is anything else. */
  private boolean finish(int count) {
    boolean again = false;
    for (int slot = 0; slot < count; slot++) {
      if (status(slot) == LockSlot.AGAIN) {
        again = true;
      } else {
        slots.set(JAVA_INT, base(slot) + LockSlot.OP, LockSlot.OP_NOP);
      }
    }
    return again;
  }
}
