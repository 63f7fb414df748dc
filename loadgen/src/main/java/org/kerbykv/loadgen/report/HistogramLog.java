package org.kerbykv.loadgen.report;

import java.io.FileNotFoundException;
import java.nio.file.Path;
import java.time.Duration;
import org.HdrHistogram.EncodableHistogram;
import org.HdrHistogram.HistogramLogWriter;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.engine.LoadResult;
import org.kerbykv.loadgen.engine.Progress;

/**
 * Writes the latencies of each second to a log that HdrHistogram's tools read, in nanoseconds. Not
 * thread-safe.
 */
public final class HistogramLog implements Progress, AutoCloseable {
  private static final double NANOS_PER_MILLI = 1e6;

  private final HistogramLogWriter log;
  private double endSeconds;

  public HistogramLog(Path file) throws LoadException {
    try {
      log = new HistogramLogWriter(file.toFile());
    } catch (FileNotFoundException e) {
      throw new LoadException("cannot write " + file + ": " + e.getMessage(), e);
    }
    log.outputLogFormatVersion();
    log.outputStartTime(System.currentTimeMillis());
    log.outputLegend();
  }

  @Override
  public void populated(int items, Duration took) {}

  @Override
  public void second(int second, LoadResult interval) {
    double start = endSeconds;
    endSeconds += interval.elapsed().toNanos() / 1e9;
    log.outputIntervalHistogram(
        start, endSeconds, (EncodableHistogram) interval.latency(), NANOS_PER_MILLI);
  }

  @Override
  public void close() {
    log.close();
  }
}
