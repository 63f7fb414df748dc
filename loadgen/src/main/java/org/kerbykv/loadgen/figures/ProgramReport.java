package org.kerbykv.loadgen.figures;

import static org.kerbykv.loadgen.figures.ProgramSubject.NANOS;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.kerbykv.loadgen.figures.ProgramSubject.Op;

/** What is shown of the time that programs take by themselves. */
final class ProgramReport {
  private static final List<String> SIZES =
      ProgramSubject.VALUE_SIZES.stream().map(String::valueOf).toList();

  private static final int LONGEST = ProgramSubject.VALUE_SIZES.getLast();

  /** A value in blocks of the pool, of whichever size; much longer ones get large blocks. */
  private static final int WITH_BLOCKS = 256;

  private static final int KEY_BYTES = Integer.parseInt(LoadSubject.KEY_SIZE);

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
    charts.add(eachBlock());
    return new Figure(
        "Program times: where the time of a request goes",
        "BPF_PROG_TEST_RUN of the programs as they are, each run with a key of its own, at random"
            + " (a changing number of blocks: each key once, in another order than they were"
            + " stored). The time of a program that does nothing, behind the same bench, is taken"
            + " off. Stages are differences between requests that end one after the other: an"
            + " unknown command passes after the headers; a miss adds parsing the line, hashing the"
            + " key, the index and a reply without value; a hit of an empty value adds the item's"
            + " entry and comparing the key. What BMC does not answer (misses, and sets, after which"
            + " an entry is invalid) goes up to memcached, whose time is not in here. The reflector"
            + " takes "
            + Math.round(
                measured
                    .spread(ProgramSubject.cell(KvSystem.REFLECTOR, 0, Op.GET, 0), NANOS)
                    .median())
            + " ns.",
        charts.stream().filter(chart -> !chart.lines().isEmpty()).toList());
  }

  /** A line for each block size of Kerby, and one for slots that just fit. */
  private static Map<String, Cells> lines() {
    Map<String, Cells> lines = new LinkedHashMap<>();
    for (int block : KvFigures.BLOCK_SIZES) {
      lines.put("kerby, " + block + " B blocks", kerby(block));
    }
    lines.put(
        "slots that just fit",
        (op, size) -> ProgramSubject.cell(KvSystem.dint(size), size, op, size));
    lines.put("bmc", (op, size) -> ProgramSubject.cell(KvSystem.BMC, 0, op, size));
    return lines;
  }

  private Chart bySize(Op op, String name, String title) {
    Map<String, Cells> lines = lines();
    return Chart.of(
        "program-" + name,
        title,
        "value bytes",
        "nanoseconds",
        false,
        0,
        SIZES,
        List.copyOf(lines.keySet()),
        (line, size) -> spread(lines.get(line).at(op, Integer.parseInt(size))));
  }

  /** Of a get of 1024 bytes, as differences. */
  private Chart stages() {
    Map<String, Function<Cells, Spread>> stages = new LinkedHashMap<>();
    stages.put("headers", cells -> spread(cells.at(Op.PASS, 0)));
    stages.put("line, hash, index, reply", cells -> difference(cells, Op.MISS, Op.PASS, 0));
    stages.put("entry and key", cells -> difference(cells, Op.GET, Op.MISS, 0));
    stages.put(
        "value",
        cells -> difference(spread(cells.at(Op.GET, LONGEST)), spread(cells.at(Op.GET, 0)), 1));
    Map<String, Cells> systems = new LinkedHashMap<>();
    for (int block : KvFigures.BLOCK_SIZES) {
      systems.put(block + " B blocks", kerby(block));
    }
    systems.put(
        "1024 B slots",
        (op, size) -> ProgramSubject.cell(KvSystem.dint(LONGEST), LONGEST, op, size));
    return Chart.of(
            "program-stages",
            "GET of " + LONGEST + " bytes, stage by stage",
            "store",
            "nanoseconds",
            false,
            0,
            List.copyOf(systems.keySet()),
            List.copyOf(stages.keySet()),
            (stage, system) -> stages.get(stage).apply(systems.get(system)))
        .asStack();
  }

  /** What each further block of the pool costs: the slope up to values without large blocks. */
  private Chart eachBlock() {
    Map<String, Op> lines = new LinkedHashMap<>();
    lines.put("GET", Op.GET);
    lines.put("SET in place", Op.SET);
    lines.put("SET with another number of blocks", Op.SET_OTHER_LENGTH);
    return Chart.of(
        "program-block",
        "Each further block's worth of a value, up to " + WITH_BLOCKS + " bytes",
        "bytes of a block",
        "nanoseconds a block",
        false,
        0,
        KvFigures.BLOCK_SIZES.stream().map(String::valueOf).toList(),
        List.copyOf(lines.keySet()),
        (line, block) -> {
          int unit = Integer.parseInt(block);
          Cells cells = kerby(unit);
          Op op = lines.get(line);
          double blocks =
              MemorySubject.blocks(KEY_BYTES + WITH_BLOCKS, unit)
                  - MemorySubject.blocks(KEY_BYTES, unit);
          return difference(spread(cells.at(op, WITH_BLOCKS)), spread(cells.at(op, 0)), 1 / blocks);
        });
  }

  /** Cells of one store. */
  private interface Cells {
    Cell at(Op op, int valueSize);
  }

  private static Cells kerby(int block) {
    return (op, size) -> ProgramSubject.cell(KvSystem.KERBY, block, op, size);
  }

  private Spread spread(Cell cell) {
    return measured.spread(cell, NANOS);
  }

  private Spread difference(Cells cells, Op later, Op earlier, int valueSize) {
    return difference(spread(cells.at(later, valueSize)), spread(cells.at(earlier, valueSize)), 1);
  }

  private static Spread difference(Spread later, Spread earlier, double times) {
    return new Spread(
        times * (later.median() - earlier.median()),
        times * (later.min() - earlier.max()),
        times * (later.max() - earlier.min()));
  }
}
