package org.kerbykv.loadgen.socket;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.kerbykv.loadgen.engine.Arrivals;
import org.kerbykv.loadgen.workload.Random64;

/**
 * When a thread's requests are due, and which of them are counted. Times are of {@link
 * System#nanoTime()}. Belongs to the worker's event loop, but for the final fields and {@link
 * #isLimitReached}.
 */
final class Timetable {
  /** For storing items: at once, and nothing is counted. */
  static final Arrivals.Closed AT_ONCE = new Arrivals.Closed(1);

  private final long from;
  private final long until;
  private final double interval;
  private final Arrivals.Gaps gaps;
  private final Random64 random;
  private final long start;

  /** In nanoseconds from the start, with the fractions that add up. */
  private double due;

  private final AtomicLong countedLeft;

  /**
   * @param arrivals with a rate of this thread's alone
   * @param start of the schedule, if there is one
   * @param from requests sent from here are counted...
   * @param until ...to here
   * @param countedMax so many requests are counted at most
   */
  Timetable(
      Arrivals arrivals, Random64 random, long start, long from, long until, long countedMax) {
    this.random = random;
    this.start = start;
    this.from = from;
    this.until = until;
    countedLeft = new AtomicLong(countedMax);
    switch (arrivals) {
      case Arrivals.Closed _ -> {
        interval = 0;
        gaps = Arrivals.Gaps.FIXED;
      }
      case Arrivals.Open open -> {
        interval = TimeUnit.SECONDS.toNanos(1) / open.perSecond();
        gaps = open.gaps();
      }
    }
  }

  /** Nothing is counted. */
  static Timetable uncounted() {
    return new Timetable(AT_ONCE, new Random64(0), 0, 0, 0, Long.MAX_VALUE);
  }

  /** Nanoseconds from one request to the next, on average; 0 if there is no schedule. */
  double interval() {
    return interval;
  }

  /** When the next request is due. */
  long due() {
    return start + (long) due;
  }

  /** Goes on to the request after the next. */
  void advance() {
    due += interval * gaps.next(random);
  }

  /** Whether a request sent then counts, which it then does. */
  boolean count(long sentAt) {
    boolean counts = sentAt - from >= 0 && sentAt - until < 0 && countedLeft.getPlain() > 0;
    if (counts) {
      countedLeft.setRelease(countedLeft.getPlain() - 1); // there is one writer
    }
    return counts;
  }

  /** Whether the time in which anything is counted is over. */
  boolean isOver(long now) {
    return until > from && now - until >= 0;
  }

  /** Whether as many requests as may have been counted. */
  boolean isLimitReached() {
    return countedLeft.getAcquire() == 0;
  }
}
