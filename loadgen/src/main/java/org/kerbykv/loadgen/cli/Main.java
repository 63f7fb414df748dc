package org.kerbykv.loadgen.cli;

import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.kerbykv.loadgen.engine.Arrivals;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.engine.LoadResult;
import org.kerbykv.loadgen.engine.LoadSpec;
import org.kerbykv.loadgen.engine.Protocol;
import org.kerbykv.loadgen.report.Json;
import org.kerbykv.loadgen.report.LoadReport;
import org.kerbykv.loadgen.report.ServerMetrics;
import org.kerbykv.loadgen.workload.KeyDistribution;
import org.kerbykv.loadgen.workload.SizeDistribution;
import org.kerbykv.loadgen.workload.SyntheticWorkload;
import org.kerbykv.loadgen.workload.Workload;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code ./kerby loadgen}: puts load on a memcached-like server and reports what came of it. */
@Command(
    name = "kerby loadgen",
    description = "Puts load on a memcached-like server: throughput, latency, losses.",
    usageHelpAutoWidth = true,
    abbreviateSynopsis = true,
    sortOptions = false)
public final class Main implements Callable<Integer> {
  /** Something was lost for good, corrupt or refused: the figures are not to be trusted. */
  private static final int EXIT_UNSOUND = 1;

  private static final double USUAL_EXPONENT = 0.99;

  @Spec private CommandSpec command;

  @Mixin private PlaceOptions place;

  @Option(
      names = "--protocol",
      paramLabel = "udp|tcp",
      defaultValue = "udp",
      description = "What requests travel by. Default ${DEFAULT-VALUE}.")
  private Protocol protocol;

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "1",
      description = "Threads, each with a socket of its own. Default ${DEFAULT-VALUE}.")
  private int threads;

  @Option(
      names = "--outstanding",
      paramLabel = "N",
      defaultValue = "32",
      description = "Requests that each thread has under way. Default ${DEFAULT-VALUE}.")
  private int outstanding;

  @Option(names = "--rate", paramLabel = "N", defaultValue = "0", description = "rate")
  private double rate;

  @Option(
      names = "--arrivals",
      paramLabel = "fixed|poisson|fb_ia",
      defaultValue = "fixed",
      description = "gaps")
  private Arrivals.Gaps gaps;

  @Option(
      names = "--duration",
      paramLabel = "SECONDS",
      defaultValue = "10",
      description = "Time that is counted. Default ${DEFAULT-VALUE}.")
  private double durationSeconds;

  @Option(
      names = "--warmup",
      paramLabel = "SECONDS",
      defaultValue = "1",
      description = "Time under load before that. Default ${DEFAULT-VALUE}.")
  private double warmupSeconds;

  @Option(
      names = "--keys",
      paramLabel = "N",
      defaultValue = "100000",
      description = "How many items there are. Default ${DEFAULT-VALUE}.")
  private int keys;

  @Option(
      names = "--key-size",
      paramLabel = "BYTES",
      defaultValue = "16",
      description = "Length of each key. Default ${DEFAULT-VALUE}.")
  private int keySize;

  @Option(
      names = "--key-distribution",
      paramLabel = "uniform|zipf[:EXPONENT]",
      defaultValue = "uniform",
      description =
          "Which keys are asked for how often; zipf means zipf:0.99. Default ${DEFAULT-VALUE}.")
  private String keyDistribution;

  @Option(
      names = "--value-size",
      paramLabel = "BYTES|MIN-MAX",
      defaultValue = "64",
      description = "Length of the values, or a range. Default ${DEFAULT-VALUE}.")
  private String valueSize;

  @Option(
      names = "--read-ratio",
      paramLabel = "SHARE",
      defaultValue = "0.95",
      description = "Share of gets, 0 to 1; the others are sets. Default ${DEFAULT-VALUE}.")
  private double readRatio;

  @Option(
      names = "--no-populate",
      description = "Do not store every item first: they are there already, or are to be missed.")
  private boolean noPopulate;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "The same seed gives the same stream of requests. Default ${DEFAULT-VALUE}.")
  private long seed;

  @Option(names = "--verify", description = "Compare every value read with what was stored.")
  private boolean verify;

  @Option(
      names = "--timeout",
      paramLabel = "MS",
      defaultValue = "250",
      description = "After that a request counts as lost. Default ${DEFAULT-VALUE}.")
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
      description = "The server's metrics, for the share of gets that the kernel answered.")
  private String metrics;

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
    LoadSpec spec = spec();
    AutoCloseable entered = place.enter(System.err);
    try (entered) {
      return run(spec);
    } catch (LoadException | InterruptedException | RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new LoadException(e.getMessage(), e);
    }
  }

  private int run(LoadSpec spec) throws LoadException, InterruptedException {
    LoadReport progress = new LoadReport(System.err);
    String metricsAddress = metrics == null ? place.metricsAddress() : metrics;
    URI page = metricsAddress == null ? null : URI.create("http://" + metricsAddress + "/metrics");
    ServerMetrics before = read(page);
    LoadResult result = place.engine().run(spec, progress);
    double kernelShare = page == null ? Double.NaN : read(page).kernelGetShareSince(before);
    System.out.print(
        json
            ? LoadReport.json(new Json(), result, kernelShare) + "\n"
            : LoadReport.table(result, kernelShare).toString());
    System.out.flush();
    boolean sound = result.counts().answered() > 0 && result.counts().corrupt() == 0;
    return sound ? 0 : EXIT_UNSOUND;
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

  private LoadSpec spec() {
    check(threads >= 1 && threads <= 256, "--threads must be 1 to 256");
    check(outstanding >= 1 && outstanding <= 32_768, "--outstanding must be 1 to 32768");
    check(durationSeconds > 0, "--duration must be above 0");
    check(warmupSeconds >= 0, "--warmup must not be negative");
    check(keys >= 1, "--keys must be 1 or more");
    check(readRatio >= 0 && readRatio <= 1, "--read-ratio must be 0 to 1");
    check(timeoutMillis >= 1, "--timeout must be 1 or more");
    check(maxDatagram >= 512 && maxDatagram <= 65_507, "--max-datagram must be 512 to 65507");
    return new LoadSpec(
        place.address(),
        protocol,
        threads,
        arrivals(),
        workload(),
        !noPopulate && !place.isEcho(),
        seconds(warmupSeconds),
        seconds(durationSeconds),
        LoadSpec.UNLIMITED,
        readRatio,
        seed,
        verify,
        place.isEcho(),
        Duration.ofMillis(timeoutMillis),
        maxDatagram);
  }

  private Arrivals arrivals() {
    return rate == 0 ? new Arrivals.Closed(outstanding) : new Arrivals.Open(rate, gaps);
  }

  private static Duration seconds(double seconds) {
    return Duration.ofNanos((long) (seconds * 1e9));
  }

  private Workload workload() {
    try {
      return new SyntheticWorkload(
          keys, keySize, distribution(), SizeDistribution.parse(valueSize));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(command.commandLine(), e.getMessage(), e);
    }
  }

  private KeyDistribution distribution() {
    if (keyDistribution.equals("uniform")) {
      return KeyDistribution.uniform(keys);
    }
    if (keyDistribution.equals("zipf")) {
      return KeyDistribution.zipf(keys, USUAL_EXPONENT);
    }
    if (keyDistribution.startsWith("zipf:")) {
      double exponent = Double.parseDouble(keyDistribution.substring("zipf:".length()));
      check(exponent > 0 && exponent < 100, "the exponent of zipf must be above 0 and below 100");
      return KeyDistribution.zipf(keys, exponent);
    }
    throw new IllegalArgumentException("--key-distribution is uniform, zipf or zipf:EXPONENT");
  }

  private void check(boolean condition, String complaint) {
    if (!condition) {
      throw new ParameterException(command.commandLine(), complaint);
    }
  }
}
