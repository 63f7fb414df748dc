package org.kerbykv.loadgen.engine;

import java.time.Duration;
import org.HdrHistogram.AbstractHistogram;

/**
 * What a load came to.
 *
 * @param engine which engine ran it
 * @param elapsed the time counted
 * @param arrivals what decided when requests were sent
 * @param latency nanoseconds from when a request was to be sent to having its answer
 */
public record LoadResult(
    String engine,
    Duration elapsed,
    Arrivals arrivals,
    LoadCounts counts,
    AbstractHistogram latency) {

  /**
   * Requests that were to be sent: what the schedule says, or those sent if there is none. A
   * generator that cannot keep up sends fewer.
   */
  public double offeredPerSecond() {
    return switch (arrivals) {
      case Arrivals.Closed _ -> sentPerSecond();
      case Arrivals.Open open -> open.perSecond();
    };
  }

  public double sentPerSecond() {
    return perSecond(counts.sent());
  }

  public double answeredPerSecond() {
    return perSecond(counts.answered());
  }

  /** Lost requests among those sent, 0 to 1. */
  public double lostShare() {
    return counts.sent() == 0 ? 0 : (double) counts.lost() / counts.sent();
  }

  /** The latency in microseconds that so many percent of the answers did not exceed. */
  public double latencyMicros(double percentile) {
    return latency.getTotalCount() == 0
        ? Double.NaN
        : latency.getValueAtPercentile(percentile) / 1000.0;
  }

  private double perSecond(long count) {
    return count * 1e9 / elapsed.toNanos();
  }
}
