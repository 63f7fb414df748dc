package org.kerbykv.loadgen.report;

import static java.util.stream.Collectors.joining;

import java.io.PrintStream;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.kerbykv.loadgen.engine.LoadCounts;
import org.kerbykv.loadgen.engine.LoadResult;
import org.kerbykv.loadgen.engine.Progress;

/** A load in words and figures: a line each second, and a table or JSON at the end. */
public final class LoadReport implements Progress {
  private final PrintStream out;

  /**
   * @param out where progress goes
   */
  public LoadReport(PrintStream out) {
    this.out = out;
  }

  @Override
  public void populated(int items, Duration took) {
    out.printf(Locale.ROOT, "stored %,d items in %.1f s%n", items, took.toMillis() / 1e3);
  }

  @Override
  public void second(int second, LoadResult interval) {
    LoadCounts counts = interval.counts();
    out.printf(
        Locale.ROOT,
        "%3d s  %,10.0f/s  p50 %,7.0f us  p99 %,7.0f us  lost %,d  corrupt %,d%n",
        second,
        interval.answeredPerSecond(),
        interval.latencyMicros(50),
        interval.latencyMicros(99),
        counts.lost(),
        counts.corrupt());
  }

  /** Says what came of one of several rates. */
  public void rate(LoadResult result) {
    out.print(line(result));
  }

  /** Several rates, a line each. */
  public static String scanTable(List<LoadResult> results) {
    return results.stream().map(LoadReport::line).collect(joining());
  }

  private static String line(LoadResult result) {
    return String.format(
        Locale.ROOT,
        "offered %,11.0f/s  answered %,11.0f/s  p50 %,7.0f us  p99 %,7.0f us  lost %.3f %%%n",
        result.offeredPerSecond(),
        result.answeredPerSecond(),
        result.latencyMicros(50),
        result.latencyMicros(99),
        100 * result.lostShare());
  }

  /**
   * Adds the figures of a load to a JSON object.
   *
   * @param kernelShare share of the gets that the kernel answered, or NaN if it is not known
   */
  public static Json json(Json json, LoadResult result, double kernelShare) {
    LoadCounts counts = result.counts();
    return json.put("engine", result.engine())
        .put("seconds", result.elapsed().toNanos() / 1e9, 3)
        .put("offered_per_s", result.offeredPerSecond(), 1)
        .put("sent", counts.sent())
        .put("sent_per_s", result.sentPerSecond(), 1)
        .put("answered_per_s", result.answeredPerSecond(), 1)
        .put("lost_share", result.lostShare(), 6)
        .put("lost", counts.lost())
        .put("late", counts.late())
        .put("duplicate", counts.duplicate())
        .put("foreign", counts.foreign())
        .put("corrupt", counts.corrupt())
        .put("hits", counts.hits())
        .put("misses", counts.misses())
        .put("stored", counts.stored())
        .put("errors", counts.errors())
        .put("p50_us", result.latencyMicros(50), 1)
        .put("p99_us", result.latencyMicros(99), 1)
        .put("p999_us", result.latencyMicros(99.9), 1)
        .put("kernel_share", kernelShare, 4);
  }

  /** The figures of a load as a table. */
  public static Table table(LoadResult result, double kernelShare) {
    LoadCounts counts = result.counts();
    Table table =
        new Table()
            .row("offered", result.offeredPerSecond(), 0, "/s")
            .row("answered", result.answeredPerSecond(), 0, "/s")
            .row("latency p50", result.latencyMicros(50), 0, "us")
            .row("latency p99", result.latencyMicros(99), 0, "us")
            .row("latency p99.9", result.latencyMicros(99.9), 0, "us")
            .row("sent", counts.sent())
            .row("hits", counts.hits())
            .row("misses", counts.misses())
            .row("stored", counts.stored())
            .row("errors", counts.errors())
            .row("lost", counts.lost())
            .row("lost, of those sent", 100 * result.lostShare(), 3, "%")
            .row("late", counts.late())
            .row("duplicate", counts.duplicate())
            .row("foreign", counts.foreign())
            .row("corrupt", counts.corrupt());
    return Double.isNaN(kernelShare)
        ? table
        : table.row("gets answered in the kernel", 100 * kernelShare, 2, "%");
  }
}
