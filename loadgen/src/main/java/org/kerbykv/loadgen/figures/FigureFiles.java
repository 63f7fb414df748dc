package org.kerbykv.loadgen.figures;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.report.Json;
import org.kerbykv.loadgen.report.Plots;

/** Writes what was found into a directory: results.json, CSV, pictures and the page. */
final class FigureFiles {
  private final Path directory;

  FigureFiles(Path directory) {
    this.directory = directory;
  }

  /** Each picture as CSV, PNG and SVG, and index.html with all of them. */
  void page(FigurePage page, List<Figure> figures) throws LoadException {
    for (Figure figure : figures) {
      page.heading(figure.title());
      page.paragraph(figure.text());
      for (Chart chart : figure.charts()) {
        Path svg =
            Plots.writeLines(
                directory,
                chart.name(),
                chart.title(),
                chart.horizontal(),
                chart.vertical(),
                chart.logarithmic(),
                chart.stacked(),
                chart.places(),
                chart.medians());
        page.chart(chart, read(svg));
        csv(chart);
      }
    }
    write("index.html", page.toString());
  }

  /** What a picture shows: the medians, and beside each the least and the most. */
  private void csv(Chart chart) throws LoadException {
    List<String> head = new ArrayList<>(List.of(chart.horizontal()));
    chart.lines().keySet().forEach(line -> head.addAll(withSpread(line)));
    StringBuilder text = new StringBuilder(row(head));
    for (int i = 0; i < chart.places().size(); i++) {
      int place = i;
      List<String> row = new ArrayList<>(List.of(chart.places().get(i)));
      chart.lines().values().forEach(points -> row.addAll(numbers(points.get(place))));
      text.append(row(row));
    }
    write(chart.name() + ".csv", text.toString());
  }

  private static List<String> withSpread(String column) {
    return List.of(column, column + "_min", column + "_max");
  }

  private static List<String> numbers(Spread spread) {
    return List.of(number(spread.median()), number(spread.min()), number(spread.max()));
  }

  /** The medians and spreads of these cells, a line each, with a column for each parameter. */
  void csv(String name, Measurements measurements, List<Cell> cells) throws LoadException {
    SortedSet<String> parameters = new TreeSet<>();
    SortedSet<String> figures = new TreeSet<>();
    for (Cell cell : cells) {
      parameters.addAll(cell.parameters().keySet());
      figures.addAll(measurements.figures(cell));
    }
    List<String> head = new ArrayList<>(List.of("system"));
    head.addAll(parameters);
    figures.forEach(figure -> head.addAll(withSpread(figure)));
    StringBuilder text = new StringBuilder(row(head));
    for (Cell cell : cells) {
      List<String> row = new ArrayList<>(List.of(cell.system()));
      parameters.forEach(parameter -> row.add(cell.get(parameter)));
      for (String figure : figures) {
        row.addAll(numbers(measurements.spread(cell, figure)));
      }
      text.append(row(row));
    }
    write(name + ".csv", text.toString());
  }

  private static String row(List<String> fields) {
    return String.join(
            ",", fields.stream().map(one -> one.contains(",") ? '"' + one + '"' : one).toList())
        + "\n";
  }

  private static String number(double value) {
    return Double.isNaN(value) ? "" : Double.toString(value);
  }

  /** Everything in one JSON object. */
  void results(
      Map<String, String> conditions,
      List<Claim> claims,
      Measurements measurements,
      List<Cell> cells,
      Json headline)
      throws LoadException {
    Json machine = new Json();
    conditions.forEach(machine::put);
    headline
        .put("conditions", machine)
        .put("claims", claims.stream().map(FigureFiles::json).toList())
        .put("cells", cells.stream().map(cell -> json(measurements, cell)).toList());
    write("results.json", headline + "\n");
  }

  private static Json json(Claim claim) {
    return new Json()
        .put("text", claim.text())
        .put("value", claim.value().median(), 3)
        .put("limit", claim.limit(), 3)
        .put("verdict", claim.verdict());
  }

  private static Json json(Measurements measurements, Cell cell) {
    Json json = new Json().put("system", cell.system());
    cell.parameters().forEach(json::put);
    for (String figure : measurements.figures(cell)) {
      Spread spread = measurements.spread(cell, figure);
      json.put(figure, spread.median(), 6)
          .put(figure + "_min", spread.min(), 6)
          .put(figure + "_max", spread.max(), 6);
    }
    return json;
  }

  private void write(String name, String text) throws LoadException {
    try {
      Files.writeString(directory.resolve(name), text);
    } catch (IOException e) {
      throw new LoadException("cannot write " + name + " to " + directory + ": " + e, e);
    }
  }

  private static String read(Path file) throws LoadException {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new LoadException("cannot read " + file + ": " + e, e);
    }
  }
}
