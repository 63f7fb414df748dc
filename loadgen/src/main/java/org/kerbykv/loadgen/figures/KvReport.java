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
import java.util.TreeMap;
import org.kerbykv.loadgen.report.Json;

/** What is shown of key-value stores that have been measured. */
final class KvReport {
  private static final String READS = "1";

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
    ratios.put("etc_memory_vs_slot1024", Spread.NONE);
    return ratios;
  }

  /** Kernel memory for a byte of key or value of ETC's sizes, by the server as it is. */
  Spread bytesPerStoredByte() {
    return memory(MemorySubject.Sizes.ETC, KvFigures.BLOCK_DEFAULT);
  }

  private Spread memory(MemorySubject.Sizes sizes, int blockBytes) {
    return measured.spread(MemorySubject.cell(KvSystem.KERBY, sizes, blockBytes), PER_STORED);
  }

  Json headline() {
    Json ratios = new Json();
    ratios().forEach((name, spread) -> ratios.put(name, spread.median(), 3));
    return new Json()
        .put("ratios", ratios)
        .put("bytes_per_stored_byte", bytesPerStoredByte().median(), 3)
        .put("pool", "hash");
  }

  /** What the project promises. */
  List<Claim> claims() {
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

  /** The parts of the page. */
  List<Figure> figures() {
    return List.of(loads(), memoryBySizes());
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
        known(charts));
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

  private Figure memoryBySizes() {
    Map<String, MemorySubject.Sizes> byName = new TreeMap<>();
    for (MemorySubject.Sizes sizes : MemorySubject.Sizes.values()) {
      byName.put(sizes.toString(), sizes);
    }
    Chart chart =
        Chart.of(
            "memory",
            "Kernel memory for a byte of key or value",
            "bytes of a block",
            "bytes",
            false,
            2,
            KvFigures.BLOCK_SIZES.stream().map(String::valueOf).toList(),
            List.copyOf(byName.keySet()),
            (sizes, block) -> memory(byName.get(sizes), Integer.parseInt(block)));
    return new Figure(
        "Figure 3: kernel memory for a stored byte",
        "Slabs and buckets of the maps of a server that was given the memory its items need.",
        known(List.of(chart)));
  }

  private static List<Chart> known(List<Chart> charts) {
    return charts.stream().filter(chart -> !chart.lines().isEmpty()).toList();
  }
}
