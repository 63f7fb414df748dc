package org.kerbykv.server.log;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.System.Logger.Level;
import java.time.Instant;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.kerbykv.server.log.LogFormat.LogEvent;

class LogFormatTest {
  private static final Instant TIME = Instant.parse("2026-11-24T03:00:00.123Z");

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '#',
      value = {
        "TEXT   | kerby: it failed: peer=/10.0.0.1:5 error=\"a \\\"b\\\"\\nc\" (and 3 more like this)",
        "LOGFMT | time=2026-11-24T03:00:00.123Z level=warn msg=\"it failed\" peer=/10.0.0.1:5"
            + " error=\"a \\\"b\\\"\\nc\" suppressed=3",
        "JSON   | {\"time\":\"2026-11-24T03:00:00.123Z\",\"level\":\"warn\",\"msg\":\"it failed\","
            + "\"peer\":\"/10.0.0.1:5\",\"error\":\"a \\\"b\\\"\\nc\",\"suppressed\":3}"
      })
  void anEventIsOneLineWhateverItsFieldsHold(LogFormat format, String line) {
    LogEvent event = event("it failed", 3, "peer", "/10.0.0.1:5", "error", "a \"b\"\nc");
    assertThat(format.line(event)).isEqualTo(line);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '#',
      value = {
        "TEXT   | kerby: used up: 7",
        "LOGFMT | time=2026-11-24T03:00:00.123Z level=warn msg=\"used up\" files=7",
        "JSON   | {\"time\":\"2026-11-24T03:00:00.123Z\",\"level\":\"warn\",\"msg\":\"used up\","
            + "\"files\":7}"
      })
  void numbersStayNumbers(LogFormat format, String line) {
    assertThat(format.line(event("used up", 0, "files", 7))).isEqualTo(line);
  }

  /** Nobody who sends something can make it look like a line of its own. */
  @ParameterizedTest
  @EnumSource
  void controlCharactersAndNothingAreWritten(LogFormat format) {
    String line =
        format.line(event("odd", 0, "value", "\u001b[2J\u0000\r\nkerby: x", "none", null));
    assertThat(line).doesNotContainPattern("[\\x00-\\x1f\\x7f]").contains("null");
  }

  private static LogEvent event(String message, long suppressed, Object... fields) {
    return new LogEvent(TIME, Level.WARNING, message, Arrays.asList(fields), suppressed);
  }
}
