package org.kerbykv.loadgen.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.time.Duration;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;
import org.kerbykv.loadgen.engine.Arrivals;
import org.kerbykv.loadgen.engine.LoadCounts;
import org.kerbykv.loadgen.engine.LoadResult;

class LoadMetricsTest {
  @Test
  void countsAddUpAndLatenciesAreTheLastSecondsOwn() throws Exception {
    try (LoadMetrics metrics = new LoadMetrics(0)) {
      URI page = URI.create("http://127.0.0.1:" + metrics.port() + "/metrics");
      assertThat(ServerMetrics.read(page).sum("kerby_load_sent_total")).isZero();

      metrics.second(1, second(new LoadCounts(104, 100, 4, 0, 0, 0, 1, 95, 0, 4, 1), 10_000));
      metrics.second(2, second(new LoadCounts(50, 49, 1, 0, 0, 0, 2, 49, 0, 0, 0), 30_000));

      ServerMetrics read = ServerMetrics.read(page);
      assertThat(read.sum("kerby_load_sent_total")).isEqualTo(154);
      assertThat(read.sum("kerby_load_answered_total")).isEqualTo(149);
      assertThat(read.sum("kerby_load_lost_total")).isEqualTo(5);
      assertThat(read.sum("kerby_load_corrupt_total")).isEqualTo(3);
      assertThat(read.sum("kerby_load_errors_total")).isEqualTo(1);
      for (String quantile : new String[] {"0.5", "0.99", "0.999"}) {
        assertThat(read.sum("kerby_load_latency_seconds", "quantile=\"" + quantile + '"'))
            .isBetween(30e-6, 30.1e-6);
      }
    }
  }

  private static LoadResult second(LoadCounts counts, long latencyNanos) {
    Histogram latency = new Histogram(3);
    latency.recordValueWithCount(latencyNanos, counts.answered());
    return new LoadResult("socket", Duration.ofSeconds(1), new Arrivals.Closed(1), counts, latency);
  }
}
