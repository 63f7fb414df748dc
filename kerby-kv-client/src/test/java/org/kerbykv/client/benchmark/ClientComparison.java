package org.kerbykv.client.benchmark;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
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
 * one server: calls a second, their 99th percentile, and the bytes allocated and the processor time
 * spent for each.
 *
 * <p>The clients take turns: each round measures every client once, in a JVM of its own, so that
 * whatever else the machine does meets all of them. The report gives each figure's median over the
 * rounds, and the ratios of this client's over TCP to the better one of the two others.
 */
public final class ClientComparison {
  private static final String ALLOCATED = "gc.alloc.rate.norm";
  private static final double MICROS_PER_SECOND = 1e6;

  /** What is reported of each client for each operation. */
  private enum Figure {
    CALLS_PER_S(true),
    P99_US(false),
    BYTES_PER_CALL(false),
    CPU_US_PER_CALL(false);

    final boolean moreIsBetter;

    Figure(boolean moreIsBetter) {
      this.moreIsBetter = moreIsBetter;
    }

    String key() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** The figures of one client for one operation: for each an entry for each round. */
  private static final class Figures {
    private final Map<Figure, List<Double>> byRound = new EnumMap<>(Figure.class);

    void add(Figure figure, double value) {
      byRound.computeIfAbsent(figure, none -> new ArrayList<>()).add(value);
    }

    double median(Figure figure) {
      double[] sorted = byRound.get(figure).stream().mapToDouble(x -> x).sorted().toArray();
      int middle = sorted.length / 2;
      return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
  }

  private final Arguments arguments;
  private final Map<String, Map<Contender.Kind, Figures>> figures = new TreeMap<>();

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
          new TreeMap<>(
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
        .addProfiler(CpuProfiler.class)
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
    System.err.printf(
        "  %s, %s: %.6g %s%n",
        primary.getLabel(),
        result.getParams().getMode(),
        primary.getScore(),
        primary.getScoreUnit());
    if (result.getParams().getMode() == Mode.Throughput) {
      of.add(Figure.CALLS_PER_S, primary.getScore());
      of.add(Figure.BYTES_PER_CALL, secondary(result, ALLOCATED));
      of.add(Figure.CPU_US_PER_CALL, secondary(result, CpuProfiler.LABEL));
    } else {
      of.add(Figure.P99_US, primary.getStatistics().getPercentile(99) * MICROS_PER_SECOND);
    }
  }

  private static double secondary(RunResult result, String label) {
    return result.getSecondaryResults().get(label).getScore();
  }

  /** A table for people on standard error, one JSON object on standard output. */
  private void report() {
    StringJoiner json = new StringJoiner(",", "{", "}");
    StringBuilder table = new StringBuilder("%n%-5s%-15s".formatted("op", "client"));
    for (Figure figure : Figure.values()) {
      table.append("%17s".formatted(figure.key()));
    }
    figures.forEach(
        (op, kinds) -> {
          kinds.forEach((kind, of) -> line(table, json, op, name(kind), of::median, "%17.1f"));
          line(table, json, op, "ratios", figure -> ratio(kinds, figure), "%17.3f");
        });
    System.err.println(table);
    System.out.println(json);
  }

  private static void line(
      StringBuilder table,
      StringJoiner json,
      String op,
      String name,
      ToDoubleFunction<Figure> value,
      String format) {
    table.append("%n%-5s%-15s".formatted(op, name));
    StringJoiner values = new StringJoiner(",", "{", "}");
    for (Figure figure : Figure.values()) {
      table.append(format.formatted(value.applyAsDouble(figure)));
      values.add(
          String.format(Locale.ROOT, "\"%s\":%.3f", figure.key(), value.applyAsDouble(figure)));
    }
    json.add("\"%s_%s\":%s".formatted(op, name, values));
  }

  /** This client over TCP to the better of the two others. */
  private static double ratio(Map<Contender.Kind, Figures> kinds, Figure figure) {
    double one = kinds.get(Contender.Kind.XMEMCACHED).median(figure);
    double other = kinds.get(Contender.Kind.SPYMEMCACHED).median(figure);
    double better = figure.moreIsBetter ? Math.max(one, other) : Math.min(one, other);
    return kinds.get(Contender.Kind.KERBY_TCP).median(figure) / better;
  }

  private static String name(Contender.Kind kind) {
    return kind.name().toLowerCase(Locale.ROOT);
  }
}
