package org.kerbykv.loadgen.xdp;

import static org.assertj.core.api.Assertions.assertThat;

import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;

@RequiresBPF // the layout is read from the programs
class LatencyBucketsTest {
  @Test
  void bucketsFollowEachOtherAndAreNarrow() {
    for (int bucket = 0; bucket < LatencyBuckets.COUNT; bucket++) {
      long low = LatencyBuckets.low(bucket);
      long next = LatencyBuckets.low(bucket + 1);
      assertThat(next).isGreaterThan(low);
      assertThat(next - low).isLessThanOrEqualTo(Math.max(1, low / 128));
    }
    assertThat(LatencyBuckets.low(0)).isZero();
    assertThat(LatencyBuckets.low(128)).isEqualTo(128);
    assertThat(LatencyBuckets.low(256)).isEqualTo(256);
    assertThat(LatencyBuckets.low(LatencyBuckets.COUNT)).isEqualTo(1L << 35);
  }

  @Test
  void countsBetweenTwoReadingsComeOutAtTheirLatency() {
    long[] before = new long[LatencyBuckets.COUNT];
    long[] after = new long[LatencyBuckets.COUNT];
    before[500] = 3;
    after[500] = 5;
    after[2000] = 1;
    Histogram histogram = LatencyBuckets.between(before, after);
    assertThat(histogram.getTotalCount()).isEqualTo(3);
    assertThat((double) histogram.getValueAtPercentile(50))
        .isBetween(0.99 * LatencyBuckets.low(500), 1.01 * LatencyBuckets.low(501));
    assertThat((double) histogram.getMaxValue())
        .isBetween(0.99 * LatencyBuckets.low(2000), 1.01 * LatencyBuckets.low(2001));
  }
}
