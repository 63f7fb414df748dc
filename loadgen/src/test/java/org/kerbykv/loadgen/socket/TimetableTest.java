package org.kerbykv.loadgen.socket;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.kerbykv.loadgen.engine.Arrivals;
import org.kerbykv.loadgen.workload.Random64;

class TimetableTest {
  private static Timetable timetable(double perSecond, Arrivals.Gaps gaps, long countedMax) {
    return new Timetable(
        new Arrivals.Open(perSecond, gaps), new Random64(1), 1000, 5000, 9000, countedMax);
  }

  @Test
  void fixedGapsDoNotDrift() {
    Timetable times = timetable(3e6, Arrivals.Gaps.FIXED, Long.MAX_VALUE);
    assertThat(times.due()).isEqualTo(1000);
    for (int i = 0; i < 3_000_000; i++) {
      times.advance();
    }
    assertThat(times.due() - 1000).isBetween(999_999_990L, 1_000_000_010L);
  }

  @Test
  void randomGapsHaveTheRateAndASeedGivesThemAgain() {
    for (Arrivals.Gaps gaps : Arrivals.Gaps.values()) {
      Timetable times = timetable(1e6, gaps, Long.MAX_VALUE);
      Timetable again = timetable(1e6, gaps, Long.MAX_VALUE);
      for (int i = 0; i < 100_000; i++) {
        assertThat(again.due()).isEqualTo(times.due());
        times.advance();
        again.advance();
      }
      assertThat(times.due()).isBetween(98_000_000L, 102_000_000L);
    }
  }

  @Test
  void whatIsSentInTimeIsCountedUpToTheLimit() {
    Timetable times = timetable(1, Arrivals.Gaps.FIXED, 3);
    assertThat(times.count(4999)).isFalse();
    assertThat(times.count(5000)).isTrue();
    assertThat(times.count(9000)).isFalse();
    assertThat(times.count(8999)).isTrue();
    assertThat(times.isLimitReached()).isFalse();
    assertThat(times.count(6000)).isTrue();
    assertThat(times.isLimitReached()).isTrue();
    assertThat(times.count(6001)).isFalse();
  }
}
