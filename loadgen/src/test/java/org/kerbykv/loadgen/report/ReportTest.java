package org.kerbykv.loadgen.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;
import org.kerbykv.loadgen.engine.Arrivals;
import org.kerbykv.loadgen.engine.LoadCounts;
import org.kerbykv.loadgen.engine.LoadResult;

class ReportTest {
  private static LoadResult result() {
    Histogram latency = new Histogram(3);
    latency.recordValueWithCount(10_000, 98);
    latency.recordValueWithCount(1_000_000, 1);
    latency.recordValueWithCount(50_000_000, 1);
    LoadCounts counts = new LoadCounts(104, 100, 4, 3, 2, 6, 1, 90, 5, 4, 0);
    return new LoadResult(
        "socket",
        Duration.ofSeconds(2),
        new Arrivals.Open(53, Arrivals.Gaps.FIXED),
        counts,
        latency);
  }

  @Test
  void jsonHasTheAgreedKeys() {
    assertThat(LoadReport.json(new Json(), result(), Double.NaN).toString())
        .isEqualTo(
            """
            {"engine":"socket","seconds":2.000,"offered_per_s":53.0,"sent":104,\
            "sent_per_s":52.0,"answered_per_s":50.0,"lost_share":0.038462,"lost":4,"late":3,"duplicate":2,"foreign":6,\
            "corrupt":1,"hits":90,"misses":5,"stored":4,"errors":0,"p50_us":10.0,\
            "p99_us":1000.4,"p999_us":50004.0,"kernel_share":null}""");
  }

  @Test
  void jsonEscapesText() {
    assertThat(new Json().put("a\"b", "c\\d\n").put("e", true).toString())
        .isEqualTo("{\"a\\\"b\":\"c\\\\d\\u000a\",\"e\":true}");
    assertThat(new Json().toString()).isEqualTo("{}");
  }

  @Test
  void tablesAreAligned() {
    assertThat(
            new Table()
                .row("a", 1_234_567)
                .row("longer name", 0.5, 2, "%")
                .row("none", Double.NaN, 1, "us")
                .toString())
        .isEqualTo(
            """
              a            1,234,567
              longer name     0.50 %
              none                 -
            """);
  }
}
