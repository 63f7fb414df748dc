package org.kerbykv.loadgen.engine;

import java.time.Duration;
import org.HdrHistogram.AbstractHistogram;

/**
 * What a load came to.
 *
 * @param engine which engine ran it
 * @param elapsed the time counted
 * @param latency nanoseconds from sending a request to having its answer
 */
public record LoadResult(
    String engine, Duration elapsed, LoadCounts counts, AbstractHistogram latency) {

  public double offeredPerSecond() {
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
