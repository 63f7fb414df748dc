package org.kerbykv.server.protocol;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Base64;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class Base64KeyTest {
  @Property
  void anyKeyIsWrittenAndReadBack(@ForAll @Size(min = 1, max = 250) byte[] key) {
    byte[] text = new byte[400];
    int end = Base64Key.encode(key, 0, key.length, text, 3);
    assertThat(Arrays.copyOfRange(text, 3, end)).isEqualTo(Base64.getEncoder().encode(key));
    byte[] read = new byte[300];
    int length = Base64Key.decode(text, 3, end, read);
    assertThat(Arrays.copyOf(read, length)).isEqualTo(key);
  }

  /** As Debian's memcached reads them. */
  @ParameterizedTest
  @CsvSource({
    "YQ==, YQ==",
    "YR==, YQ==",
    "!Y!Q=!=, YQ==",
    "YQ==YQ==, YQ==",
    "YWJjYQ==YWJj, YWJjYQ==",
    "=YQ=, AQ==",
    "YW=I, YWA=",
    "Y=Q=, YA==",
    "YQ=a, YQA=",
    "+/+/, +/+/",
  })
  void strangeSpellings(String text, String key) {
    byte[] read = new byte[300];
    byte[] bytes = text.getBytes(ISO_8859_1);
    int length = Base64Key.decode(bytes, 0, bytes.length, read);
    assertThat(Base64.getEncoder().encodeToString(Arrays.copyOf(read, length))).isEqualTo(key);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "a", "YQ", "YQ=", "Y===", "====", "YWJjY===", "YWJj====", "-_-_", "!!!!"})
  void notBase64(String text) {
    byte[] bytes = text.getBytes(ISO_8859_1);
    assertThat(Base64Key.decode(bytes, 0, bytes.length, new byte[300])).isZero();
  }
}
