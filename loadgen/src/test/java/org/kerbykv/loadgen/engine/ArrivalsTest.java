package org.kerbykv.loadgen.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.kerbykv.loadgen.workload.Random64;

class ArrivalsTest {
  /** Quantiles follow from the distributions' formulas. */
  @ParameterizedTest
  @CsvSource({"FIXED, 1, 1, 1", "POISSON, 0.1054, 0.6931, 2.3026", "FB_IA, 0.0898, 0.6184, 2.3379"})
  void gapsHaveTheirMeanAndQuantiles(
      Arrivals.Gaps gaps, double tenth, double half, double ninetieth) {
    Random64 random = new Random64(3);
    double[] drawn = new double[200_000];
    for (int i = 0; i < drawn.length; i++) {
      drawn[i] = gaps.next(random);
    }
    Arrays.sort(drawn);
    assertThat(Arrays.stream(drawn).average().orElseThrow()).isBetween(0.98, 1.02);
    assertThat(drawn[drawn.length / 10]).isBetween(0.96 * tenth, 1.04 * tenth);
    assertThat(drawn[drawn.length / 2]).isBetween(0.98 * half, 1.02 * half);
    assertThat(drawn[drawn.length * 9 / 10]).isBetween(0.98 * ninetieth, 1.02 * ninetieth);
  }
}
