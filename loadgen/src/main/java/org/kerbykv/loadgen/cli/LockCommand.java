package org.kerbykv.loadgen.cli;

import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.lock.BackOff;
import org.kerbykv.loadgen.lock.LockEngine;
import org.kerbykv.loadgen.lock.LockLoadResult;
import org.kerbykv.loadgen.lock.LockLoadSpec;
import org.kerbykv.loadgen.report.Json;
import org.kerbykv.loadgen.report.LockReport;
import org.kerbykv.loadgen.socket.LockSocketEngine;
import org.kerbykv.loadgen.topology.LockTarget;
import org.kerbykv.loadgen.topology.VethTopology;
import org.kerbykv.loadgen.workload.KeyDistribution;
import org.kerbykv.loadgen.xdp.LockXdpEngine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code ./kerby loadgen lock}: puts load on a lock manager and reports what came of it. */
@Command(
    name = "lock",
    description = {
      "Puts load on a lock manager: virtual clients acquire, hold and release locks, in a closed",
      "loop."
    },
    usageHelpAutoWidth = true,
    abbreviateSynopsis = true,
    sortOptions = false)
final class LockCommand implements Callable<Integer> {
  /** A lock was granted twice, or nothing was: the figures are not to be trusted. */
  private static final int EXIT_UNSOUND = 1;

  private static final double MICROS_PER_SECOND = 1e6;

  /** Where a lock manager is, or which one is started. */
  static final class Place extends PlaceOptions {
    @Option(
        names = "--server",
        paramLabel = "HOST:PORT",
        defaultValue = "127.0.0.1:11311",
        description = "The lock manager. Default ${DEFAULT-VALUE}.")
    private String server;

    @Option(
        names = "--target",
        paramLabel = "kerby|dint|queue",
        defaultValue = "kerby",
        description = {
          "With --topology: the lock manager to start: this project's; DINT-Lock, which rejects;",
          "or one on queue maps. Default ${DEFAULT-VALUE}."
        })
    private LockTarget target;

    InetSocketAddress address() {
      return hasTopology() ? VethTopology.lockAddress() : address(server);
    }

    @Override
    boolean servesInKernel() {
      return true;
    }

    @Override
    String target() {
      return target.toString();
    }

    @Override
    void startServer(VethTopology veth, List<Integer> cpus, List<String> options, PrintStream log)
        throws LoadException, InterruptedException {
      veth.startServer(target, cpus, options, log);
    }
  }

  @Spec private CommandSpec command;

  @Mixin private Place place;

  @Option(
      names = "--locks",
      paramLabel = "N",
      defaultValue = "100",
      description = "How many locks there are, 1 to 1048576. Default ${DEFAULT-VALUE}.")
  private int locks;

  @Option(
      names = "--lock-distribution",
      paramLabel = "uniform|zipf[:EXPONENT]",
      defaultValue = "uniform",
      description =
          "Which are asked for how often: as --key-distribution. Default ${DEFAULT-VALUE}.")
  private String distribution;

  @Option(
      names = "--shared-ratio",
      paramLabel = "SHARE",
      defaultValue = "0",
      description =
          "Share of shared acquisitions, 0 to 1; the others are exclusive. Default"
              + " ${DEFAULT-VALUE}.")
  private double sharedRatio;

  @Option(
      names = "--locks-per-transaction",
      paramLabel = "N",
      defaultValue = "1",
      description = "Locks taken in ascending order and held together. Default ${DEFAULT-VALUE}.")
  private int locksPerTransaction;

  @Option(
      names = "--hold",
      paramLabel = "US",
      defaultValue = "0",
      description = "How long a transaction holds its locks. Default ${DEFAULT-VALUE}.")
  private double holdMicros;

  @Option(
      names = "--clients",
      paramLabel = "N",
      defaultValue = "8",
      description = "Clients. Default ${DEFAULT-VALUE}.")
  private int clients;

  @Option(
      names = "--outstanding",
      paramLabel = "N",
      defaultValue = "32",
      description = {
        "Transactions of each client under way at a time: clients times outstanding virtual",
        "clients. Default ${DEFAULT-VALUE}."
      })
  private int outstanding;

  @Option(
      names = "--wait",
      paramLabel = "MS",
      defaultValue = "10000",
      description = "How long a request may wait in a queue. Default ${DEFAULT-VALUE}.")
  private int waitMillis;

  @Option(
      names = "--lease",
      paramLabel = "MS",
      defaultValue = "30000",
      description = "Of each acquisition. Default ${DEFAULT-VALUE}.")
  private int leaseMillis;

  @Option(
      names = "--timeout",
      paramLabel = "MS",
      defaultValue = "250",
      description =
          "A request that hears nothing for so long is sent again. Default ${DEFAULT-VALUE}.")
  private int timeoutMillis;

  @Option(
      names = "--back-off",
      paramLabel = "US",
      description = {
        "The shortest pause after a rejection; doubled with each in a row, and by chance up to twice",
        "as long."
      })
  private Double backOffMicros;

  @Option(
      names = "--back-off-doublings",
      paramLabel = "N",
      description = "How often the pause is doubled at most, 0 to 11.")
  private Integer backOffDoublings;

  @Option(
      names = "--warmup",
      paramLabel = "SECONDS",
      defaultValue = "1",
      description = "Time under load before anything is counted. Default ${DEFAULT-VALUE}.")
  private double warmupSeconds;

  @Option(
      names = "--duration",
      paramLabel = "SECONDS",
      defaultValue = "5",
      description = "Time that is counted. Default ${DEFAULT-VALUE}.")
  private double durationSeconds;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "The same seed draws the same transactions. Default ${DEFAULT-VALUE}.")
  private long seed;

  @Option(names = "--json", description = "End with one JSON object on standard output.")
  private boolean json;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "This text.")
  @SuppressWarnings("unused") // picocli looks at the option alone
  private boolean help;

  @Override
  public Integer call() throws LoadException, InterruptedException {
    LockLoadSpec spec;
    try {
      spec = spec();
    } catch (IllegalArgumentException e) {
      throw new ParameterException(command.commandLine(), e.getMessage(), e);
    }
    PlaceOptions.Entered entered = place.enter(System.err);
    try (entered) {
      LockLoadResult result = engine().run(spec);
      System.out.print(
          json ? LockReport.json(new Json(), result) + "\n" : LockReport.table(result).toString());
      System.out.flush();
      return result.isSound() ? 0 : EXIT_UNSOUND;
    }
  }

  private LockEngine engine() {
    return place.isXdp()
        ? new LockXdpEngine(place.sending().stream().mapToInt(Integer::intValue).toArray())
        : new LockSocketEngine(place.sending().size());
  }

  private LockLoadSpec spec() {
    WorkloadOptions.require(timeoutMillis >= 1, "--timeout must be 1 or more");
    WorkloadOptions.require(
        holdMicros >= 0 && warmupSeconds >= 0 && durationSeconds > 0,
        "--hold, --warmup and --duration must not be negative, nor --duration 0");
    WorkloadOptions.require(
        clients >= 1 && outstanding >= 1, "--clients and --outstanding must be 1 or more");
    BackOff usual = BackOff.USUAL;
    return new LockLoadSpec(
        place.address(),
        locks,
        KeyDistribution.parse(distribution, Math.max(1, locks)),
        sharedRatio,
        locksPerTransaction,
        (int) Math.min((long) clients * outstanding, Integer.MAX_VALUE),
        nanos(holdMicros / MICROS_PER_SECOND),
        Duration.ofMillis(waitMillis),
        Duration.ofMillis(leaseMillis),
        Duration.ofMillis(timeoutMillis),
        new BackOff(
            backOffMicros == null ? usual.shortest() : nanos(backOffMicros / MICROS_PER_SECOND),
            backOffDoublings == null ? usual.doublings() : backOffDoublings),
        nanos(warmupSeconds),
        nanos(durationSeconds),
        seed);
  }

  private static Duration nanos(double seconds) {
    return Duration.ofNanos((long) (seconds * 1e9));
  }
}
