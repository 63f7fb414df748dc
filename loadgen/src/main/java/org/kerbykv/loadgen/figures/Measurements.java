package org.kerbykv.loadgen.figures;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.report.Json;

/**
 * What has been measured, kept in a file: a JSON object a line, the conditions in the first, then
 * one cell of one round in each, written as soon as it is finished. Opening the file again goes on
 * from there; a line that a killed process has left half written is dropped. Not thread-safe.
 */
public final class Measurements {
  /** A member of an object in one line, whose values are texts and numbers. */
  private static final Pattern MEMBER =
      Pattern.compile("\"((?:[^\"\\\\]|\\\\.)*)\":(?:\"((?:[^\"\\\\]|\\\\.)*)\"|([^\",}]+))");

  private static final String ROUND = "round";
  private static final String SYSTEM = "system";

  private final Path file;
  private final Map<Cell, SortedMap<Integer, Map<String, Double>>> cells = new HashMap<>();
  private int size;

  private Measurements(Path file) {
    this.file = file;
  }

  /**
   * Opens a file, or begins one. A file of other conditions is kept under another name.
   *
   * @param conditions under which everything in it was and will be measured
   * @param log hears what there is already
   */
  public static Measurements open(Path file, Map<String, String> conditions, PrintStream log)
      throws LoadException {
    Measurements measurements = new Measurements(file);
    try {
      if (Files.exists(file)) {
        String text = Files.readString(file);
        String whole = text.substring(0, text.lastIndexOf('\n') + 1);
        List<String> lines = whole.lines().toList();
        Optional<String> difference =
            lines.isEmpty()
                ? Optional.of("beginning (there is none)")
                : difference(conditions, texts(lines.getFirst()));
        if (difference.isEmpty()) {
          lines.stream().skip(1).forEach(measurements::take);
          Files.writeString(file, whole);
          log.printf("%s has %d measurements; going on%n", file, measurements.size);
          return measurements;
        }
        Path kept = file.resolveSibling(file.getFileName() + "." + System.currentTimeMillis());
        Files.move(file, kept);
        log.printf("beginning anew, with another %s; %s is kept%n", difference.get(), kept);
      }
      Json header = new Json();
      conditions.forEach(header::put);
      Files.createDirectories(file.toAbsolutePath().getParent());
      Files.writeString(file, header + "\n");
      return measurements;
    } catch (IOException e) {
      throw new LoadException("cannot keep results in " + file + ": " + e.getMessage(), e);
    }
  }

  private static Optional<String> difference(Map<String, String> now, Map<String, String> then) {
    return now.keySet().stream()
        .filter(name -> !now.get(name).equals(then.get(name)))
        .map(name -> name + " (" + then.get(name) + " then, " + now.get(name) + " now)")
        .findFirst();
  }

  private static Map<String, String> texts(String line) {
    Map<String, String> texts = new LinkedHashMap<>();
    Matcher member = MEMBER.matcher(line);
    while (member.find()) {
      if (member.group(2) != null) {
        texts.put(member.group(1), member.group(2).replaceAll("\\\\(.)", "$1"));
      }
    }
    return texts;
  }

  private void take(String line) {
    SortedMap<String, String> parameters = new TreeMap<>(texts(line));
    Map<String, Double> figures = new LinkedHashMap<>();
    Matcher member = MEMBER.matcher(line);
    while (member.find()) {
      if (member.group(3) != null) {
        String number = member.group(3);
        figures.put(member.group(1), number.equals("null") ? Double.NaN : Double.valueOf(number));
      }
    }
    int round = figures.remove(ROUND).intValue();
    keep(round, new Cell(parameters.remove(SYSTEM), parameters), figures);
  }

  private void keep(int round, Cell cell, Map<String, Double> figures) {
    cells.computeIfAbsent(cell, _ -> new TreeMap<>()).put(round, figures);
    size++;
  }

  /** Cells of all rounds. */
  public int size() {
    return size;
  }

  boolean has(int round, Cell cell) {
    return cells.getOrDefault(cell, new TreeMap<>()).containsKey(round);
  }

  void add(int round, Cell cell, Map<String, Double> figures) throws LoadException {
    Json line = new Json().put(ROUND, round).put(SYSTEM, cell.system());
    cell.parameters().forEach(line::put);
    figures.forEach((name, value) -> line.put(name, value, 6));
    try {
      Files.write(file, (line + "\n").getBytes(UTF_8), StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new LoadException("cannot write " + file + ": " + e.getMessage(), e);
    }
    keep(round, cell, figures);
  }

  /** Which figures of a cell there are. */
  public Set<String> figures(Cell cell) {
    Set<String> names = new LinkedHashSet<>();
    cells.getOrDefault(cell, new TreeMap<>()).values().forEach(one -> names.addAll(one.keySet()));
    return names;
  }

  /** A figure of a cell over the rounds. */
  public Spread spread(Cell cell, String figure) {
    return Spread.of(byRound(cell, figure).values());
  }

  /**
   * How many times as large a figure is in one cell as in another: of the same round, since these
   * were measured close to each other.
   */
  public Spread ratio(Cell cell, Cell to, String figure) {
    return ratio(cell, figure, to, figure);
  }

  /** The same with a figure of each cell. */
  Spread ratio(Cell cell, String figure, Cell to, String toFigure) {
    SortedMap<Integer, Double> above = byRound(cell, figure);
    SortedMap<Integer, Double> below = byRound(to, toFigure);
    List<Double> ratios = new ArrayList<>();
    above.forEach(
        (round, value) -> {
          if (below.containsKey(round)) {
            ratios.add(value / below.get(round));
          }
        });
    return Spread.of(ratios);
  }

  private SortedMap<Integer, Double> byRound(Cell cell, String figure) {
    SortedMap<Integer, Double> values = new TreeMap<>();
    cells
        .getOrDefault(cell, new TreeMap<>())
        .forEach((round, figures) -> values.put(round, figures.getOrDefault(figure, Double.NaN)));
    return values;
  }
}
