package org.kerbykv.loadgen.engine;

import org.kerbykv.loadgen.workload.Random64;

/** What decides when the next request is sent. Immutable and thread-safe. */
public sealed interface Arrivals {
  /**
   * Each request follows the answer to another, or its loss.
   *
   * @param outstanding requests of each thread under way at a time, 1 or more
   */
  record Closed(int outstanding) implements Arrivals {}

  /**
   * Requests are sent by a schedule, whatever the answers do, and their latency counts from the
   * time that the schedule gives.
   *
   * @param perSecond of all threads together, above 0
   */
  record Open(double perSecond, Gaps gaps) implements Arrivals {}

  /** How the times between requests are distributed; their mean is what the rate says. */
  enum Gaps {
    /** All the same. */
    FIXED {
      @Override
      public double next(Random64 random) {
        return 1;
      }
    },
    /** Exponential: requests that know nothing of each other. */
    POISSON {
      @Override
      public double next(Random64 random) {
        return -Math.log(1 - random.nextDouble());
      }
    },
    /**
     * Facebook's ETC pool (B. Atikoglu and others: "Workload analysis of a large-scale key-value
     * store", 2012): a generalized Pareto distribution, burstier than Poisson.
     */
    FB_IA {
      private static final double SHAPE = 0.154971;

      @Override
      public double next(Random64 random) {
        return (1 - SHAPE) * (Math.pow(1 - random.nextDouble(), -SHAPE) - 1) / SHAPE;
      }
    };

    /** The next gap, as a multiple of the mean. */
    public abstract double next(Random64 random);
  }
}
