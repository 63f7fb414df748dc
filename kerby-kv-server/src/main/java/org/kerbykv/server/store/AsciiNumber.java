package org.kerbykv.server.store;

/**
 * Reads decimal numbers as memcached does, which is as C's strtoul does: white space before them
 * and after them is let pass, with whatever follows it, and a sign may stand in front.
 *
 * <p>Not thread-safe; allocates nothing.
 */
public final class AsciiNumber {
  private long value;
  private boolean negative;
  private boolean overflow;

  /** Returns the number read last, 64 bits, to be cut by the caller to the width it stores. */
  public long value() {
    return value;
  }

  /**
   * Reads an unsigned number. A minus sign is refused, unless the number wraps round to a positive
   * one, as memcached has it.
   *
   * @return whether bytes {@code from} to {@code to} are a number of at most 64 bits
   */
  public boolean readUnsigned(byte[] data, int from, int to) {
    if (!read(data, from, to) || overflow) {
      return false;
    }
    if (negative) {
      value = -value;
    }
    return value >= 0 || !contains(data, from, to, (byte) '-');
  }

  /**
   * Reads a signed number.
   *
   * @return whether bytes {@code from} to {@code to} are a number that fits a signed 64-bit integer
   */
  public boolean readSigned(byte[] data, int from, int to) {
    if (!read(data, from, to) || overflow) {
      return false;
    }
    boolean fits = negative ? value >= 0 || value == Long.MIN_VALUE : value >= 0;
    if (negative) {
      value = -value;
    }
    return fits;
  }

  private boolean read(byte[] data, int from, int to) {
    int at = from;
    while (at < to && isSpace(data[at])) {
      at++;
    }
    negative = at < to && data[at] == '-';
    if (negative || (at < to && data[at] == '+')) {
      at++;
    }
    int digits = at;
    value = 0;
    overflow = false;
    while (at < to && data[at] >= '0' && data[at] <= '9') {
      append(data[at] - '0');
      at++;
    }
    return at > digits && (at == to || data[at] == 0 || isSpace(data[at]));
  }

  private void append(int digit) {
    long high = Math.unsignedMultiplyHigh(value, 10);
    long product = value * 10;
    value = product + digit;
    overflow |= high != 0 || Long.compareUnsigned(value, product) < 0;
  }

  private static boolean isSpace(byte b) {
    return b == ' ' || (b >= '\t' && b <= '\r');
  }

  private static boolean contains(byte[] data, int from, int to, byte wanted) {
    for (int i = from; i < to; i++) {
      if (data[i] == wanted) {
        return true;
      }
    }
    return false;
  }

  /**
   * Writes an unsigned 64-bit number in decimal, so that its last digit is just before {@code end}.
   *
   * @return where its first digit is
   */
  public static int writeUnsigned(long number, byte[] target, int end) {
    int at = end;
    long left = number;
    if (left < 0) {
      long quotient = Long.divideUnsigned(left, 10);
      target[--at] = (byte) ('0' + (left - quotient * 10));
      left = quotient;
    }
    do {
      long quotient = left / 10;
      target[--at] = (byte) ('0' + (left - quotient * 10));
      left = quotient;
    } while (left != 0);
    return at;
  }
}
