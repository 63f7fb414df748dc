package org.kerbykv.server.store;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The expectations are what memcached 1.6.18 was seen to do. */
class AsciiNumberTest {
  private final AsciiNumber number = new AsciiNumber();

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      ignoreLeadingAndTrailingWhitespace = false,
      value = {
        "0|0",
        "+5|5",
        "007|7",
        " \t5|5",
        "5\tabc|5",
        "12 ab|12",
        "12\0ab|12",
        "18446744073709551615|18446744073709551615",
        "-0|0",
        "-18446744073709551615|1",
      })
  void readsUnsigned(String text, String expected) {
    assertThat(readUnsigned(text)).isTrue();
    assertThat(number.value()).isEqualTo(Long.parseUnsignedLong(expected));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "+",
        "-",
        "x",
        "5x",
        "0x5",
        "-1",
        "- 1",
        "18446744073709551616",
        "99999999999999999999",
        "184467440737095516150"
      })
  void refusesUnsigned(String text) {
    assertThat(readUnsigned(text)).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0",
    "-1, -1",
    "2147483648, 2147483648",
    "9223372036854775807, 9223372036854775807",
    "-9223372036854775808, -9223372036854775808"
  })
  void readsSigned(String text, long expected) {
    assertThat(readSigned(text)).isTrue();
    assertThat(number.value()).isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "-", "1x", "9223372036854775808", "-9223372036854775809", "1e3"})
  void refusesSigned(String text) {
    assertThat(readSigned(text)).isFalse();
  }

  @Property
  void readsWhatItWrites(@ForAll long value) {
    byte[] target = new byte[25];
    int from = AsciiNumber.writeUnsigned(value, target, 23);
    assertThat(new String(target, from, 23 - from, ISO_8859_1))
        .isEqualTo(Long.toUnsignedString(value));
    assertThat(number.readUnsigned(target, from, 23)).isTrue();
    assertThat(number.value()).isEqualTo(value);
  }

  private boolean readUnsigned(String text) {
    byte[] bytes = ("##" + text + "##").getBytes(ISO_8859_1);
    return number.readUnsigned(bytes, 2, 2 + text.length());
  }

  private boolean readSigned(String text) {
    byte[] bytes = ("##" + text + "##").getBytes(ISO_8859_1);
    return number.readSigned(bytes, 2, 2 + text.length());
  }
}
