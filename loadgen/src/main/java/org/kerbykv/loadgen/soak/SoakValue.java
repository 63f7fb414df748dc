package org.kerbykv.loadgen.soak;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.util.Arrays;

/**
 * The values of the soak: every byte follows from the key and the version, so that one of another
 * value, or in another place, shows.
 */
final class SoakValue {
  private static final int MULTIPLIER = 0x9E3779B1;

  private SoakValue() {}

  /**
   * Makes a value.
   *
   * @param version 1 or more
   * @param length in bytes; a value is at least as long as its version's digits and a blank
   */
  static byte[] of(String key, long version, int length) {
    byte[] head = (version + " ").getBytes(US_ASCII);
    byte[] value = Arrays.copyOf(head, Math.max(length, head.length));
    int seed = key.hashCode() * 31 + Long.hashCode(version);
    for (int i = head.length; i < value.length; i++) {
      value[i] = (byte) (((seed + i) * MULTIPLIER) >>> 24);
    }
    return value;
  }

  /** The version that a value says it is; 0 if it says none. */
  static long version(byte[] value) {
    long version = 0;
    for (byte digit : value) {
      if (digit < '0' || digit > '9') {
        return digit == ' ' ? version : 0;
      }
      version = version * 10 + digit - '0';
    }
    return 0;
  }
}
