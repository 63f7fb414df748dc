package org.kerbykv.loadgen.figures;

import static org.kerbykv.loadgen.figures.LoadSubject.ANSWERED;
import static org.kerbykv.loadgen.figures.LoadSubject.APART;
import static org.kerbykv.loadgen.figures.LoadSubject.BOTH;
import static org.kerbykv.loadgen.figures.LoadSubject.CPUS;
import static org.kerbykv.loadgen.figures.LoadSubject.UNIFORM;
import static org.kerbykv.loadgen.figures.LoadSubject.latency;
import static org.kerbykv.loadgen.figures.LoadSubject.throughput;
import static org.kerbykv.loadgen.figures.MemorySubject.PER_STORED;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.kerbykv.loadgen.report.Json;

/** What is shown of key-value stores that have been measured. */
final class KvReport implements FigureReport {
  private static final String READS = "1";
  private static final String BLOCKS = "kerby, by block";
  private static final String SLOTS = "slots, by size";
  private static final String FULL_SLOTS = "slots, by size, if none were empty";

  private static final MemorySubject.Sizes ETC = MemorySubject.Sizes.ETC;

  private static final List<String> DINT =
      KvSystem.DINT_SLOTS.stream().map(KvSystem::dint).toList();

  private final Measurements measured;
  private final List<String> systems = KvSystem.all().stream().map(KvSystem::name).toList();

  KvReport(Measurements measured) {
    this.measured = measured;
  }

  /** Kerby against the best of others, each under the same load, with the CPUs apart. */
  private Spread throughputRatio(List<String> others, int valueSize, String readRatio) {
    Cell ours = throughput(KvSystem.KERBY, valueSize, readRatio, UNIFORM);
    return others.stream()
        .map(ours::of)
        .filter(cell -> measured.spread(cell, ANSWERED).isKnown())
        .max(Comparator.comparingDouble(cell -> measured.spread(cell, ANSWERED).median()))
        .map(best -> measured.ratio(ours, best, ANSWERED))
        .orElse(Spread.NONE);
  }

  /** The comparisons that have names of their own, in the order in which they are listed. */
  Map<String, Spread> ratios() {
    Map<String, Spread> ratios = new java.util.LinkedHashMap<>();
    ratios.put("get64_vs_memcached", throughputRatio(KvSystem.MEMCACHED, 64, READS));
    ratios.put("get64_vs_dint", throughputRatio(DINT, 64, READS));
    ratios.put("get64_vs_reflector", throughputRatio(List.of(KvSystem.REFLECTOR), 64, READS));
    ratios.put("get1024_vs_dint512", throughputRatio(List.of(KvSystem.dint(512)), 1024, READS));
    ratios.put("set50_256_vs_memcached", throughputRatio(KvSystem.MEMCACHED, 256, "0.5"));
    Cell ours = MemorySubject.cell(KvSystem.KERBY, ETC, KvFigures.BLOCK_DEFAULT);
    Cell slots = MemorySubject.cell(KvSystem.dint(1024), ETC, 1024);
    ratios.put("etc_memory_vs_slot1024", measured.ratio(ours, slots, PER_STORED));
    ratios.put(
        "etc_memory_vs_full_slot1024",
        measured.ratio(ours, PER_STORED, slots, SlotMemorySubject.PER_STORED_AT_BEST));
    return ratios;
  }

  /** The longest time of a value size, as a multiple of DINT-KV's with slots of that size. */
  private Spread worstAgainstSlot(ProgramSubject.Op op) {
    return KvSystem.DINT_SLOTS.stream()
        .map(
            size ->
                measured.ratio(
                    ProgramSubject.cell(KvSystem.KERBY, KvFigures.BLOCK_DEFAULT, op, size),
                    ProgramSubject.cell(KvSystem.dint(size), size, op, size),
                    ProgramSubject.NANOS))
        .filter(Spread::isKnown)
        .max(Comparator.comparingDouble(Spread::median))
        .orElse(Spread.NONE);
  }

  /** Kernel memory for a byte of key or value of ETC's sizes, by the server as it is. */
  Spread bytesPerStoredByte() {
    return memory(ETC, KvFigures.BLOCK_DEFAULT);
  }

  private Spread memory(MemorySubject.Sizes sizes, int blockBytes) {
    return measured.spread(MemorySubject.cell(KvSystem.KERBY, sizes, blockBytes), PER_STORED);
  }

  @Override
  public Json headline() {
    Json ratios = new Json();
    ratios().forEach((name, spread) -> ratios.put(name, spread.median(), 3));
    Json json =
        new Json()
            .put("ratios", ratios)
            .put("bytes_per_stored_byte", bytesPerStoredByte().median(), 3)
            .put("pool", "hash");
    Spread get = worstAgainstSlot(ProgramSubject.Op.GET);
    return get.isKnown()
        ? json.put("get_vs_slot_max", get.median(), 3)
            .put("set_vs_slot_max", worstAgainstSlot(ProgramSubject.Op.SET).median(), 3)
        : json;
  }

  @Override
  public List<Claim> claims() {
    Map<String, Spread> ratios = ratios();
    return List.of(
        new Claim(
            "GET 100 %, 64 B: times memcached over UDP, the better of one and two threads",
            ratios.get("get64_vs_memcached"), true, 5),
        new Claim(
            "GET 100 %, 64 B: times DINT-KV, its best slot size",
            ratios.get("get64_vs_dint"), true, 0.5),
        new Claim(
            "GET 100 %, 1024 B: times DINT-KV with slots of 512 B, which spills",
            ratios.get("get1024_vs_dint512"), true, 3),
        new Claim(
            "SET 50 %, 256 B: times memcached over UDP, the better of one and two threads",
            ratios.get("set50_256_vs_memcached"), true, 3),
        new Claim(
            "memory for a stored byte, ETC sizes: times slots of 1024 B",
            ratios.get("etc_memory_vs_slot1024"),
            false,
            0.5));
  }

  @Override
  public List<Figure> figures() {
    return List.of(slotSizes(), loads(), memoryBySizes(), new ProgramReport(measured).figure());
  }

  private Figure loads() {
    List<Chart> charts = new ArrayList<>();
    for (String keys : KvFigures.KEY_DISTRIBUTIONS) {
      for (String readRatio : KvFigures.READ_RATIOS) {
        charts.add(throughputChart(keys, readRatio));
      }
    }
    charts.add(
        byValueSize(
            "both-cpus",
            "Throughput, both CPUs send and serve: GET 100 %, uniform keys",
            "answers per second",
            ANSWERED,
            0,
            (system, size) -> throughput(system, size, READS, UNIFORM).with(CPUS, BOTH)));
    for (String readRatio : List.of("1", "0.5")) {
      for (String percentile : List.of(LoadSubject.P50, LoadSubject.P99, LoadSubject.P999)) {
        charts.add(
            byValueSize(
                "latency-get" + percent(readRatio) + "-" + percentile.replace("_us", ""),
                "Latency, %s, GET %s %%: %,d requests a second from sockets"
                    .formatted(
                        percentile.replace("_us", ""),
                        percent(readRatio),
                        LoadSubject.LATENCY_RATE),
                "microseconds",
                percentile,
                1,
                (system, size) -> latency(system, size, readRatio)));
      }
    }
    return new Figure(
        "Figure 2: throughput and latency by value size",
        ("Closed loop from the kernel over a veth pair; keys of %s bytes. But for the chart that"
                + " says otherwise, CPU %s sends, and what the kernel does for the store happens"
                + " there; processes of the store have CPU %s (memcached with two threads: both)."
                + " So a store that answers in the kernel shares one CPU with the generator and"
                + " leaves the other idle, and memcached has a CPU of its own. Every store's answers"
                + " were verified byte by byte before.")
            .formatted(
                LoadSubject.KEY_SIZE,
                LoadSubject.sending(APART).getFirst(),
                LoadSubject.serving(APART, 1).getFirst()),
        Chart.known(charts));
  }

  private Chart throughputChart(String keys, String readRatio) {
    boolean uniform = keys.equals(UNIFORM);
    return byValueSize(
        "throughput-" + (uniform ? "uniform" : "zipf") + "-get" + percent(readRatio),
        "Throughput: GET %s %%, %s"
            .formatted(percent(readRatio), uniform ? "uniform keys" : "Zipf keys, 0.99"),
        "answers per second",
        ANSWERED,
        0,
        (system, size) -> throughput(system, size, readRatio, keys));
  }

  private static String percent(String ratio) {
    return Long.toString(Math.round(100 * Double.parseDouble(ratio)));
  }

  @FunctionalInterface
  private interface CellOf {
    Cell at(String system, String place);
  }

  private Chart byValueSize(
      String name, String title, String vertical, String figure, int decimals, CellOf cells) {
    return Chart.of(
        name,
        title,
        "value bytes",
        vertical,
        true,
        decimals,
        KvFigures.VALUE_SIZES.stream().map(String::valueOf).toList(),
        systems,
        (system, size) -> measured.spread(cells.at(system, size), figure));
  }

  /** The trade-off of slots: small ones send values to user space, large ones are half empty. */
  private Figure slotSizes() {
    List<String> places = KvSystem.DINT_SLOTS.stream().map(String::valueOf).toList();
    List<String> lines = List.of(SLOTS, BLOCKS);
    MemorySubject.Sizes uniform = MemorySubject.Sizes.UNIFORM;
    Chart answered =
        Chart.of(
            "slots-throughput",
            "Throughput by slot size: GET 100 %, uniform keys, values of 16 to 1024 bytes",
            "bytes of a slot",
            "answers per second",
            true,
            0,
            places,
            lines,
            (line, slot) ->
                measured.spread(
                    throughput(
                        line.equals(SLOTS) ? "dint" + slot : KvSystem.KERBY,
                        KvFigures.MIXED_SIZES,
                        READS,
                        UNIFORM),
                    ANSWERED));
    Chart memory =
        Chart.of(
            "slots-memory",
            "Kernel memory by slot size: values of 16 to 1024 bytes",
            "bytes of a slot",
            "bytes for a byte stored in the kernel",
            false,
            2,
            places,
            lines,
            (line, slot) ->
                line.equals(SLOTS)
                    ? slots(uniform, Integer.parseInt(slot), PER_STORED)
                    : memory(uniform, KvFigures.BLOCK_DEFAULT));
    Chart spilled =
        Chart.of(
            "slots-spilled",
            "What has no room in the kernel, by slot size: values of 16 to 1024 bytes",
            "bytes of a slot",
            "share of the bytes of keys and values",
            false,
            3,
            places,
            List.of(SLOTS),
            (_, slot) -> slots(uniform, Integer.parseInt(slot), MemorySubject.SPILLED));
    return new Figure(
        "Figure 1: slot size against throughput and memory",
        "DINT-KV with slots of each size, and Kerby-KV, which has none (blocks of "
            + KvFigures.BLOCK_DEFAULT
            + " bytes).",
        Chart.known(List.of(answered, memory, spilled)));
  }

  private Spread slots(MemorySubject.Sizes sizes, int slotBytes, String figure) {
    return measured.spread(MemorySubject.cell(KvSystem.dint(slotBytes), sizes, slotBytes), figure);
  }

  private Figure memoryBySizes() {
    List<Integer> units =
        Stream.concat(KvFigures.BLOCK_SIZES.stream(), KvSystem.DINT_SLOTS.stream())
            .distinct()
            .sorted()
            .toList();
    List<Chart> charts = new ArrayList<>();
    for (MemorySubject.Sizes sizes : MemorySubject.Sizes.values()) {
      charts.add(
          Chart.of(
              "memory-" + sizes,
              "Kernel memory for a byte of key or value: " + sizes.words(),
              "bytes of a block or slot",
              "bytes for a byte stored in the kernel",
              false,
              2,
              units.stream().map(String::valueOf).toList(),
              List.of(BLOCKS, SLOTS, FULL_SLOTS),
              (line, unit) -> memory(line, sizes, Integer.parseInt(unit))));
    }
    return new Figure(
        "Figure 3: kernel memory for a stored byte",
        "Kerby-KV: slabs and buckets of the maps of a server that was started with the memory that"
            + " its items need, and filled. Slots: DINT-KV's array with as many slots as there are"
            + " items that fit one, filled; items that are larger, or whose bucket is full, are in"
            + " user space and not counted. Its buckets have four slots: the last line is what"
            + " nothing with slots can be better than.",
        Chart.known(charts));
  }

  private Spread memory(String line, MemorySubject.Sizes sizes, int unit) {
    return switch (line) {
      case BLOCKS -> memory(sizes, unit);
      case SLOTS -> slots(sizes, unit, PER_STORED);
      default -> slots(sizes, unit, SlotMemorySubject.PER_STORED_AT_BEST);
    };
  }
}
