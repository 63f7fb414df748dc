package org.kerbykv.loadgen.xdp;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import org.kerbykv.bpf.BTFLayout;

/**
 * Goes through the slots in the order of sending and gives up requests that wait for too long.
 * Shares the slots with the programs: what it changes, it changes by compare-and-swap. For one
 * thread.
 */
final class SlotSweep {
  private static final BTFLayout.Struct SLOT = LoadPrograms.LAYOUT.struct("load_slot");
  private static final long WORD = SLOT.member("word").offset();
  private static final long SENT = SLOT.member("sent_ns").offset();
  private static final VarHandle LONG = JAVA_LONG.varHandle();

  private static final int COUNTED = LoadPrograms.number("LOAD_WORD_COUNTED");
  private static final int STATE_MASK = COUNTED - 1;
  private static final int NUMBER_SHIFT = LoadPrograms.number("LOAD_WORD_BITS");
  private static final long PENDING = LoadPrograms.number("LOAD_PENDING");
  private static final long LOST = LoadPrograms.number("LOAD_LOST");

  private final MemorySegment slots;
  private final int slotsPerLane;
  private final long[] reached;
  private final long[] givenUp;
  private long countedLost;

  SlotSweep(MemorySegment slots, int slotsPerLane, int lanes) {
    this.slots = slots;
    this.slotsPerLane = slotsPerLane;
    reached = new long[lanes];
    givenUp = new long[lanes];
  }

  /**
   * Gives up a lane's requests that were sent before {@code nanoTime} and still wait.
   *
   * @param next number of the lane's next request
   * @return how many of the lane's have been given up in all
   */
  long giveUp(int lane, long next, long nanoTime) {
    // Slots that have gone to other requests meanwhile are settled.
    reached[lane] = Math.max(reached[lane], next - slotsPerLane);
    while (reached[lane] < next && settled(lane, reached[lane], nanoTime)) {
      reached[lane]++;
    }
    return givenUp[lane];
  }

  private boolean settled(int lane, long number, long nanoTime) {
    long slot = ((long) lane * slotsPerLane + (number & (slotsPerLane - 1))) * SLOT.size();
    long word = (long) LONG.getVolatile(slots, slot + WORD);
    if (word >>> NUMBER_SHIFT < number || (word & STATE_MASK) == 0) {
      return false; // its number is given, and it is just being written
    }
    if (word >>> NUMBER_SHIFT > number || (word & STATE_MASK) != PENDING) {
      return true;
    }
    if ((long) LONG.getVolatile(slots, slot + SENT) - nanoTime >= 0) {
      return false;
    }
    if (LONG.compareAndSet(slots, slot + WORD, word, (word & ~(long) STATE_MASK) | LOST)) {
      givenUp[lane]++;
      countedLost += (word & COUNTED) == 0 ? 0 : 1;
    }
    return true;
  }

  /** The first of a lane's requests that may still wait. */
  long reached(int lane) {
    return reached[lane];
  }

  /** How many counted requests have been given up. */
  long countedLost() {
    return countedLost;
  }
}
