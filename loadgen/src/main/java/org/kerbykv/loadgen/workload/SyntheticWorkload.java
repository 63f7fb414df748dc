package org.kerbykv.loadgen.workload;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;

/**
 * Numbered keys and values made by rule, so that a value read back can be checked without
 * remembering what was stored.
 *
 * <p>A value of 8 bytes or more starts with its version and a check number of key, version and
 * length, 4 bytes each; the rest is a piece of a fixed random pattern, from a place that key and
 * version give. So a value of another key, a mixture of two versions and a changed byte are all
 * noticed. A shorter value is made from the key alone.
 */
public final class SyntheticWorkload implements Workload {
  /** The shortest value that tells its version. */
  private static final int HEADER_BYTES = 8;

  private static final int KEY_MAX = 250;

  /** Stands for a version where the length of a key is drawn. */
  private static final int KEY_SIZE_VERSION = -1;

  private static final int PATTERN_BYTES = 1 << 16;
  private static final ByteBuf PATTERN = pattern();

  private final int keys;
  private final SizeDistribution keySizes;
  private final int keyLengthMin;
  private final KeyDistribution distribution;
  private final SizeDistribution sizes;

  /**
   * @param keys how many, 1 or more
   * @param keySizes how long each key is; a key whose number needs more room gets that
   * @throws IllegalArgumentException if keys may be longer than 250 bytes, or if they have one
   *     length and the largest number does not fit it
   */
  public SyntheticWorkload(
      int keys, SizeDistribution keySizes, KeyDistribution distribution, SizeDistribution sizes) {
    int needed = 1 + Integer.toString(keys - 1).length();
    if (keySizes.max() < needed || keySizes.max() > KEY_MAX) {
      throw new IllegalArgumentException(
          keys + " keys need a key size of " + needed + " to 250 bytes, not " + keySizes.max());
    }
    this.keys = keys;
    this.keySizes = keySizes;
    this.distribution = distribution;
    this.sizes = sizes;
    keyLengthMin = needed;
  }

  private static ByteBuf pattern() {
    byte[] bytes = new byte[PATTERN_BYTES];
    Random64 random = new Random64(0);
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) random.nextLong();
    }
    return Unpooled.unreleasableBuffer(
        Unpooled.directBuffer(PATTERN_BYTES).writeBytes(bytes).asReadOnly());
  }

  /** A byte of the pattern that values are pieces of; it repeats. */
  public static byte patternByte(int index) {
    return PATTERN.getByte(index & (PATTERN_BYTES - 1));
  }

  @Override
  public int keys() {
    return keys;
  }

  @Override
  public int nextKey(Random64 random, long position) {
    return distribution.next(random, position);
  }

  private int keyLength(int key) {
    int length = keySizes.max();
    if (keySizes.min() < length) {
      length = Math.max(keyLengthMin, keySizes.length(bits(key, KEY_SIZE_VERSION)));
    }
    return length;
  }

  @Override
  public int writeKey(int key, ByteBuf out) {
    int keyLength = keyLength(key);
    int start = out.writerIndex();
    out.ensureWritable(keyLength).writerIndex(start + keyLength);
    out.setByte(start, 'k');
    int rest = key;
    for (int i = start + keyLength - 1; i > start; i--) {
      out.setByte(i, '0' + rest % 10);
      rest /= 10;
    }
    return keyLength;
  }

  @Override
  public int valueLength(int key, int version) {
    return sizes.length(bits(key, version));
  }

  @Override
  public void writeValue(int key, int version, ByteBuf out) {
    int length = valueLength(key, version);
    if (length < HEADER_BYTES) {
      long bits = bits(key, length);
      for (int i = 0; i < length; i++) {
        out.writeByte((int) (bits >>> (8 * i)));
      }
      return;
    }
    out.writeIntLE(version).writeIntLE(check(key, version, length));
    int from = patternStart(key, version);
    for (int left = length - HEADER_BYTES; left > 0; ) {
      int piece = Math.min(left, PATTERN_BYTES - from);
      out.writeBytes(PATTERN, from, piece);
      left -= piece;
      from = 0;
    }
  }

  @Override
  public boolean isValue(int key, ByteBuf bytes, int start, int length) {
    if (length < HEADER_BYTES) {
      return isShortValue(key, bytes, start, length);
    }
    int version = bytes.getIntLE(start);
    if (length != valueLength(key, version)
        || bytes.getIntLE(start + 4) != check(key, version, length)) {
      return false;
    }
    int from = patternStart(key, version);
    int at = start + HEADER_BYTES;
    for (int left = length - HEADER_BYTES; left > 0; ) {
      int piece = Math.min(left, PATTERN_BYTES - from);
      if (!ByteBufUtil.equals(PATTERN, from, bytes, at, piece)) {
        return false;
      }
      at += piece;
      left -= piece;
      from = 0;
    }
    return true;
  }

  private boolean isShortValue(int key, ByteBuf bytes, int start, int length) {
    if (length < sizes.min() || length > sizes.max()) {
      return false;
    }
    long bits = bits(key, length);
    for (int i = 0; i < length; i++) {
      if (bytes.getByte(start + i) != (byte) (bits >>> (8 * i))) {
        return false;
      }
    }
    return true;
  }

  private static long bits(int key, int version) {
    return Random64.mix((long) key << 32 | (version & 0xFFFF_FFFFL));
  }

  private static int check(int key, int version, int length) {
    return (int) (bits(key, version) >>> 32) ^ length;
  }

  private static int patternStart(int key, int version) {
    return (int) bits(key, version) & (PATTERN_BYTES - 1);
  }

  @Override
  public int keyLengthMax() {
    return keySizes.max();
  }

  @Override
  public int itemLengthMax() {
    return keySizes.max() + sizes.max();
  }
}
