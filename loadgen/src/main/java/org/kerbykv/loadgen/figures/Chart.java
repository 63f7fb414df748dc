package org.kerbykv.loadgen.figures;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.kerbykv.loadgen.report.Plots;

/**
 * A picture and the table beside it: lines over the same places of the horizontal axis.
 *
 * @param name of its files
 * @param stacked whether the lines are parts of a bar at each place
 * @param places on the horizontal axis, as they are labelled
 * @param decimals of its figures in words
 */
public record Chart(
    String name,
    String title,
    String horizontal,
    String vertical,
    boolean logarithmic,
    boolean stacked,
    int decimals,
    List<String> places,
    Map<String, List<Spread>> lines) {

  /** What is to be seen at a place of a line. */
  @FunctionalInterface
  public interface Source {
    Spread at(String line, String place);
  }

  /** A chart of what a source has; a line of which nothing is known is left out. */
  public static Chart of(
      String name,
      String title,
      String horizontal,
      String vertical,
      boolean logarithmic,
      int decimals,
      List<String> places,
      List<String> lines,
      Source source) {
    Map<String, List<Spread>> known = new LinkedHashMap<>();
    for (String line : lines) {
      List<Spread> points = new ArrayList<>();
      places.forEach(place -> points.add(source.at(line, place)));
      if (points.stream().anyMatch(Spread::isKnown)) {
        known.put(line, points);
      }
    }
    return new Chart(
        name,
        title,
        horizontal,
        vertical,
        logarithmic,
        false,
        decimals,
        List.copyOf(places),
        known);
  }

  /** Those that show something. */
  static List<Chart> known(List<Chart> charts) {
    return charts.stream().filter(chart -> !chart.lines().isEmpty()).toList();
  }

  /** The same as bars, of parts that make a whole. */
  public Chart asStack() {
    return new Chart(name, title, horizontal, vertical, logarithmic, true, decimals, places, lines);
  }

  /** The medians of each line, as {@link Plots} draws them; NaN where nothing is known. */
  Map<String, List<Double>> medians() {
    Map<String, List<Double>> medians = new LinkedHashMap<>();
    lines.forEach(
        (line, points) -> medians.put(line, points.stream().map(Spread::median).toList()));
    return medians;
  }
}
