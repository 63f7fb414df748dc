package org.kerbykv.loadgen.xdp;

import org.HdrHistogram.Histogram;
import org.kerbykv.bpf.BTFLayout;

/**
 * The programs' histogram, struct load_latency: as many buckets for each power of two, so that each
 * is at most 1/128 of its values wide. Its middle stands for all that is in it.
 */
final class LatencyBuckets {
  private static final BTFLayout.Struct LATENCY = LoadPrograms.LAYOUT.struct("load_latency");
  private static final int LINEAR = 1 << LoadPrograms.number("LOAD_BUCKET_BITS");
  static final int COUNT = Math.toIntExact(LATENCY.size() / Long.BYTES);
  private static final int SIGNIFICANT_DIGITS = 3;

  private LatencyBuckets() {}

  /** The shortest latency in a bucket, in nanoseconds. */
  static long low(int bucket) {
    int log = Math.max(0, bucket / LINEAR - 1);
    return (long) (bucket - log * LINEAR) << log;
  }

  private static long middle(int bucket) {
    return (low(bucket) + low(bucket + 1) - 1) / 2;
  }

  /** The counts that came between two readings of the buckets, in nanoseconds. */
  static Histogram between(long[] before, long[] after) {
    Histogram histogram = new Histogram(low(COUNT), SIGNIFICANT_DIGITS);
    for (int bucket = 0; bucket < COUNT; bucket++) {
      if (after[bucket] != before[bucket]) {
        histogram.recordValueWithCount(middle(bucket), after[bucket] - before[bucket]);
      }
    }
    return histogram;
  }
}
