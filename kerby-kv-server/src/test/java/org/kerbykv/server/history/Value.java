package org.kerbykv.server.history;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.HexFormat;

/**
 * What a history remembers of a value: enough to tell it from others, to join it with another, and
 * to count with it. Its size does not depend on the value's.
 *
 * @param length in bytes
 * @param hash of the bytes as a polynomial modulo 2^61 - 1, so that the hash of a joined value
 *     follows from those of its parts
 * @param digits the value itself if it is a number that {@code incr} can count with and that begins
 *     with no zero, else ""
 */
public record Value(int length, long hash, String digits) {
  /** No bytes: also what a request or a reply without a value has. */
  public static final Value EMPTY = new Value(0, 0, "");

  /** Stands for all values that no reply shows: equal to none that one does. */
  static final Value UNOBSERVED = new Value(-1, 0, "");

  private static final long MODULUS = (1L << 61) - 1;
  private static final long BASE = 0x0e3b_97d4_a6c1_5f29L;
  private static final int DIGITS_MAX = 19;

  /** Returns what is to be remembered of these bytes. */
  public static Value of(byte[] bytes) {
    long hash = 0;
    boolean number = bytes.length > 0 && bytes.length <= DIGITS_MAX;
    for (byte b : bytes) {
      // One more than the byte, so that a zero at the beginning counts.
      hash = add(multiply(hash, BASE), (b & 0xff) + 1);
      number &= b >= '0' && b <= '9';
    }
    number &= bytes.length == 1 || (number && bytes[0] != '0');
    return new Value(bytes.length, hash, number ? new String(bytes, ISO_8859_1) : "");
  }

  /** As {@link #of(byte[])}, a byte for each character. */
  public static Value of(String text) {
    return of(text.getBytes(ISO_8859_1));
  }

  /** Returns the value of this one's bytes and the other's behind them. */
  public Value followedBy(Value other) {
    long joined = add(multiply(hash, power(other.length)), other.hash);
    String both = digits.isEmpty() || other.digits.isEmpty() ? "" : digits + other.digits;
    if (both.length() > DIGITS_MAX || both.startsWith("0")) {
      both = "";
    }
    if (length == 0 || other.length == 0) {
      both = digits + other.digits;
    }
    return new Value(length + other.length, joined, both);
  }

  /** Returns whether {@code incr} can count with it. */
  public boolean isNumber() {
    return !digits.isEmpty();
  }

  /** Returns the number that it is. */
  public long number() {
    return Long.parseLong(digits);
  }

  private static long power(int exponent) {
    long result = 1;
    long square = BASE;
    for (int rest = exponent; rest != 0; rest >>= 1) {
      if ((rest & 1) != 0) {
        result = multiply(result, square);
      }
      square = multiply(square, square);
    }
    return result;
  }

  private static long add(long a, long b) {
    long sum = a + b;
    return sum >= MODULUS ? sum - MODULUS : sum;
  }

  private static long multiply(long a, long b) {
    long high = Math.multiplyHigh(a, b);
    long low = a * b;
    return add((high << 3) | (low >>> 61), low & MODULUS);
  }

  /** Returns it as {@link #parse} reads it. */
  @Override
  public String toString() {
    return digits.isEmpty()
        ? "%d:%s".formatted(length, HexFormat.of().toHexDigits(hash))
        : "=" + digits;
  }

  static Value parse(String text) {
    if (text.startsWith("=")) {
      return of(text.substring(1));
    }
    int colon = text.indexOf(':');
    return new Value(
        Integer.parseInt(text.substring(0, colon)),
        HexFormat.fromHexDigitsToLong(text.substring(colon + 1)),
        "");
  }
}
