package org.kerbykv.server.store;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.security.SecureRandom;

/**
 * SipHash-1-3 under a random key, so that nobody who chooses keys can choose where they collide.
 *
 * <p>Immutable and thread-safe.
 */
public final class SipHash {
  private static final VarHandle WORD =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private final long key0;
  private final long key1;

  /** Makes a hash with a key from the system's secure random numbers. */
  public SipHash() {
    SecureRandom random = new SecureRandom();
    key0 = random.nextLong();
    key1 = random.nextLong();
  }

  /** Makes a hash with this key. */
  SipHash(long key0, long key1) {
    this.key0 = key0;
    this.key1 = key1;
  }

  /** Returns the hash of {@code length} bytes of {@code data} from {@code offset}. */
  public long hash(byte[] data, int offset, int length) {
    long v0 = key0 ^ 0x736f6d6570736575L;
    long v1 = key1 ^ 0x646f72616e646f6dL;
    long v2 = key0 ^ 0x6c7967656e657261L;
    long v3 = key1 ^ 0x7465646279746573L;
    int words = length >>> 3;
    // One round for each word, the tail included, then three: the same lines each time.
    for (int i = 0; i <= words + 3; i++) {
      long m = 0;
      if (i < words) {
        m = (long) WORD.get(data, offset + (i << 3));
      } else if (i == words) {
        m = tail(data, offset, length);
      } else if (i == words + 1) {
        v2 ^= 0xff;
      }
      v3 ^= m;
      v0 += v1;
      v1 = Long.rotateLeft(v1, 13) ^ v0;
      v0 = Long.rotateLeft(v0, 32);
      v2 += v3;
      v3 = Long.rotateLeft(v3, 16) ^ v2;
      v0 += v3;
      v3 = Long.rotateLeft(v3, 21) ^ v0;
      v2 += v1;
      v1 = Long.rotateLeft(v1, 17) ^ v2;
      v2 = Long.rotateLeft(v2, 32);
      v0 ^= m;
    }
    return v0 ^ v1 ^ v2 ^ v3;
  }

  private static long tail(byte[] data, int offset, int length) {
    long word = (long) length << 56;
    int start = offset + (length & ~7);
    for (int i = 0; i < (length & 7); i++) {
      word |= (data[start + i] & 0xffL) << (i << 3);
    }
    return word;
  }
}
