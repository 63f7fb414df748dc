package org.kerbykv.loadgen.lock;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.AbstractHistogram;
import org.kerbykv.loadgen.engine.LoadException;

/** A load that is under way, as an engine shows it to who measures. */
public interface LockRun {
  /** What there has been until now. */
  LockCounts counts();

  /** The waits for locks granted since the last call, in nanoseconds. */
  AbstractHistogram waits();

  /** Forgets how long clients have waited until now. */
  void forgetLongest();

  /**
   * The longest wait since they were forgotten, in nanoseconds.
   *
   * @param nanoTime until when waits that have not ended count
   */
  long longest(long nanoTime);

  /** How many locks each virtual client has acquired until now. */
  long[] acquiredEach();

  /** Has no more transactions begin. */
  void finish();

  /** Virtual clients in the midst of a transaction. */
  int unfinished();

  /** Throws what has ended the load before its time. */
  void failIfFailed() throws LoadException;

  /** Time for virtual clients to come to rest, beyond timeouts and holding. */
  long SETTLE_NANOS = TimeUnit.SECONDS.toNanos(5);

  long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

  /** Follows a load that has just been started, to its end. */
  default LockLoadResult follow(String engine, LockLoadSpec spec)
      throws LoadException, InterruptedException {
    sleepUntil(System.nanoTime() + spec.warmup().toNanos());
    forgetLongest();
    waits();
    long[] acquiredBefore = acquiredEach();
    LockCounts before = counts();
    long from = System.nanoTime();
    sleepUntil(from + spec.duration().toNanos());
    long until = System.nanoTime();
    LockCounts counted = counts().minus(before);
    AbstractHistogram waits = waits();
    long longest = longest(until);
    long[] acquired = acquiredEach();
    for (int i = 0; i < acquired.length; i++) {
      acquired[i] -= acquiredBefore[i];
    }
    finish();
    int unfinished = settle(spec);
    return new LockLoadResult(
        engine,
        Duration.ofNanos(until - from),
        counted,
        counts(),
        waits,
        longest,
        acquired.length,
        LockLoadResult.jain(acquired),
        unfinished);
  }

  private void sleepUntil(long nanoTime) throws LoadException, InterruptedException {
    for (long left; (left = nanoTime - System.nanoTime()) > 0; ) {
      TimeUnit.NANOSECONDS.sleep(Math.min(left, 10 * POLL_NANOS));
      failIfFailed();
    }
  }

  /** Lets transactions that have begun end. Returns how many have not. */
  private int settle(LockLoadSpec spec) throws LoadException, InterruptedException {
    long end =
        System.nanoTime() + SETTLE_NANOS + 2 * spec.timeout().toNanos() + spec.hold().toNanos();
    int unfinished = unfinished();
    while (unfinished > 0 && System.nanoTime() - end < 0) {
      TimeUnit.NANOSECONDS.sleep(POLL_NANOS);
      failIfFailed();
      unfinished = unfinished();
    }
    return unfinished;
  }
}
