package org.kerbykv.loadgen.figures;

import static java.util.stream.Collectors.joining;

import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * One thing that is measured, once in each round: a system under some parameters. Immutable.
 *
 * @param parameters by name; each combination is one cell
 */
public record Cell(String system, SortedMap<String, String> parameters) {
  public Cell {
    parameters = Collections.unmodifiableSortedMap(new TreeMap<>(parameters));
  }

  /** A cell with these parameters: a name, its value, another name... */
  public static Cell of(String system, Object... namesAndValues) {
    SortedMap<String, String> parameters = new TreeMap<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      parameters.put((String) namesAndValues[i], String.valueOf(namesAndValues[i + 1]));
    }
    return new Cell(system, parameters);
  }

  /** The value of a parameter; "" if it has none. */
  public String get(String parameter) {
    return parameters.getOrDefault(parameter, "");
  }

  /** The same of another system. */
  public Cell of(String otherSystem) {
    return new Cell(otherSystem, parameters);
  }

  /** The same with another value of one parameter. */
  public Cell with(String parameter, Object value) {
    Map<String, String> changed = new TreeMap<>(parameters);
    changed.put(parameter, String.valueOf(value));
    return new Cell(system, new TreeMap<>(changed));
  }

  @Override
  public String toString() {
    return system
        + parameters.entrySet().stream()
            .map(one -> " " + one.getKey() + "=" + one.getValue())
            .collect(joining());
  }
}
