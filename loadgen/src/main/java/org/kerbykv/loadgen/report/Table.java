package org.kerbykv.loadgen.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Two columns: what, and how much. Not thread-safe. */
public final class Table {
  private record Row(String name, String value) {}

  private final List<Row> rows = new ArrayList<>();

  public Table row(String name, String text) {
    rows.add(new Row(name, text));
    return this;
  }

  public Table row(String name, long count) {
    return row(name, String.format(Locale.ROOT, "%,d", count));
  }

  /** A figure with so many decimals and its unit; a dash if there is none. */
  public Table row(String name, double value, int decimals, String unit) {
    return row(
        name,
        Double.isFinite(value)
            ? String.format(Locale.ROOT, "%,." + decimals + "f", value) + ' ' + unit
            : "-");
  }

  /** Adds another table's rows. */
  public Table rows(Table other) {
    rows.addAll(other.rows);
    return this;
  }

  /** The lines, each ended, names to the left and values to the right. */
  @Override
  public String toString() {
    int nameWidth = rows.stream().mapToInt(row -> row.name().length()).max().orElse(0);
    int valueWidth = rows.stream().mapToInt(row -> row.value().length()).max().orElse(0);
    StringBuilder text = new StringBuilder();
    for (Row row : rows) {
      text.append("  ")
          .append(row.name())
          .repeat(" ", nameWidth - row.name().length() + 2 + valueWidth - row.value().length())
          .append(row.value())
          .append('\n');
    }
    return text.toString().replaceAll(" +\n", "\n");
  }
}
