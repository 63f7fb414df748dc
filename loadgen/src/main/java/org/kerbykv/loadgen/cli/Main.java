package org.kerbykv.loadgen.cli;

import static org.kerbykv.loadgen.cli.WorkloadOptions.require;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.kerbykv.loadgen.engine.Arrivals;
import org.kerbykv.loadgen.engine.Engine;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.engine.LoadResult;
import org.kerbykv.loadgen.engine.LoadSpec;
import org.kerbykv.loadgen.engine.Progress;
import org.kerbykv.loadgen.engine.Protocol;
import org.kerbykv.loadgen.engine.RateSearch;
import org.kerbykv.loadgen.report.HistogramLog;
import org.kerbykv.loadgen.report.Json;
import org.kerbykv.loadgen.report.LoadMetrics;
import org.kerbykv.loadgen.report.LoadReport;
import org.kerbykv.loadgen.report.Plots;
import org.kerbykv.loadgen.report.ProgressList;
import org.kerbykv.loadgen.report.ServerMetrics;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code ./kerby loadgen}: puts load on a memcached-like server and reports what came of it. */
@Command(
    name = "kerby loadgen",
    description = {
      "Puts load on a memcached-like server: throughput, latency, losses. On a lock manager:",
      "kerby loadgen lock."
    },
    subcommands = LockCommand.class,
    usageHelpAutoWidth = true,
    abbreviateSynopsis = true,
    sortOptions = false)
public final class Main implements Callable<Integer> {
  /** Something was corrupt, or nothing was answered: the figures are not to be trusted. */
  private static final int EXIT_UNSOUND = 1;

  @Spec private CommandSpec command;

  @Mixin private KvPlaceOptions place;

  @Option(
      names = "--protocol",
      paramLabel = "udp|tcp",
      defaultValue = "udp",
      description = "What requests travel by. Default ${DEFAULT-VALUE}.")
  private Protocol protocol;

  @Mixin private PaceOptions pace;

  @Mixin private WorkloadOptions workload;

  @Option(
      names = "--no-populate",
      description = "Do not store every item first: they are there already, or are to be missed.")
  private boolean noPopulate;

  @Option(names = "--verify", description = "Compare every value read with what was stored.")
  private boolean verify;

  @Option(
      names = "--timeout",
      paramLabel = "MS",
      defaultValue = "250",
      description =
          "So long after it was sent, a request counts as lost. Default ${DEFAULT-VALUE}.")
  private int timeoutMillis;

  @Option(
      names = "--max-datagram",
      paramLabel = "BYTES",
      defaultValue = "1400",
      description = "Longest UDP payload to send. Default ${DEFAULT-VALUE}.")
  private int maxDatagram;

  @Option(
      names = "--metrics",
      paramLabel = "HOST:PORT",
      description = {
        "The server's metrics, for the share of gets that the kernel answered. Known with",
        "--topology."
      })
  private String metrics;

  @Option(
      names = "--metrics-port",
      paramLabel = "PORT",
      description = {
        "Serve the load's own figures at http://HOST:PORT/metrics, for Prometheus; not with",
        "--search or --scan."
      })
  private Integer metricsPort;

  @Option(
      names = "--hdr-log",
      paramLabel = "FILE",
      description = "Write the latencies of each second as an HdrHistogram log.")
  private Path hdrLog;

  @Option(
      names = "--plots",
      paramLabel = "DIR",
      description = {
        "Draw latency by percentile and throughput over time there, as PNG and SVG; with --scan",
        "latency by throughput."
      })
  private Path plots;

  @Option(names = "--json", description = "End with one JSON object on standard output.")
  private boolean json;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "This text.")
  @SuppressWarnings("unused") // picocli looks at the option alone
  private boolean help;

  /** Runs the command line and ends the JVM with its exit code. */
  public static void main(String[] arguments) {
    System.exit(Console.run(new Main(), arguments));
  }

  @Override
  public Integer call() throws LoadException, InterruptedException {
    LoadSpec spec;
    Optional<RateSearch.Target> target;
    List<Arrivals> scan;
    try {
      spec = spec();
      target = pace.search();
      scan = pace.scan();
    } catch (IllegalArgumentException e) {
      throw new ParameterException(command.commandLine(), e.getMessage(), e);
    }
    PlaceOptions.Entered entered = place.enter(System.err);
    try (entered) {
      if (target.isPresent()) {
        return search(spec, target.get());
      }
      return scan.isEmpty() ? runOnce(spec) : scan(spec, scan);
    }
  }

  private LoadSpec spec() {
    require(timeoutMillis >= 1, "--timeout must be 1 or more");
    require(maxDatagram >= 512 && maxDatagram <= 65_507, "--max-datagram must be 512 to 65507");
    return new LoadSpec(
        place.address(),
        protocol,
        pace.threads(),
        pace.arrivals(place.isXdp()),
        workload.workload(),
        !noPopulate && !place.isEcho(),
        pace.warmup(),
        pace.duration(),
        pace.requestsMax(),
        workload.readRatio(),
        workload.seed(),
        verify,
        place.isEcho(),
        Duration.ofMillis(timeoutMillis),
        maxDatagram);
  }

  private int runOnce(LoadSpec spec) throws LoadException, InterruptedException {
    List<Progress> listeners = new ArrayList<>(List.of(new LoadReport(System.err)));
    Plots drawn = new Plots();
    if (plots != null) {
      listeners.add(drawn);
    }
    URI page = metricsPage();
    ServerMetrics before = read(page);
    LoadResult result;
    HistogramLog log = hdrLog == null ? null : new HistogramLog(hdrLog);
    LoadMetrics served = metricsPort == null ? null : new LoadMetrics(metricsPort);
    try (log;
        served) {
      if (log != null) {
        listeners.add(log);
      }
      if (served != null) {
        listeners.add(served);
      }
      result = place.engine().run(spec, new ProgressList(listeners));
    }
    double kernelShare = page == null ? Double.NaN : read(page).kernelGetShareSince(before);
    if (plots != null) {
      drawn.write(plots, result);
    }
    print(
        json
            ? LoadReport.json(new Json(), result, kernelShare) + "\n"
            : LoadReport.table(result, kernelShare).toString());
    return exitCode(List.of(result));
  }

  private int search(LoadSpec spec, RateSearch.Target target)
      throws LoadException, InterruptedException {
    Engine engine = place.engine();
    LoadReport report = new LoadReport(System.err);
    List<LoadResult> tried = new ArrayList<>();
    LoadResult best =
        RateSearch.highest(
            target,
            pace.closed(place.isXdp()),
            pace.gaps(),
            arrivals -> engine.run(tried.isEmpty() ? spec : spec.again(arrivals), Progress.NONE),
            result -> {
              tried.add(result);
              report.rate(result);
            });
    print(
        json
            ? LoadReport.json(new Json(), best, Double.NaN).put("tried", rates(tried)) + "\n"
            : LoadReport.table(best, Double.NaN).toString());
    return exitCode(tried);
  }

  private int scan(LoadSpec spec, List<Arrivals> rates) throws LoadException, InterruptedException {
    Engine engine = place.engine();
    LoadReport report = new LoadReport(System.err);
    List<LoadResult> results = new ArrayList<>();
    for (Arrivals rate : rates) {
      LoadSpec one = results.isEmpty() ? spec.with(rate) : spec.again(rate);
      results.add(engine.run(one, Progress.NONE));
      report.rate(results.getLast());
    }
    if (plots != null) {
      Plots.writeScan(plots, results);
    }
    print(
        json
            ? new Json().put("engine", results.getFirst().engine()).put("scan", rates(results))
                + "\n"
            : LoadReport.scanTable(results));
    return exitCode(results);
  }

  private static List<Json> rates(List<LoadResult> results) {
    return results.stream().map(one -> LoadReport.json(new Json(), one, Double.NaN)).toList();
  }

  private static void print(String text) {
    System.out.print(text);
    System.out.flush();
  }

  private static int exitCode(List<LoadResult> results) {
    boolean sound =
        results.stream()
            .allMatch(one -> one.counts().answered() > 0 && one.counts().corrupt() == 0);
    return sound ? 0 : EXIT_UNSOUND;
  }

  private URI metricsPage() {
    String address = metrics == null ? place.metricsAddress() : metrics;
    return address == null
        ? null
        : URI.create(String.format(Locale.ROOT, "http://%s/metrics", address));
  }

  private static ServerMetrics read(URI page) throws LoadException {
    if (page == null) {
      return null;
    }
    try {
      return ServerMetrics.read(page);
    } catch (IOException e) {
      throw new LoadException("no metrics at " + page + ": " + e.getMessage(), e);
    }
  }
}
