package org.kerbykv.loadgen.figures;

import java.util.Collection;

/**
 * What several rounds gave.
 *
 * @param median of an even number, the mean of the two in the middle
 */
public record Spread(double median, double min, double max) {
  /** Of nothing. */
  public static final Spread NONE = new Spread(Double.NaN, Double.NaN, Double.NaN);

  public static Spread of(Collection<Double> values) {
    double[] sorted =
        values.stream()
            .mapToDouble(Double::doubleValue)
            .filter(Double::isFinite)
            .sorted()
            .toArray();
    int count = sorted.length;
    return count == 0
        ? NONE
        : new Spread(
            (sorted[(count - 1) / 2] + sorted[count / 2]) / 2, sorted[0], sorted[count - 1]);
  }

  /** Whether there is anything. */
  public boolean isKnown() {
    return !Double.isNaN(median);
  }
}
