package org.kerbykv.loadgen.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RateSearchTest {
  private static final double PEAK = 100_000;
  private static final RateSearch.Target TARGET = RateSearch.Target.parse("p99:1000us");

  /** A second of a server that answers in so many microseconds, loses and lags as told. */
  private static LoadResult second(
      Arrivals arrivals, double offered, double sentShare, double lostShare, long micros) {
    long sent = (long) (offered * sentShare);
    long lost = (long) (sent * lostShare);
    Histogram latency = new Histogram(3);
    latency.recordValueWithCount(micros * 1000, sent - lost);
    LoadCounts counts = new LoadCounts(sent, sent - lost, lost, 0, 0, 0, 0, sent - lost, 0, 0, 0);
    return new LoadResult("model", Duration.ofSeconds(1), arrivals, counts, latency);
  }

  /** Quick up to a rate, slow beyond. */
  private static LoadResult model(Arrivals arrivals, double quickUpTo) {
    return switch (arrivals) {
      case Arrivals.Closed _ -> second(arrivals, PEAK, 1, 0, 5000);
      case Arrivals.Open open ->
          second(arrivals, open.perSecond(), 1, 0, open.perSecond() <= quickUpTo ? 50 : 5000);
    };
  }

  private static LoadResult search(RateSearch.Trial trial, List<LoadResult> tried)
      throws Exception {
    return RateSearch.highest(
        TARGET, new Arrivals.Closed(32), Arrivals.Gaps.FIXED, trial, tried::add);
  }

  @ParameterizedTest
  @ValueSource(doubles = {1500, 42_000, 99_900})
  void comesCloseToTheHighestRateFromBelow(double quickUpTo) throws Exception {
    List<LoadResult> tried = new ArrayList<>();
    LoadResult best = search(arrivals -> model(arrivals, quickUpTo), tried);
    assertThat(best.offeredPerSecond())
        .isLessThanOrEqualTo(quickUpTo)
        .isGreaterThan(quickUpTo - PEAK / 64);
    assertThat(tried).contains(best).hasSizeGreaterThan(5);
  }

  @Test
  void nothingGoodEnoughIsSaid() {
    assertThatExceptionOfType(LoadException.class)
        .isThrownBy(() -> search(arrivals -> model(arrivals, 0), new ArrayList<>()))
        .withMessageContaining("p99.0 stayed above 1000.0 us");
  }

  @ParameterizedTest
  @CsvSource({
    "1, 0, 999, true",
    "1, 0, 1002, false",
    "1, 0.0005, 100, true",
    "1, 0.002, 100, false",
    "0.995, 0, 100, true",
    "0.98, 0, 100, false",
  })
  void aTargetIsMetOnlyWithoutLossAndAtTheRateOffered(
      double sentShare, double lostShare, long micros, boolean met) {
    Arrivals arrivals = new Arrivals.Open(100_000, Arrivals.Gaps.FIXED);
    assertThat(TARGET.isMetBy(second(arrivals, 100_000, sentShare, lostShare, micros)))
        .isEqualTo(met);
    assertThat(TARGET.isMetBy(second(arrivals, 0, 1, 0, 1))).isFalse();
  }

  @Test
  void targetsAreRead() {
    assertThat(RateSearch.Target.parse("p99.9:2ms")).isEqualTo(new RateSearch.Target(99.9, 2000));
    for (String wrong : List.of("", "p99", "99:10us", "p99:10", "p0:1us", "p101:1us", "p9:0us")) {
      assertThatIllegalArgumentException().isThrownBy(() -> RateSearch.Target.parse(wrong));
    }
  }
}
