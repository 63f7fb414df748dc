package org.kerbykv.loadgen.workload;

/**
 * A fast stream of random numbers: SplitMix64. The same seed gives the same stream, everywhere. Not
 * thread-safe.
 */
public final class Random64 {
  private static final long STEP = 0x9E3779B97F4A7C15L;

  private long state;

  public Random64(long seed) {
    state = seed;
  }

  /** A stream of its own for each number, from one seed. */
  public static Random64 split(long seed, int number) {
    return new Random64(mix(seed + mix(number + 1)));
  }

  /** A bijection of 64 bits that leaves no pattern. */
  public static long mix(long bits) {
    long z = (bits ^ (bits >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  public long nextLong() {
    state += STEP;
    return mix(state);
  }

  public int nextInt() {
    return (int) nextLong();
  }

  /** Uniform from 0 to {@code bound - 1}; the bias is below {@code bound / 2^64}. */
  public int nextInt(int bound) {
    return (int) Math.unsignedMultiplyHigh(nextLong(), bound);
  }

  /** Uniform from 0 (included) to 1. */
  public double nextDouble() {
    return toDouble(nextLong());
  }

  /** Random bits as a number from 0 (included) to 1. */
  static double toDouble(long bits) {
    return (bits >>> 11) * 0x1.0p-53;
  }
}
