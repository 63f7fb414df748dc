package org.kerbykv.server.protocol;

import java.util.Arrays;

/**
 * Keys in base64, as memcached reads and writes them: what is not of the alphabet is passed over,
 * and bits of the last group that make no byte are, too.
 */
final class Base64Key {
  private static final byte[] ALPHABET = alphabet();
  private static final int PAD = 64;
  private static final int FOREIGN = 128;
  private static final byte[] VALUES = values();

  private Base64Key() {}

  /** Returns the length that a key has in base64. */
  static int encodedLength(int length) {
    return (length + 2) / 3 * 4;
  }

  /**
   * Writes a key in base64.
   *
   * @return where it ends
   */
  static int encode(byte[] key, int from, int length, byte[] target, int at) {
    int to = from + length;
    int end = at;
    for (int i = from; i < to; i += 3) {
      int group = key[i] & 0xff;
      group = group << 8 | (i + 1 < to ? key[i + 1] & 0xff : 0);
      group = group << 8 | (i + 2 < to ? key[i + 2] & 0xff : 0);
      target[end++] = ALPHABET[group >> 18];
      target[end++] = ALPHABET[group >> 12 & 63];
      target[end++] = i + 1 < to ? ALPHABET[group >> 6 & 63] : (byte) '=';
      target[end++] = i + 2 < to ? ALPHABET[group & 63] : (byte) '=';
    }
    return end;
  }

  /**
   * Reads a key in base64.
   *
   * @param target gets the key; has room for three bytes of four
   * @return its length, or 0 if it is none
   */
  static int decode(byte[] text, int from, int to, byte[] target) {
    if (!isWhole(text, from, to)) {
      return 0;
    }
    int length = 0;
    int group = 0;
    int digits = 0;
    int pads = 0;
    for (int i = from; i < to; i++) {
      int value = VALUES[text[i] & 0xff] & 0xff;
      if (value == FOREIGN) {
        continue;
      }
      pads += value == PAD ? 1 : 0;
      group = group << 6 | (value & 63);
      if (++digits == 4) {
        target[length++] = (byte) (group >> 16);
        target[length++] = (byte) (group >> 8);
        target[length++] = (byte) group;
        if (pads > 0) {
          return pads > 2 ? 0 : length - pads;
        }
        digits = 0;
      }
    }
    return length;
  }

  private static boolean isWhole(byte[] text, int from, int to) {
    int digits = 0;
    for (int i = from; i < to; i++) {
      digits += (VALUES[text[i] & 0xff] & 0xff) == FOREIGN ? 0 : 1;
    }
    return digits > 0 && digits % 4 == 0;
  }

  private static byte[] alphabet() {
    byte[] alphabet = new byte[64];
    for (int i = 0; i < 26; i++) {
      alphabet[i] = (byte) ('A' + i);
      alphabet[26 + i] = (byte) ('a' + i);
    }
    for (int i = 0; i < 10; i++) {
      alphabet[52 + i] = (byte) ('0' + i);
    }
    alphabet[62] = '+';
    alphabet[63] = '/';
    return alphabet;
  }

  private static byte[] values() {
    byte[] values = new byte[256];
    Arrays.fill(values, (byte) FOREIGN);
    for (int i = 0; i < ALPHABET.length; i++) {
      values[ALPHABET[i]] = (byte) i;
    }
    values['='] = PAD;
    return values;
  }
}
