package org.kerbykv.loadgen.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import javax.imageio.ImageIO;
import org.HdrHistogram.AbstractHistogram;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogReader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.kerbykv.loadgen.engine.Arrivals;
import org.kerbykv.loadgen.engine.LoadCounts;
import org.kerbykv.loadgen.engine.LoadResult;

/** What is written for other programs can be read. */
class FilesTest {
  @TempDir Path directory;

  private static LoadResult second(long micros, long answers) {
    Histogram latency = new Histogram(3);
    latency.recordValueWithCount(micros * 1000, answers);
    LoadCounts counts = new LoadCounts(answers, answers, 0, 0, 0, 0, 0, answers, 0, 0, 0);
    return new LoadResult("socket", Duration.ofSeconds(1), new Arrivals.Closed(1), counts, latency);
  }

  @Test
  void theLogHasTheLatenciesOfEachSecond() throws Exception {
    Path file = directory.resolve("latency.hlog");
    try (HistogramLog log = new HistogramLog(file)) {
      log.second(1, second(100, 10));
      log.second(2, second(5000, 7));
    }
    HistogramLogReader reader = new HistogramLogReader(file.toString());
    AbstractHistogram first = (AbstractHistogram) reader.nextIntervalHistogram();
    AbstractHistogram next = (AbstractHistogram) reader.nextIntervalHistogram();
    assertThat(first.getTotalCount()).isEqualTo(10);
    assertThat(first.getMaxValue()).isBetween(99_900L, 100_100L);
    assertThat(next.getTotalCount()).isEqualTo(7);
    assertThat(next.getMaxValue()).isBetween(4_995_000L, 5_005_000L);
    assertThat(next.getStartTimeStamp() - first.getStartTimeStamp()).isEqualTo(1000);
    assertThat(reader.hasNext()).isFalse();
  }

  @Test
  void plotsArePicturesThatSayWhatTheyShow() throws Exception {
    Plots plots = new Plots();
    plots.second(1, second(100, 10));
    plots.second(2, second(5000, 7));
    plots.write(directory, second(200, 1000));
    Plots.writeScan(directory, List.of(second(100, 10), second(5000, 20)));
    for (String name : List.of("latency", "throughput", "scan")) {
      assertThat(ImageIO.read(directory.resolve(name + ".png").toFile()).getWidth()).isEqualTo(900);
      assertThat(Files.readString(directory.resolve(name + ".svg"))).contains("<svg");
    }
  }
}
