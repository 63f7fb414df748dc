package org.kerbykv.loadgen.workload;

import java.util.List;

/** Which keys are asked for how often. Immutable and thread-safe. */
public sealed interface KeyDistribution {
  /**
   * The number of the next key, from 0 to the number of keys - 1.
   *
   * @param position of the request in its stream, from 0 or where the stream begins
   */
  int next(Random64 random, long position);

  /**
   * Reads {@code uniform}, {@code zipf}, {@code zipf:EXPONENT}, {@code hot:KEYS:REQUESTS} (two
   * shares) or {@code sequential}.
   *
   * @throws IllegalArgumentException if the text is none of them
   */
  static KeyDistribution parse(String text, int keys) {
    List<String> words = List.of(text.split(":", -1));
    try {
      switch (words.size()) {
        case 1 -> {
          switch (words.get(0)) {
            case "uniform" -> {
              return uniform(keys);
            }
            case "zipf" -> {
              return zipf(keys, USUAL_EXPONENT);
            }
            case "sequential" -> {
              return sequential(keys);
            }
            default -> {}
          }
        }
        case 2 -> {
          if (words.get(0).equals("zipf")) {
            return zipf(keys, Double.parseDouble(words.get(1)));
          }
        }
        case 3 -> {
          if (words.get(0).equals("hot")) {
            return hot(keys, Double.parseDouble(words.get(1)), Double.parseDouble(words.get(2)));
          }
        }
        default -> {}
      }
    } catch (NumberFormatException e) {
      // said below
    }
    throw new IllegalArgumentException(
        "'"
            + text
            + "' is no distribution of keys: uniform, zipf:EXPONENT, hot:KEYS:REQUESTS (two shares"
            + " from 0 to 1) or sequential");
  }

  /** Of {@code zipf} without a number: the usual model of a cache's keys. */
  double USUAL_EXPONENT = 0.99;

  /** Every key equally often. */
  static KeyDistribution uniform(int keys) {
    return new Uniform(keys);
  }

  /**
   * The key of rank r with a frequency proportional to 1 / r^exponent. The ranks are scattered over
   * the keys.
   *
   * @param keys 1 or more
   * @param exponent above 0 and below 100
   */
  static KeyDistribution zipf(int keys, double exponent) {
    if (!(exponent > 0 && exponent < 100)) {
      throw new IllegalArgumentException("the exponent of zipf must be above 0 and below 100");
    }
    return new Zipf(keys, exponent);
  }

  /**
   * A share of the keys, the first ones, gets a share of the requests; within either part all are
   * equal.
   *
   * @param hotKeys above 0 and below 1
   * @param hotRequests 0 to 1
   */
  static KeyDistribution hot(int keys, double hotKeys, double hotRequests) {
    if (!(hotKeys > 0 && hotKeys < 1 && hotRequests >= 0 && hotRequests <= 1)) {
      throw new IllegalArgumentException("the shares of hot must be from 0 to 1");
    }
    return new Hot(keys, (int) Math.max(1, Math.round(keys * hotKeys)), hotRequests);
  }

  /** One key after the other, and again. */
  static KeyDistribution sequential(int keys) {
    return new Sequential(keys);
  }

  record Hot(int keys, int hot, double hotRequests) implements KeyDistribution {
    @Override
    public int next(Random64 random, long position) {
      boolean isHot = random.nextDouble() < hotRequests;
      return isHot || hot == keys ? random.nextInt(hot) : hot + random.nextInt(keys - hot);
    }
  }

  record Sequential(int keys) implements KeyDistribution {
    @Override
    public int next(Random64 random, long position) {
      return (int) (position % keys);
    }
  }

  record Uniform(int keys) implements KeyDistribution {
    @Override
    public int next(Random64 random, long position) {
      return random.nextInt(keys);
    }
  }

  /**
   * Draws by rejection-inversion (W. Hörmann, G. Derflinger: "Rejection-inversion to generate
   * variates from monotone discrete distributions", 1996): no table, and on average little more
   * than one try, for any number of keys.
   */
  final class Zipf implements KeyDistribution {
    private final int keys;
    private final double exponent;
    private final double integralOfFirst;
    private final double integralOfAll;
    private final double acceptAtOnce;
    private final int scatter;

    Zipf(int keys, double exponent) {
      this.keys = keys;
      this.exponent = exponent;
      integralOfFirst = integral(1.5) - 1;
      integralOfAll = integral(keys + 0.5);
      acceptAtOnce = 2 - inverseIntegral(integral(2.5) - density(2));
      scatter = coprimeTo(keys);
    }

    @Override
    public int next(Random64 random, long position) {
      return (int) ((long) (nextRank(random) - 1) * scatter % keys);
    }

    /** The rank of the next key, from 1: the most frequent. */
    int nextRank(Random64 random) {
      while (true) {
        double u = integralOfAll + random.nextDouble() * (integralOfFirst - integralOfAll);
        double x = inverseIntegral(u);
        int rank = (int) Math.clamp(Math.round(x), 1L, keys);
        if (rank - x <= acceptAtOnce || u >= integral(rank + 0.5) - density(rank)) {
          return rank;
        }
      }
    }

    private double density(double x) {
      return Math.exp(-exponent * Math.log(x));
    }

    /**
     * The integral of the density from 1 to x; written so that an exponent near 1 is no problem.
     */
    private double integral(double x) {
      double log = Math.log(x);
      return expm1Over((1 - exponent) * log) * log;
    }

    private double inverseIntegral(double y) {
      double t = Math.max(-1, y * (1 - exponent));
      return Math.exp(log1pOver(t) * y);
    }

    /** (e^t - 1) / t */
    private static double expm1Over(double t) {
      return Math.abs(t) > 1e-8 ? Math.expm1(t) / t : 1 + t / 2 * (1 + t / 3);
    }

    /** ln(1 + t) / t */
    private static double log1pOver(double t) {
      return Math.abs(t) > 1e-8 ? Math.log1p(t) / t : 1 - t * (0.5 - t / 3);
    }

    private static int coprimeTo(int keys) {
      int candidate = (int) Math.max(1, (long) (keys * 0.6180339887));
      while (gcd(candidate, keys) != 1) {
        candidate++;
      }
      return candidate;
    }

    private static int gcd(int a, int b) {
      return b == 0 ? a : gcd(b, a % b);
    }
  }
}
