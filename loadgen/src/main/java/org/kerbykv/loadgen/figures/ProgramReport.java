package org.kerbykv.loadgen.figures;

import static org.kerbykv.loadgen.figures.ProgramSubject.NANOS;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.kerbykv.loadgen.figures.ProgramSubject.Op;

/** What is shown of the time that programs take by themselves. */
final class ProgramReport {
  private static final List<String> SIZES =
      ProgramSubject.VALUE_SIZES.stream().map(String::valueOf).toList();

  private final Measurements measured;

  ProgramReport(Measurements measured) {
    this.measured = measured;
  }

  Figure figure() {
    List<Chart> charts = new ArrayList<>();
    charts.add(bySize(Op.GET, "get", "GET, hit"));
    charts.add(bySize(Op.SET, "set", "SET of a value as long as the one before"));
    charts.add(bySize(Op.SET_OTHER_LENGTH, "set-new", "SET that changes the number of blocks"));
    charts.add(stages());
    return new Figure(
        "Program times: where the time of a request goes",
        "BPF_PROG_TEST_RUN of the programs as they are, each run with a key of its own, at random"
            + " (a changing number of blocks: each key once, in another order than they were"
            + " stored). The time of a program that does nothing, behind the same bench, is taken"
            + " off. Stages are differences between requests that end one after the other: an"
            + " unknown command passes after the headers; a miss adds parsing the line, hashing the"
            + " key, the index and a reply without value; a hit of an empty value adds the item's"
            + " entry and comparing the key; each further block is the slope up to the largest"
            + " value.",
        charts.stream().filter(chart -> !chart.lines().isEmpty()).toList());
  }

  /** A line for each block size of Kerby, and one for slots that just fit. */
  private Map<String, BiFunction<Op, Integer, Cell>> lines() {
    Map<String, BiFunction<Op, Integer, Cell>> lines = new LinkedHashMap<>();
    for (int block : KvFigures.BLOCK_SIZES) {
      lines.put(
          "kerby, " + block + " B blocks",
          (op, size) -> ProgramSubject.cell(KvSystem.KERBY, block, op, size));
    }
    lines.put(
        "slots that just fit",
        (op, size) -> ProgramSubject.cell(KvSystem.dint(size), size, op, size));
    return lines;
  }

  private Chart bySize(Op op, String name, String title) {
    Map<String, BiFunction<Op, Integer, Cell>> lines = lines();
    return Chart.of(
        "program-" + name,
        title,
        "value bytes",
        "nanoseconds",
        false,
        0,
        SIZES,
        List.copyOf(lines.keySet()),
        (line, size) -> measured.spread(lines.get(line).apply(op, Integer.parseInt(size)), NANOS));
  }

  /** By differences of medians. */
  private Chart stages() {
    List<String> stages =
        List.of(
            "headers",
            "line, hash, index, reply",
            "entry and key",
            "each further KiB of value",
            "reflecting, to compare");
    List<String> lines = new ArrayList<>();
    Map<String, int[]> units = new LinkedHashMap<>();
    for (int block : KvFigures.BLOCK_SIZES) {
      units.put("kerby, " + block + " B blocks", new int[] {0, block});
    }
    for (int slot : KvSystem.DINT_SLOTS) {
      units.put("slots of " + slot + " B", new int[] {1, slot});
    }
    lines.addAll(units.keySet());
    return Chart.of(
        "program-stages",
        "GET, stage by stage",
        "stage",
        "nanoseconds",
        false,
        0,
        stages,
        lines,
        (line, stage) -> {
          int[] unit = units.get(line);
          String system = unit[0] == 0 ? KvSystem.KERBY : KvSystem.dint(unit[1]);
          return stage(system, unit[1], stages.indexOf(stage));
        });
  }

  private Spread stage(String system, int unit, int stage) {
    int longest = system.equals(KvSystem.KERBY) ? 1024 : unit;
    Spread pass = spread(system, unit, Op.PASS, 0);
    Spread miss = spread(system, unit, Op.MISS, 0);
    Spread empty = spread(system, unit, Op.GET, 0);
    return switch (stage) {
      case 0 -> pass;
      case 1 -> difference(miss, pass, 1);
      case 2 -> difference(empty, miss, 1);
      case 3 -> difference(spread(system, unit, Op.GET, longest), empty, 1024.0 / longest);
      default -> pass.isKnown() ? spread(KvSystem.REFLECTOR, 0, Op.GET, 0) : Spread.NONE;
    };
  }

  private Spread spread(String system, int unit, Op op, int valueSize) {
    return measured.spread(ProgramSubject.cell(system, unit, op, valueSize), NANOS);
  }

  private static Spread difference(Spread later, Spread earlier, double times) {
    return new Spread(
        times * (later.median() - earlier.median()),
        times * (later.min() - earlier.max()),
        times * (later.max() - earlier.min()));
  }
}
