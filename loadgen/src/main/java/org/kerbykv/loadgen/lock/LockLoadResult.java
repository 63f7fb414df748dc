package org.kerbykv.loadgen.lock;

import java.time.Duration;
import org.HdrHistogram.AbstractHistogram;

/**
 * What a load on a lock manager came to.
 *
 * @param engine which engine ran it
 * @param elapsed the time counted
 * @param counts of the time counted
 * @param total of the whole load, from its first request until all virtual clients had come to rest
 * @param waits nanoseconds from the first request for a lock until it was granted, rejections and
 *     all
 * @param longestNanos the longest wait, those that had not ended when the time was over among them
 * @param clients virtual clients
 * @param jain Jain's index of fairness over them, by the locks that each acquired in the time
 *     counted: 1 if all acquired as many, 1/n if one did
 * @param unfinished virtual clients that had not come to rest in time
 */
public record LockLoadResult(
    String engine,
    Duration elapsed,
    LockCounts counts,
    LockCounts total,
    AbstractHistogram waits,
    long longestNanos,
    int clients,
    double jain,
    int unfinished) {

  public double acquiredPerSecond() {
    return counts.acquired() * 1e9 / elapsed.toNanos();
  }

  /** Rejections for each acquisition. */
  public double rejectedPerAcquired() {
    return (double) counts.rejected() / counts.acquired();
  }

  /** Requests that were lost among those sent, 0 to 1. */
  public double lostShare() {
    return counts.sent() == 0 ? 0 : (double) counts.lost() / counts.sent();
  }

  /** The wait in microseconds that so many percent of the acquisitions did not exceed. */
  public double waitMicros(double percentile) {
    return waits.getTotalCount() == 0 ? Double.NaN : waits.getValueAtPercentile(percentile) / 1e3;
  }

  /** Jain's index of what each has got; NaN if nobody has got anything. */
  static double jain(long[] each) {
    double sum = 0;
    double squares = 0;
    for (long got : each) {
      sum += got;
      squares += (double) got * got;
    }
    return squares == 0 ? Double.NaN : sum * sum / (squares * each.length);
  }

  /** Whether the figures can be trusted: something was acquired, and never what another held. */
  public boolean isSound() {
    return counts.acquired() > 0 && total.violations() == 0 && total.errors() == 0;
  }
}
