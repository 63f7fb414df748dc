package org.kerbykv.loadgen.figures;

import static org.kerbykv.loadgen.figures.LoadSubject.APART;
import static org.kerbykv.loadgen.figures.LoadSubject.BOTH;
import static org.kerbykv.loadgen.figures.LoadSubject.CPUS;
import static org.kerbykv.loadgen.figures.LoadSubject.UNIFORM;
import static org.kerbykv.loadgen.figures.LoadSubject.latency;
import static org.kerbykv.loadgen.figures.LoadSubject.throughput;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * What is measured of key-value stores.
 *
 * @param quick only what the ratios need
 * @param programTimes also how long programs take by themselves
 * @param keys how many items there are
 * @param duration of each load
 */
record KvFigures(
    boolean quick, boolean programTimes, int keys, Duration duration, Predicate<String> systems) {
  static final List<Integer> VALUE_SIZES = List.of(64, 128, 256, 512, 1024);
  static final List<String> READ_RATIOS = List.of("1", "0.95", "0.5", "0");

  /** Bytes of values that small slots have no room for, and that large ones are half empty with. */
  static final String MIXED_SIZES = "16-1024";

  static final String ZIPF = "zipf:0.99";
  static final List<String> KEY_DISTRIBUTIONS = List.of(UNIFORM, ZIPF);

  /** Blocks that fill a class of the kernel's slab allocator exactly. */
  static final List<Integer> BLOCK_SIZES = List.of(32, 64, 128, 192, 448, 960);

  /** Of the server, if it is told nothing else. */
  static final int BLOCK_DEFAULT = 192;

  /** Everything, the systems side by side. */
  List<Subject> subjects() {
    List<Subject> subjects = new ArrayList<>();
    for (KvSystem system : KvSystem.all()) {
      if (systems.test(system.name()) && !isLeftOut(system.name())) {
        subjects.add(subject(system, APART, loads(system.name())));
        if (!quick) {
          subjects.add(subject(system, BOTH, loadsOfBoth(system.name())));
        }
      }
    }
    if (systems.test(KvSystem.KERBY)) {
      for (int blockBytes : quick ? List.of(BLOCK_DEFAULT) : BLOCK_SIZES) {
        for (MemorySubject.Sizes sizes : MemorySubject.Sizes.values()) {
          subjects.add(new MemorySubject(blockBytes, sizes, keys));
        }
      }
    }
    for (int slotBytes : quick ? List.of(KvSystem.DINT_SLOTS.getLast()) : KvSystem.DINT_SLOTS) {
      if (systems.test(KvSystem.dint(slotBytes))) {
        subjects.add(new SlotMemorySubject(slotBytes, keys));
      }
    }
    if (programTimes) {
      addPrograms(subjects);
    }
    return subjects;
  }

  private void addPrograms(List<Subject> subjects) {
    if (systems.test(KvSystem.REFLECTOR)) {
      subjects.add(new ProgramSubject(KvSystem.REFLECTOR, 0, keys, quick));
    }
    if (systems.test(KvSystem.BMC)) {
      subjects.add(new ProgramSubject(KvSystem.BMC, 0, keys, quick));
    }
    if (systems.test(KvSystem.KERBY)) {
      for (int blockBytes : quick ? List.of(BLOCK_DEFAULT) : BLOCK_SIZES) {
        subjects.add(new ProgramSubject(KvSystem.KERBY, blockBytes, keys, quick));
      }
    }
    for (int slotBytes : KvSystem.DINT_SLOTS) {
      if (systems.test(KvSystem.dint(slotBytes))) {
        subjects.add(new ProgramSubject(KvSystem.dint(slotBytes), slotBytes, keys, quick));
      }
    }
  }

  private LoadSubject subject(KvSystem system, String cpus, List<Cell> cells) {
    int roundsMax = quick && isBeyondRatios(system.name()) ? 1 : Integer.MAX_VALUE;
    return new LoadSubject(system, cpus, keys, duration, roundsMax, cells);
  }

  private List<Cell> loads(String system) {
    if (quick) {
      return quickLoads(system);
    }
    List<Cell> cells = new ArrayList<>();
    if (system.equals(KvSystem.KERBY) || KvSystem.isDint(system)) {
      cells.add(throughput(system, MIXED_SIZES, "1", UNIFORM));
    }
    for (int valueSize : VALUE_SIZES) {
      for (String distribution : KEY_DISTRIBUTIONS) {
        for (String readRatio : READ_RATIOS) {
          cells.add(throughput(system, valueSize, readRatio, distribution));
        }
      }
    }
    for (int valueSize : VALUE_SIZES) {
      cells.add(latency(system, valueSize, "1"));
      cells.add(latency(system, valueSize, "0.5"));
    }
    return cells;
  }

  private static List<Cell> quickLoads(String system) {
    List<Cell> cells = new ArrayList<>();
    if (system.equals(KvSystem.dint(512))) {
      cells.add(throughput(system, 1024, "1", UNIFORM));
      return cells;
    }
    cells.add(throughput(system, 64, "1", UNIFORM));
    if (system.equals(KvSystem.KERBY)) {
      cells.add(throughput(system, 1024, "1", UNIFORM));
    }
    if (system.equals(KvSystem.KERBY) || KvSystem.MEMCACHED.contains(system)) {
      cells.add(throughput(system, 256, "0.5", UNIFORM));
      cells.add(latency(system, 256, "0.5"));
    }
    return cells;
  }

  /**
   * Whether a system is left out if there is little time: other slot sizes than the ratios need.
   */
  private boolean isLeftOut(String system) {
    return quick
        && KvSystem.isDint(system)
        && !List.of(KvSystem.dint(64), KvSystem.dint(512)).contains(system);
  }

  /** Whether no ratio is with this system. */
  private static boolean isBeyondRatios(String system) {
    return system.equals(KvSystem.BMC) || system.equals(KvSystem.NETTY);
  }

  private static List<Cell> loadsOfBoth(String system) {
    return VALUE_SIZES.stream()
        .map(valueSize -> throughput(system, valueSize, "1", UNIFORM).with(CPUS, BOTH))
        .toList();
  }
}
