package org.kerbykv.server.log;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LogLimitTest {
  private final LogLimit limit = new LogLimit(3, 100);

  @Test
  void aFewAtOnceAndThenOneFromTimeToTime() {
    for (int i = 0; i < 3; i++) {
      assertThat(limit.admit("a", 0)).isEqualTo(LogLimit.ALL);
    }
    for (int i = 0; i < 7; i++) {
      assertThat(limit.admit("a", 99)).isEqualTo(LogLimit.REFUSED);
    }
    assertThat(limit.admit("a", 100)).as("those left out").isEqualTo(7);
    assertThat(limit.admit("a", 199)).isEqualTo(LogLimit.REFUSED);
    assertThat(limit.admit("a", 100_000)).isEqualTo(1);
    assertThat(limit.admit("a", 100_000)).isEqualTo(LogLimit.ALL);
    assertThat(limit.admit("a", 100_000)).isEqualTo(LogLimit.ALL);
    assertThat(limit.admit("a", 100_000)).as("no more than at first").isEqualTo(LogLimit.REFUSED);
  }

  @Test
  void oneKindDoesNotHideAnother() {
    for (int i = 0; i < 10; i++) {
      limit.admit("a", 0);
    }
    assertThat(limit.admit("b", 0)).isEqualTo(LogLimit.ALL);
  }

  @Test
  void anyNumberOfKindsTakesBoundedMemory() {
    long admitted = 0;
    for (int i = 0; i < 10_000; i++) {
      admitted += limit.admit("kind " + i, 0) == LogLimit.ALL ? 1 : 0;
    }
    assertThat(admitted).isBetween(256L, 260L);
  }
}
