package org.kerbykv.loadgen.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.HdrHistogram.HistogramIterationValue;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.engine.LoadResult;
import org.kerbykv.loadgen.engine.Progress;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.CategorySeries;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.internal.chartpart.Chart;
import org.knowm.xchart.style.CategoryStyler;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * Draws what a load came to, as PNG and SVG: latency by percentile, and throughput over time. Not
 * thread-safe.
 */
public final class Plots implements Progress {
  private static final int WIDTH = 900;
  private static final int HEIGHT = 560;
  private static final int TICKS_PER_HALVING = 5;
  private static final double NANOS_PER_MICRO = 1e3;

  private final List<Double> seconds = new ArrayList<>();
  private final List<Double> answeredPerSecond = new ArrayList<>();

  @Override
  public void populated(int items, Duration took) {}

  @Override
  public void second(int second, LoadResult interval) {
    seconds.add((double) second);
    answeredPerSecond.add(interval.answeredPerSecond());
  }

  /**
   * Writes latency.png, latency.svg, throughput.png and throughput.svg, those of which there are
   * points.
   *
   * @param directory made if it is not there
   */
  public void write(Path directory, LoadResult total) throws LoadException {
    if (total.latency().getTotalCount() > 0) {
      write(directory, "latency", latencyByPercentile(total));
    }
    if (!seconds.isEmpty()) {
      XYChart chart = chart("Throughput", "seconds", "answers per second");
      chart.getStyler().setYAxisMin(0.0);
      line(chart, total.engine(), seconds, answeredPerSecond);
      write(directory, "throughput", chart);
    }
  }

  /**
   * Writes scan.png and scan.svg: the 99th percentile of the latency by the answers per second.
   *
   * @param results of several rates, in their order
   */
  public static void writeScan(Path directory, List<LoadResult> results) throws LoadException {
    List<Double> rates = new ArrayList<>();
    List<Double> latencies = new ArrayList<>();
    for (LoadResult result : results) {
      if (result.latency().getTotalCount() > 0) {
        rates.add(result.answeredPerSecond());
        latencies.add(result.latencyMicros(99));
      }
    }
    if (!rates.isEmpty()) {
      XYChart chart = chart("Latency by throughput", "answers per second", "p99 in us");
      chart.getStyler().setYAxisLogarithmic(true);
      chart
          .addSeries(results.getFirst().engine(), rates, latencies)
          .setMarker(SeriesMarkers.CIRCLE);
      write(directory, "scan", chart);
    }
  }

  /**
   * Writes NAME.png and NAME.svg: lines over places that stand at equal distances.
   *
   * @param stacked whether each place has one bar instead, with the lines' numbers one on the other
   * @param lines a number for each place, NaN where there is none
   * @return the SVG
   */
  public static Path writeLines(
      Path directory,
      String name,
      String title,
      String horizontal,
      String vertical,
      boolean logarithmic,
      boolean stacked,
      List<String> places,
      Map<String, List<Double>> lines)
      throws LoadException {
    CategoryChart chart =
        new CategoryChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle(horizontal)
            .yAxisTitle(vertical)
            .build();
    CategoryStyler style = chart.getStyler();
    style.setDefaultSeriesRenderStyle(
        stacked
            ? CategorySeries.CategorySeriesRenderStyle.Bar
            : CategorySeries.CategorySeriesRenderStyle.Line);
    style.setStacked(stacked);
    style.setOverlapped(!stacked);
    style.setLegendPosition(Styler.LegendPosition.OutsideE);
    style.setYAxisLogarithmic(logarithmic);
    if (!logarithmic) {
      style.setYAxisMin(0.0);
    }
    style.setLocale(Locale.ROOT);
    lines.forEach(
        (line, values) ->
            chart.addSeries(line, places, values.stream().map(v -> v.isNaN() ? null : v).toList()));
    write(directory, name, chart);
    return directory.resolve(name + ".svg");
  }

  /** The horizontal axis gives each further nine of a percentile the same room. */
  private static XYChart latencyByPercentile(LoadResult total) {
    List<Double> oneIn = new ArrayList<>();
    List<Double> micros = new ArrayList<>();
    for (HistogramIterationValue value : total.latency().percentiles(TICKS_PER_HALVING)) {
      double beyond = 100 - value.getPercentileLevelIteratedTo();
      if (beyond > 0) {
        oneIn.add(100 / beyond);
        micros.add(value.getValueIteratedTo() / NANOS_PER_MICRO);
      }
    }
    XYChart chart = chart("Latency", "1 / (1 - percentile): 100 is p99", "latency in us");
    chart.getStyler().setXAxisLogarithmic(true).setYAxisLogarithmic(true);
    line(chart, total.engine(), oneIn, micros);
    return chart;
  }

  private static XYChart chart(String title, String x, String y) {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle(x)
            .yAxisTitle(y)
            .build();
    chart.getStyler().setLegendPosition(Styler.LegendPosition.InsideNW);
    chart.getStyler().setLocale(Locale.ROOT);
    return chart;
  }

  private static void line(XYChart chart, String name, List<Double> x, List<Double> y) {
    chart.addSeries(name, x, y).setMarker(SeriesMarkers.NONE);
  }

  private static void write(Path directory, String name, Chart<?, ?> chart) throws LoadException {
    try {
      Files.createDirectories(directory);
      String path = directory.resolve(name).toString();
      BitmapEncoder.saveBitmap(chart, path, BitmapEncoder.BitmapFormat.PNG);
      VectorGraphicsEncoder.saveVectorGraphic(
          chart, path, VectorGraphicsEncoder.VectorGraphicsFormat.SVG);
    } catch (IOException e) {
      throw new LoadException("cannot draw to " + directory + ": " + e.getMessage(), e);
    }
  }
}
