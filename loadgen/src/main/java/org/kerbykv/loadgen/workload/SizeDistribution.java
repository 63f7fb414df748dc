package org.kerbykv.loadgen.workload;

/** How long values are, in bytes. Immutable and thread-safe. */
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
   * Reads {@code 100} or {@code 64-1024}.
   *
   * @throws IllegalArgumentException if the text is neither
   */
  static SizeDistribution parse(String text) {
    int dash = text.indexOf('-');
    try {
      if (dash < 0) {
        return fixed(Integer.parseInt(text));
      }
      int min = Integer.parseInt(text.substring(0, dash));
      int max = Integer.parseInt(text.substring(dash + 1));
      if (min <= max) {
        return uniform(min, max);
      }
    } catch (NumberFormatException e) {
      // said below
    }
    throw new IllegalArgumentException(
        "'" + text + "' is no length in bytes (100) or range of lengths (64-1024)");
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
}
