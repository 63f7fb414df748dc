package org.kerbykv.client;

/**
 * MD5 (RFC 1321) of short texts without allocation, since every call on several servers needs one:
 * {@link java.security.MessageDigest} allocates, or has to be kept for each thread. Here it places
 * keys; it protects nothing.
 */
final class Md5 {
  private static final int BLOCK_BYTES = 64;
  private static final int BLOCK_WORDS = BLOCK_BYTES / Integer.BYTES;

  /** A block ends with the length in bits, 8 bytes; before it comes at least the end mark. */
  private static final int TAIL_BYTES = 9;

  private static final int[] START = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  private static final int[] SHIFTS = {7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21};
  private static final int[] SINES = new int[BLOCK_BYTES];

  static {
    for (int i = 0; i < SINES.length; i++) {
      SINES[i] = (int) (long) Math.floor(Math.abs(Math.sin(i + 1)) * (1L << 32));
    }
  }

  private Md5() {}

  /**
   * One word of the digest, little-endian.
   *
   * @param index 0 to 3
   */
  static int word(byte[] text, int index) {
    int a = START[0];
    int b = START[1];
    int c = START[2];
    int d = START[3];
    int blocks = (text.length + TAIL_BYTES + BLOCK_BYTES - 1) / BLOCK_BYTES;
    for (int block = 0; block < blocks; block++) {
      int a0 = a;
      int b0 = b;
      int c0 = c;
      int d0 = d;
      int offset = block * BLOCK_BYTES;
      boolean last = block == blocks - 1;
      for (int step = 0; step < BLOCK_BYTES; step++) {
        int round = step / BLOCK_WORDS;
        int mixed = mix(round, b, c, d);
        int word = (wordOfRound(round, step) & (BLOCK_WORDS - 1)) * Integer.BYTES;
        int sum = a + mixed + SINES[step] + input(text, offset, word, last);
        a = d;
        d = c;
        c = b;
        b += Integer.rotateLeft(sum, SHIFTS[round * 4 + (step & 3)]);
      }
      a += a0;
      b += b0;
      c += c0;
      d += d0;
    }
    return switch (index) {
      case 0 -> a;
      case 1 -> b;
      case 2 -> c;
      default -> d;
    };
  }

  private static int mix(int round, int b, int c, int d) {
    return switch (round) {
      case 0 -> (b & c) | (~b & d);
      case 1 -> (d & b) | (~d & c);
      case 2 -> b ^ c ^ d;
      default -> c ^ (b | ~d);
    };
  }

  private static int wordOfRound(int round, int step) {
    return switch (round) {
      case 0 -> step;
      case 1 -> 5 * step + 1;
      case 2 -> 3 * step + 5;
      default -> 7 * step;
    };
  }

  /** Four bytes of a block: of the text, the end mark, zeros, or the length in bits. */
  private static int input(byte[] text, int block, int offset, boolean last) {
    if (last && offset == BLOCK_BYTES - 8) {
      return text.length << 3;
    }
    int at = block + offset;
    int word = 0;
    for (int i = 0; i < Integer.BYTES; i++) {
      int b = at + i < text.length ? text[at + i] & 0xFF : at + i == text.length ? 0x80 : 0;
      word |= b << (8 * i);
    }
    return word;
  }
}
