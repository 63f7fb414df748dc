package org.kerbykv.server.store;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SipHashTest {
  /**
   * The values are CPython 3.11's, whose hash of bytes is SipHash-1-3; PYTHONHASHSEED=0 is key 0.
   */
  @ParameterizedTest
  @CsvSource({
    "a, 407448d2b89b1813",
    "abc, c03bc3a0042630f2",
    "abcdefgh, 3f7b849c0b8e35ea",
    "abcdefghijklmnopqrst, cad1d77b2c973cd5",
  })
  void agreesWithAnotherImplementation(String text, String expected) {
    byte[] padded = ("__" + text + "__").getBytes(US_ASCII);
    assertThat(new SipHash(0, 0).hash(padded, 2, text.length()))
        .isEqualTo(Long.parseUnsignedLong(expected, 16));
  }

  @Test
  void eachHashHasItsOwnKey() {
    byte[] data = {1, 2, 3};
    assertThat(new SipHash().hash(data, 0, 3)).isNotEqualTo(new SipHash().hash(data, 0, 3));
  }
}
