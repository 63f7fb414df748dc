package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The reference against known hashes. */
class SipHashTest {
  /**
   * Hashes of the bytes 0, 1, 2... under the key 00 01 ... 0f: SipHash-2-4 as its authors publish
   * them, SipHash-1-3 as OpenSSL computes them (openssl mac -macopt c-rounds:1 -macopt d-rounds:3
   * -macopt size:8).
   */
  @ParameterizedTest
  @CsvSource({
    "2, 4, 0, 310e0edd47db6f72",
    "2, 4, 1, fd67dc93c539f874",
    "2, 4, 7, 37d1018bf50002ab",
    "2, 4, 8, 6224939a79f5f593",
    "2, 4, 15, e545be4961ca29a1",
    "2, 4, 63, 724506eb4c328a95",
    "1, 3, 0, dcc40f055801acab",
    "1, 3, 1, 93ca577df39bf4c9",
    "1, 3, 7, 4011b19b987d92d3",
    "1, 3, 8, 8e9a298d11959036",
    "1, 3, 15, 5699512a6dd820d3",
    "1, 3, 63, a8b3bbb76290199d",
  })
  void knownHashes(int compressionRounds, int finalRounds, int length, String expected) {
    byte[] message = new byte[length];
    for (int i = 0; i < length; i++) {
      message[i] = (byte) i;
    }
    long hash =
        new SipHash(compressionRounds, finalRounds)
            .hash(0x0706050403020100L, 0x0f0e0d0c0b0a0908L, message);
    byte[] bytes =
        ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(hash).array();
    assertThat(HexFormat.of().formatHex(bytes)).isEqualTo(expected);
  }
}
