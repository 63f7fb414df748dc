package org.kerbykv.client;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * One client as the server knows it: a random number, and the numbers of its acquisitions. The
 * server remembers the last {@link #WINDOW} of them, so a number is given out only when those that
 * far behind it are over. Whoever holds on to one number for long uses up the session; others take
 * its place meanwhile, see {@link LockSessions}. Not thread-safe.
 */
final class LockSession {
  /** {@code LOCK_WINDOW} of {@code lock_abi.h}. */
  static final int WINDOW = 56;

  final long client;
  private final Acquisition<?>[] unfinished = new Acquisition<?>[WINDOW];
  private long oldest = 1;
  private long next = 1;
  private boolean abandoned;

  /** Whether {@link LockSessions} has it among those with room. */
  boolean listed;

  LockSession(long client) {
    this.client = client;
  }

  /** Whether another acquisition may begin. */
  boolean hasRoom() {
    while (oldest < next && find(oldest) == null) {
      oldest++;
    }
    return !abandoned && next - oldest < WINDOW;
  }

  /** Gives an acquisition the next number; there has to be room. */
  void begin(Acquisition<?> one) {
    unfinished[slot(next)] = one;
    one.numbered(this, next);
    next++;
  }

  /** The acquisition of this number, or null if it is over. */
  Acquisition<?> find(long sequence) {
    Acquisition<?> one = sequence > 0 ? unfinished[slot(sequence)] : null;
    return one != null && one.sequence() == sequence ? one : null;
  }

  void end(Acquisition<?> one) {
    unfinished[slot(one.sequence())] = null;
  }

  /**
   * No further acquisition: what has become of one of them at the server will never be known, so
   * nobody may count on the place of its number.
   */
  void abandon() {
    abandoned = true;
  }

  void addUnfinished(List<? super Acquisition<?>> to) {
    for (Acquisition<?> one : unfinished) {
      if (one != null) {
        to.add(one);
      }
    }
  }

  boolean isIdle() {
    return Arrays.stream(unfinished).allMatch(Objects::isNull);
  }

  boolean isAbandoned() {
    return abandoned;
  }

  private static int slot(long sequence) {
    return (int) (sequence % WINDOW);
  }
}
