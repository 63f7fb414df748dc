package org.kerbykv.client.benchmark;

import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;
import org.kerbykv.client.Memcached;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * Compares this client with xmemcached and spymemcached over TCP, and with itself over UDP, against
 * one server: calls a second, their 99th percentile and the bytes allocated for each.
 *
 * <p>The clients take turns: each round measures every client once, in a JVM of its own, so that
 * whatever else the machine does meets all of them. The report gives each figure's median over the
 * rounds, and the ratios of this client's over TCP to the better one of the two others.
 */
public final class ClientComparison {
  private static final String ALLOCATED = "gc.alloc.rate.norm";
  private static final double MICROS_PER_SECOND = 1e6;

  /** The figures of one client for one operation: an entry for each round. */
  private record Figures(
      List<Double> callsPerSecond, List<Double> p99Micros, List<Double> bytesPerCall) {
    Figures() {
      this(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    }
  }

  private final Arguments arguments;
  private final Map<String, Map<Contender.Kind, Figures>> figures = new java.util.TreeMap<>();

  private ClientComparison(Arguments arguments) {
    this.arguments = arguments;
  }

  /**
   * The command line.
   *
   * @param rounds how often each client is measured
   * @param seconds how long, after as long a warm-up
   * @param threads that call at a time
   * @param valueBytes of each value
   * @param port of a server at 127.0.0.1, or 0 to start Debian's memcached with one thread
   */
  private record Arguments(int rounds, int seconds, int threads, int valueBytes, int port) {
    private static final String USAGE =
        "options: --rounds N (3) --seconds N (3) --threads N (16) --value-bytes N (100)"
            + " --port N (0: start memcached)";

    static Arguments parse(String[] words) {
      Map<String, Integer> values =
          new java.util.TreeMap<>(
              Map.of(
                  "--rounds",
                  3,
                  "--seconds",
                  3,
                  "--threads",
                  16,
                  "--value-bytes",
                  100,
                  "--port",
                  0));
      for (int i = 0; i < words.length; i += 2) {
        if (!values.containsKey(words[i]) || i + 1 == words.length) {
          throw new IllegalArgumentException(USAGE);
        }
        values.put(words[i], Integer.valueOf(words[i + 1]));
      }
      return new Arguments(
          values.get("--rounds"),
          values.get("--seconds"),
          values.get("--threads"),
          values.get("--value-bytes"),
          values.get("--port"));
    }
  }

  public static void main(String[] words) throws Exception {
    Arguments arguments;
    try {
      arguments = Arguments.parse(words);
    } catch (IllegalArgumentException e) {
      System.err.println(e.getMessage());
      System.exit(2);
      return;
    }
    ClientComparison comparison = new ClientComparison(arguments);
    if (arguments.port != 0) {
      comparison.run(arguments.port);
    } else {
      try (Memcached server = Memcached.start("-t", "1")) {
        comparison.run(server.address().getPort());
      }
    }
    comparison.report();
  }

  private void run(int port) throws RunnerException {
    for (int round = 1; round <= arguments.rounds; round++) {
      for (Contender.Kind kind : Contender.Kind.values()) {
        System.err.printf("round %d of %d: %s%n", round, arguments.rounds, name(kind));
        for (RunResult result : new Runner(options(kind, port)).run()) {
          note(kind, result);
        }
      }
    }
  }

  private Options options(Contender.Kind kind, int port) {
    return new OptionsBuilder()
        .include(ClientBenchmark.class.getName())
        .param("contender", kind.name())
        .param("port", Integer.toString(port))
        .param("valueBytes", Integer.toString(arguments.valueBytes))
        .mode(Mode.Throughput)
        .mode(Mode.SampleTime)
        .threads(arguments.threads)
        .forks(1)
        .warmupIterations(1)
        .warmupTime(TimeValue.seconds(arguments.seconds))
        .measurementIterations(1)
        .measurementTime(TimeValue.seconds(arguments.seconds))
        .addProfiler(GCProfiler.class)
        .jvmArgsAppend(
            "-Xmx512m",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow")
        .verbosity(VerboseMode.SILENT)
        .shouldFailOnError(true)
        .build();
  }

  private void note(Contender.Kind kind, RunResult result) {
    Figures of =
        figures
            .computeIfAbsent(
                result.getPrimaryResult().getLabel(), none -> new EnumMap<>(Contender.Kind.class))
            .computeIfAbsent(kind, none -> new Figures());
    Result<?> primary = result.getPrimaryResult();
    if (result.getParams().getMode() == Mode.Throughput) {
      of.callsPerSecond.add(primary.getScore());
      of.bytesPerCall.add(result.getSecondaryResults().get(ALLOCATED).getScore());
    } else {
      of.p99Micros.add(primary.getStatistics().getPercentile(99) * MICROS_PER_SECOND);
    }
  }

  private void report() {
    StringJoiner json = new StringJoiner(",", "{", "}");
    System.err.printf(
        "%n%-5s %-13s %12s %10s %12s%n", "op", "client", "calls/s", "p99 us", "bytes/call");
    figures.forEach(
        (op, kinds) -> {
          kinds.forEach((kind, of) -> reportLine(op, kind, of, json));
          reportRatios(op, kinds, json);
        });
    System.out.println(json);
  }

  private static void reportLine(String op, Contender.Kind kind, Figures of, StringJoiner json) {
    double calls = median(of.callsPerSecond);
    double p99 = median(of.p99Micros);
    double bytes = median(of.bytesPerCall);
    System.err.printf("%-5s %-13s %12.0f %10.0f %12.0f%n", op, name(kind), calls, p99, bytes);
    json.add(
        String.format(
            Locale.ROOT,
            "\"%s_%s\":{\"calls_per_s\":%.0f,\"p99_us\":%.1f,\"bytes_per_call\":%.0f}",
            op,
            name(kind),
            calls,
            p99,
            bytes));
  }

  /** This client against the better of the two others: more is better in the first only. */
  private static void reportRatios(
      String op, Map<Contender.Kind, Figures> kinds, StringJoiner json) {
    Figures ours = kinds.get(Contender.Kind.KERBY_TCP);
    List<Figures> others =
        List.of(kinds.get(Contender.Kind.XMEMCACHED), kinds.get(Contender.Kind.SPYMEMCACHED));
    double calls =
        median(ours.callsPerSecond)
            / others.stream().mapToDouble(f -> median(f.callsPerSecond)).max().orElseThrow();
    double p99 =
        median(ours.p99Micros)
            / others.stream().mapToDouble(f -> median(f.p99Micros)).min().orElseThrow();
    double bytes =
        median(ours.bytesPerCall)
            / others.stream().mapToDouble(f -> median(f.bytesPerCall)).min().orElseThrow();
    System.err.printf(
        "%-5s %-13s %12.2f %10.2f %12.2f%n%n", op, "to best other", calls, p99, bytes);
    json.add(
        String.format(
            Locale.ROOT,
            "\"%s_ratios\":{\"calls_per_s\":%.3f,\"p99_us\":%.3f,\"bytes_per_call\":%.3f}",
            op,
            calls,
            p99,
            bytes));
  }

  private static double median(Collection<Double> values) {
    double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  private static String name(Contender.Kind kind) {
    return kind.name().toLowerCase(Locale.ROOT);
  }
}
