package org.kerbykv.loadgen.workload;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** How long keys or values are, in bytes. Immutable and thread-safe. */
public sealed interface SizeDistribution {
  /** The length that these random bits give. */
  int length(long randomBits);

  /** The shortest possible length. */
  int min();

  /** The longest possible length. */
  int max();

  static SizeDistribution fixed(int bytes) {
    return new Fixed(bytes);
  }

  /** Every length from {@code min} to {@code max} equally often. */
  static SizeDistribution uniform(int min, int max) {
    return new Uniform(min, max);
  }

  /**
   * Some lengths, each as often as its weight says.
   *
   * @param weights above 0; only their proportions count
   */
  static SizeDistribution listed(int[] lengths, double[] weights) {
    return Listed.of(lengths, weights);
  }

  /** The keys of Facebook's ETC pool, as mutilate's {@code fb_key} has them. */
  static SizeDistribution etcKeys() {
    return new EtcKeys();
  }

  /**
   * The values of Facebook's ETC pool, as mutilate's {@code fb_value} has them.
   *
   * @param max longer ones are cut to that, 16 or more
   */
  static SizeDistribution etcValues(int max) {
    return new EtcValues(max);
  }

  /**
   * Reads {@code 100}, {@code 64-1024}, {@code 64:9,1024:1} (length and weight), {@code fb_key},
   * {@code fb_value} or {@code fb_value:MAX}.
   *
   * @throws IllegalArgumentException if the text is none of them
   */
  static SizeDistribution parse(String text) {
    try {
      if (text.equals("fb_key")) {
        return etcKeys();
      }
      if (text.equals("fb_value")) {
        return etcValues(EtcValues.ITEM_MAX);
      }
      if (text.startsWith("fb_value:")) {
        return etcValues(length(text.substring("fb_value:".length())));
      }
      if (text.indexOf(':') >= 0) {
        return parseList(text);
      }
      int dash = text.indexOf('-');
      if (dash < 0) {
        return fixed(length(text));
      }
      int min = length(text.substring(0, dash));
      int max = length(text.substring(dash + 1));
      if (min <= max) {
        return uniform(min, max);
      }
    } catch (NumberFormatException e) {
      // said below
    }
    throw new IllegalArgumentException(
        "'"
            + text
            + "' is no length in bytes (100), range of lengths (64-1024), list of lengths with"
            + " weights (64:9,1024:1), fb_key or fb_value[:MAX]");
  }

  private static int length(String text) {
    int length = Integer.parseInt(text);
    if (length < 0) {
      throw new NumberFormatException();
    }
    return length;
  }

  private static SizeDistribution parseList(String text) {
    List<Integer> lengths = new ArrayList<>();
    List<Double> weights = new ArrayList<>();
    for (String pair : text.split(",", -1)) {
      int colon = pair.indexOf(':');
      lengths.add(length(pair.substring(0, Math.max(colon, 0))));
      double weight = Double.parseDouble(pair.substring(colon + 1));
      if (!(weight > 0 && weight < Double.MAX_VALUE)) {
        throw new NumberFormatException();
      }
      weights.add(weight);
    }
    return listed(
        lengths.stream().mapToInt(Integer::intValue).toArray(),
        weights.stream().mapToDouble(Double::doubleValue).toArray());
  }

  record Fixed(int bytes) implements SizeDistribution {
    @Override
    public int length(long randomBits) {
      return bytes;
    }

    @Override
    public int min() {
      return bytes;
    }

    @Override
    public int max() {
      return bytes;
    }
  }

  record Uniform(int min, int max) implements SizeDistribution {
    @Override
    public int length(long randomBits) {
      return min + (int) Math.unsignedMultiplyHigh(randomBits, max - min + 1L);
    }
  }

  /** Lengths with the share of the random numbers at which each one ends. */
  final class Listed implements SizeDistribution {
    private final int[] lengths;
    private final double[] ends;

    private Listed(int[] lengths, double[] ends) {
      this.lengths = lengths;
      this.ends = ends;
    }

    static Listed of(int[] lengths, double[] weights) {
      double[] ends = new double[weights.length];
      double sum = 0;
      for (int i = 0; i < weights.length; i++) {
        sum += weights[i];
        ends[i] = sum;
      }
      for (int i = 0; i < weights.length; i++) {
        ends[i] /= sum;
      }
      return new Listed(lengths.clone(), ends);
    }

    @Override
    public int length(long randomBits) {
      double share = Random64.toDouble(randomBits);
      int i = 0;
      while (i < lengths.length - 1 && share >= ends[i]) {
        i++;
      }
      return lengths[i];
    }

    @Override
    public int min() {
      return Arrays.stream(lengths).min().orElseThrow();
    }

    @Override
    public int max() {
      return Arrays.stream(lengths).max().orElseThrow();
    }
  }

  /**
   * A generalized extreme value distribution fitted to ETC's keys (B. Atikoglu and others:
   * "Workload analysis of a large-scale key-value store", 2012), in what memcached allows.
   */
  record EtcKeys() implements SizeDistribution {
    private static final double LOCATION = 30.7984;
    private static final double SCALE = 8.20449;
    private static final double SHAPE = 0.078688;
    private static final int KEY_MAX = 250;

    @Override
    public int length(long randomBits) {
      double share = 1 - Random64.toDouble(randomBits); // above 0, at most 1
      double length = LOCATION + SCALE * (Math.pow(-Math.log(share), -SHAPE) - 1) / SHAPE;
      return (int) Math.clamp(length, 1, KEY_MAX);
    }

    @Override
    public int min() {
      return 1;
    }

    @Override
    public int max() {
      return KEY_MAX;
    }
  }

  /**
   * ETC's values (the same publication): the frequencies of lengths 0 to 14 as they are, and a
   * generalized Pareto distribution for the others.
   */
  record EtcValues(int max) implements SizeDistribution {
    /** What memcached stores by default, less the room for a key. */
    static final int ITEM_MAX = (1 << 20) - 512;

    private static final double[] SHORT = {
      0.00536, 0.00047, 0.17820, 0.09239, 0.00018, 0.02740, 0.00065, 0.00606, 0.00023, 0.00837,
      0.00837, 0.08989, 0.00092, 0.00326, 0.01980
    };
    private static final double LONG = 1 - Arrays.stream(SHORT).sum();
    private static final double LOCATION = 15;
    private static final double SCALE = 214.476;
    private static final double SHAPE = 0.348238;

    public EtcValues {
      if (max <= SHORT.length) {
        throw new IllegalArgumentException("fb_value must not be cut below 16 bytes");
      }
    }

    @Override
    public int length(long randomBits) {
      double share = Random64.toDouble(randomBits);
      for (int length = 0; length < SHORT.length; length++) {
        if (share < SHORT[length]) {
          return length;
        }
        share -= SHORT[length];
      }
      double tail = Math.max(1 - share / LONG, Double.MIN_NORMAL);
      double length = LOCATION + SCALE * (Math.pow(tail, -SHAPE) - 1) / SHAPE;
      return (int) Math.min(length, max);
    }

    @Override
    public int min() {
      return 0;
    }
  }
}
