package org.kerbykv.loadgen.cli;

import static org.kerbykv.loadgen.cli.WorkloadOptions.require;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.kerbykv.loadgen.engine.Arrivals;
import org.kerbykv.loadgen.engine.LoadSpec;
import org.kerbykv.loadgen.engine.RateSearch;
import picocli.CommandLine.Option;

/** Options that say how fast, and for how long. */
final class PaceOptions {
  private static final int OUTSTANDING_SOCKET = 32;
  private static final int OUTSTANDING_XDP = 256;
  private static final int SCAN_STEPS_MAX = 1000;

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "1",
      description = {
        "Threads, each with a socket of its own; the xdp engine has as many as --cpus.",
        "Default ${DEFAULT-VALUE}."
      })
  private int threads;

  @Option(
      names = "--outstanding",
      paramLabel = "N",
      description = {
        "Requests that each thread has under way, without --rate. Default 32; of the xdp engine",
        "256."
      })
  private Integer outstanding;

  @Option(
      names = "--rate",
      paramLabel = "N",
      description = {
        "Send so many requests a second, whatever the answers do; latency counts from when a",
        "request was to be sent. Default: each answer lets the next request go."
      })
  private Double rate;

  @Option(
      names = "--arrivals",
      paramLabel = "fixed|poisson|fb_ia",
      defaultValue = "poisson",
      description = {
        "With a rate: the times between requests; fb_ia is Facebook's ETC. Default",
        "${DEFAULT-VALUE}."
      })
  private Arrivals.Gaps gaps;

  @Option(
      names = "--search",
      paramLabel = "p99:1000us",
      description = {
        "Find the highest rate at which that percentile of the latency stays below that and at",
        "most 0.1 %% is lost; each rate is tried for --duration."
      })
  private String search;

  @Option(
      names = "--scan",
      paramLabel = "FROM:TO:STEP",
      description = "Try these rates, each for --duration.")
  private String scan;

  @Option(
      names = "--duration",
      paramLabel = "SECONDS",
      defaultValue = "10",
      description = "Time that is counted. Default ${DEFAULT-VALUE}.")
  private double durationSeconds;

  @Option(
      names = "--requests",
      paramLabel = "N",
      description = "End after so many counted requests, if --duration has not passed before.")
  private Long requests;

  @Option(
      names = "--warmup",
      paramLabel = "SECONDS",
      defaultValue = "1",
      description = "Time under load before anything is counted. Default ${DEFAULT-VALUE}.")
  private double warmupSeconds;

  int threads() {
    require(threads >= 1 && threads <= 256, "--threads must be 1 to 256");
    return threads;
  }

  /** Without a rate: by answers. */
  Arrivals.Closed closed(boolean isXdp) {
    int number = outstanding != null ? outstanding : isXdp ? OUTSTANDING_XDP : OUTSTANDING_SOCKET;
    require(number >= 1 && number <= 32_768, "--outstanding must be 1 to 32768");
    return new Arrivals.Closed(number);
  }

  Arrivals arrivals(boolean isXdp) {
    int ways = (rate == null ? 0 : 1) + (search == null ? 0 : 1) + (scan == null ? 0 : 1);
    require(ways <= 1, "--rate, --search and --scan exclude each other");
    return rate == null ? closed(isXdp) : open(rate);
  }

  private Arrivals open(double perSecond) {
    require(perSecond >= 1 && perSecond <= 1e9, "a rate must be 1 to 1000000000 a second");
    return new Arrivals.Open(perSecond, gaps);
  }

  Arrivals.Gaps gaps() {
    return gaps;
  }

  Optional<RateSearch.Target> search() {
    return Optional.ofNullable(search).map(RateSearch.Target::parse);
  }

  /** The rates to try; empty if that is not asked for. */
  List<Arrivals> scan() {
    List<Arrivals> rates = new ArrayList<>();
    if (scan != null) {
      String[] parts = scan.split(":", -1);
      require(parts.length == 3, "--scan must be FROM:TO:STEP, not " + scan);
      double from = Double.parseDouble(parts[0]);
      double to = Double.parseDouble(parts[1]);
      double step = Double.parseDouble(parts[2]);
      require(
          step > 0 && to >= from && (to - from) / step < SCAN_STEPS_MAX,
          "--scan must go upwards, in at most " + SCAN_STEPS_MAX + " steps");
      for (int i = 0; from + i * step <= to; i++) {
        rates.add(open(from + i * step));
      }
    }
    return rates;
  }

  Duration duration() {
    require(durationSeconds > 0, "--duration must be above 0");
    return seconds(durationSeconds);
  }

  Duration warmup() {
    require(warmupSeconds >= 0, "--warmup must not be negative");
    return seconds(warmupSeconds);
  }

  long requestsMax() {
    require(requests == null || requests >= 1, "--requests must be 1 or more");
    return requests == null ? LoadSpec.UNLIMITED : requests;
  }

  private static Duration seconds(double seconds) {
    return Duration.ofNanos((long) (seconds * 1e9));
  }
}
