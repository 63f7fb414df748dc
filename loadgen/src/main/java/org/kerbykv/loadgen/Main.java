package org.kerbykv.loadgen;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.engine.LoadResult;
import org.kerbykv.loadgen.engine.LoadSpec;
import org.kerbykv.loadgen.engine.Protocol;
import org.kerbykv.loadgen.report.Json;
import org.kerbykv.loadgen.report.LoadReport;
import org.kerbykv.loadgen.report.ServerMetrics;
import org.kerbykv.loadgen.socket.SocketEngine;
import org.kerbykv.loadgen.workload.KeyDistribution;
import org.kerbykv.loadgen.workload.SizeDistribution;
import org.kerbykv.loadgen.workload.SyntheticWorkload;
import org.kerbykv.loadgen.workload.Workload;
import picocli.CommandLine.Command;
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

  @Option(
      names = "--server",
      paramLabel = "HOST:PORT",
      defaultValue = "127.0.0.1:11211",
      description = "The server. Default ${DEFAULT-VALUE}.")
  private String server;

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
    LoadReport progress = new LoadReport(System.err);
    URI page = metrics == null ? null : URI.create("http://" + metrics + "/metrics");
    ServerMetrics before = read(page);
    LoadResult result = new SocketEngine().run(spec, progress);
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
        address(),
        protocol,
        threads,
        outstanding,
        workload(),
        !noPopulate,
        seconds(warmupSeconds),
        seconds(durationSeconds),
        readRatio,
        seed,
        verify,
        Duration.ofMillis(timeoutMillis),
        maxDatagram);
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

  private InetSocketAddress address() {
    int colon = server.lastIndexOf(':');
    check(colon > 0, "--server must be HOST:PORT, not " + server);
    try {
      String host = server.substring(0, colon).replaceAll("[\\[\\]]", "");
      InetSocketAddress address =
          new InetSocketAddress(host, Integer.parseInt(server.substring(colon + 1)));
      check(!address.isUnresolved(), "unknown host " + host);
      return address;
    } catch (IllegalArgumentException e) {
      throw new ParameterException(
          command.commandLine(), "--server must be HOST:PORT, not " + server, e);
    }
  }

  private void check(boolean condition, String complaint) {
    if (!condition) {
      throw new ParameterException(command.commandLine(), complaint);
    }
  }
}
