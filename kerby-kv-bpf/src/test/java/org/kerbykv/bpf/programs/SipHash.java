package org.kerbykv.bpf.programs;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * SipHash-c-d of J.-P. Aumasson and D. J. Bernstein, written from their description and without a
 * thought for speed: the reference that the programs' one is compared with.
 *
 * @param compressionRounds c
 * @param finalRounds d
 */
record SipHash(int compressionRounds, int finalRounds) {
  /** The one that identities are made with. */
  static final SipHash SIP_1_3 = new SipHash(1, 3);

  /** The hash of {@code message} under the key k0, k1. */
  long hash(long k0, long k1, byte[] message) {
    ByteBuffer words =
        ByteBuffer.allocate((message.length / Long.BYTES + 1) * Long.BYTES)
            .order(ByteOrder.LITTLE_ENDIAN)
            .put(message);
    words.put(words.capacity() - 1, (byte) message.length);
    words.clear();
    long[] v = {
      k0 ^ 0x736f6d6570736575L,
      k1 ^ 0x646f72616e646f6dL,
      k0 ^ 0x6c7967656e657261L,
      k1 ^ 0x7465646279746573L
    };
    while (words.hasRemaining()) {
      long word = words.getLong();
      v[3] ^= word;
      rounds(v, compressionRounds);
      v[0] ^= word;
    }
    v[2] ^= 0xff;
    rounds(v, finalRounds);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
  }

  private static void rounds(long[] v, int count) {
    for (int round = 0; round < count; round++) {
      v[0] += v[1];
      v[1] = Long.rotateLeft(v[1], 13) ^ v[0];
      v[0] = Long.rotateLeft(v[0], 32);
      v[2] += v[3];
      v[3] = Long.rotateLeft(v[3], 16) ^ v[2];
      v[0] += v[3];
      v[3] = Long.rotateLeft(v[3], 21) ^ v[0];
      v[2] += v[1];
      v[1] = Long.rotateLeft(v[1], 17) ^ v[2];
      v[2] = Long.rotateLeft(v[2], 32);
    }
  }
}
