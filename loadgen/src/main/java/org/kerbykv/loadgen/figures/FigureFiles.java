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

  /** Each picture as PNG and SVG, and index.html with all of them. */
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
      }
    }
    write("index.html", page.toString());
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
    figures.forEach(figure -> head.addAll(List.of(figure, figure + "_min", figure + "_max")));
    StringBuilder text = new StringBuilder(row(head));
    for (Cell cell : cells) {
      List<String> row = new ArrayList<>(List.of(cell.system()));
      parameters.forEach(parameter -> row.add(cell.get(parameter)));
      for (String figure : figures) {
        Spread spread = measurements.spread(cell, figure);
        row.addAll(List.of(number(spread.median()), number(spread.min()), number(spread.max())));
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
