package org.kerbykv.loadgen.figures;

import java.io.PrintStream;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.kerbykv.loadgen.engine.Arrivals;
import org.kerbykv.loadgen.engine.Cpus;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.engine.LoadResult;
import org.kerbykv.loadgen.engine.LoadSpec;
import org.kerbykv.loadgen.engine.Progress;
import org.kerbykv.loadgen.engine.Protocol;
import org.kerbykv.loadgen.report.ServerMetrics;
import org.kerbykv.loadgen.socket.SocketEngine;
import org.kerbykv.loadgen.topology.VethTopology;
import org.kerbykv.loadgen.workload.KeyDistribution;
import org.kerbykv.loadgen.workload.SizeDistribution;
import org.kerbykv.loadgen.workload.SyntheticWorkload;
import org.kerbykv.loadgen.xdp.XdpEngine;

/**
 * A store in a namespace of its own, under load over a veth pair: from the kernel for throughput,
 * from sockets at a fixed rate for latency.
 *
 * <p>What the kernel does on a packet's way happens on the CPU that sends it. With {@link #APART}
 * one CPU sends and the store's processes have another, which a store that answers in the kernel
 * leaves idle; with {@link #BOTH} both CPUs send, and the processes may use both.
 */
final class LoadSubject implements Subject {
  /** What a cell is about: {@link #THROUGHPUT} or {@link #LATENCY}. */
  static final String KIND = "kind";

  static final String THROUGHPUT = "throughput";
  static final String LATENCY = "latency";

  /** Bytes of a value, as {@link SizeDistribution#parse} takes it. */
  static final String VALUE_SIZE = "value_size";

  /** Share of gets. */
  static final String READ_RATIO = "read_ratio";

  /** As {@link KeyDistribution#parse} takes it. */
  static final String KEYS = "keys";

  static final String CPUS = "cpus";
  static final String APART = "apart";
  static final String BOTH = "both";

  static final String UNIFORM = "uniform";

  // Figures.
  static final String ANSWERED = "answered_per_s";
  static final String P50 = "p50_us";
  static final String P99 = "p99_us";
  static final String P999 = "p999_us";
  static final String KERNEL_SHARE = "kernel_share";

  /** Of open-loop loads: every system can do that. */
  static final int LATENCY_RATE = 20_000;

  static final String KEY_SIZE = "16";

  /** The sockets' code is compiled meanwhile, and what that held up has been sent. */
  private static final Duration LATENCY_WARMUP = Duration.ofMillis(500);

  private static final Duration TIMEOUT = Duration.ofMillis(250);

  /** Hits below which a load of gets alone has measured something else. */
  private static final double HIT_SHARE_MIN = 0.999;

  private final KvSystem system;
  private final String cpus;
  private final int keys;
  private final Duration duration;
  private final int roundsMax;
  private final List<Cell> cells;

  /**
   * @param keys how many items there are
   * @param duration of a measurement; a quarter of it is run before
   * @param roundsMax how many rounds it takes at most
   * @param cells of this system and CPUs; those of one value size follow each other, and those of
   *     latency come last
   */
  LoadSubject(
      KvSystem system, String cpus, int keys, Duration duration, int roundsMax, List<Cell> cells) {
    this.system = system;
    this.cpus = cpus;
    this.keys = keys;
    this.duration = duration;
    this.roundsMax = roundsMax;
    this.cells = List.copyOf(cells);
  }

  /** A cell of throughput with its CPUs apart. */
  static Cell throughput(String system, Object valueSize, String readRatio, String keys) {
    return Cell.of(
        system,
        KIND,
        THROUGHPUT,
        VALUE_SIZE,
        valueSize,
        READ_RATIO,
        readRatio,
        KEYS,
        keys,
        CPUS,
        APART);
  }

  /** The same load, for its latency. */
  static Cell latency(String system, Object valueSize, String readRatio) {
    return throughput(system, valueSize, readRatio, UNIFORM).with(KIND, LATENCY);
  }

  /** CPUs that send, for what {@link #CPUS} says. */
  static List<Integer> sending(String cpus) {
    List<Integer> allowed = Cpus.allowed();
    return allowed.subList(0, cpus.equals(BOTH) ? Math.min(2, allowed.size()) : 1);
  }

  /** CPUs that so many threads of a server may run on. */
  static List<Integer> serving(String cpus, int threads) {
    List<Integer> allowed = Cpus.allowed();
    List<Integer> two = allowed.subList(0, Math.min(2, allowed.size()));
    return cpus.equals(BOTH) || threads > 1 ? two : two.subList(two.size() - 1, two.size());
  }

  @Override
  public List<Cell> cells() {
    return cells;
  }

  @Override
  public int roundsMax() {
    return roundsMax;
  }

  @Override
  public Session open(PrintStream log) throws LoadException, InterruptedException {
    List<Integer> sending = sending(cpus);
    StorePlace place = StorePlace.open(system, sending, serving(cpus, system.serving()), true, log);
    return new Load(place, sending);
  }

  private final class Load implements Session {
    private final StorePlace place;
    private final int senders;
    private final XdpEngine kernel;
    private final SocketEngine sockets = new SocketEngine();
    private String stored = "";
    private Arrivals.Closed closed;
    private boolean openToSockets;

    Load(StorePlace place, List<Integer> sending) {
      this.place = place;
      senders = sending.size();
      kernel = new XdpEngine(sending.stream().mapToInt(Integer::intValue).toArray());
    }

    @Override
    public void close() throws LoadException {
      place.close();
    }

    @Override
    public Map<String, Double> measure(Cell cell) throws LoadException, InterruptedException {
      return cell.get(KIND).equals(LATENCY) ? latency(cell) : throughput(cell);
    }

    private Map<String, Double> throughput(Cell cell) throws LoadException, InterruptedException {
      if (!stored.equals(cell.get(VALUE_SIZE))) {
        store(cell);
      }
      Optional<ServerMetrics> before = place.metrics();
      Map<String, Double> figures =
          figures(cell, kernel.run(spec(cell, closed, false, false), Progress.NONE), before);
      figures.put("outstanding", (double) closed.outstanding());
      return figures;
    }

    /**
     * Stores the items, and has what is read verified: what is fast must be right as well. Finds
     * out meanwhile how many requests under way the store answers fastest.
     */
    private void store(Cell cell) throws LoadException, InterruptedException {
      Cell mostlyReads = cell.with(READ_RATIO, "0.95").with(KEYS, UNIFORM);
      boolean echo = system.target().isEcho();
      double best = 0;
      for (int outstanding : system.outstanding()) {
        Arrivals.Closed candidate = new Arrivals.Closed(outstanding);
        LoadResult verified =
            kernel.run(spec(mostlyReads, candidate, best == 0 && !echo, true), Progress.NONE);
        requireSound(verified);
        if (verified.answeredPerSecond() > best) {
          best = verified.answeredPerSecond();
          closed = candidate;
        }
      }
      stored = cell.get(VALUE_SIZE);
    }

    private Map<String, Double> latency(Cell cell) throws LoadException, InterruptedException {
      if (!openToSockets) {
        place.openToSockets();
        openToSockets = true;
      }
      boolean populate = !stored.equals(cell.get(VALUE_SIZE) + LATENCY);
      stored = cell.get(VALUE_SIZE) + LATENCY;
      Optional<ServerMetrics> before = place.metrics();
      Arrivals arrivals = new Arrivals.Open(LATENCY_RATE, Arrivals.Gaps.POISSON);
      return figures(
          cell, sockets.run(spec(cell, arrivals, populate, false), Progress.NONE), before);
    }

    private LoadSpec spec(Cell cell, Arrivals arrivals, boolean populate, boolean verify) {
      boolean echo = system.target().isEcho();
      boolean isLatency = cell.get(KIND).equals(LATENCY);
      return new LoadSpec(
          VethTopology.serverAddress(),
          Protocol.UDP,
          isLatency ? 1 : senders,
          arrivals,
          new SyntheticWorkload(
              keys,
              SizeDistribution.parse(KEY_SIZE),
              KeyDistribution.parse(cell.get(KEYS), keys),
              SizeDistribution.parse(cell.get(VALUE_SIZE))),
          populate && !echo,
          isLatency ? LATENCY_WARMUP : duration.dividedBy(4),
          isLatency ? duration.multipliedBy(2) : duration,
          LoadSpec.UNLIMITED,
          Double.parseDouble(cell.get(READ_RATIO)),
          1,
          verify,
          echo,
          TIMEOUT,
          1400);
    }

    private void requireSound(LoadResult result) throws LoadException {
      if (result.counts().answered() == 0) {
        throw new LoadException("nothing was answered");
      }
      if (result.counts().corrupt() > 0) {
        throw new LoadException(result.counts().corrupt() + " answers are corrupt");
      }
    }

    private Map<String, Double> figures(
        Cell cell, LoadResult result, Optional<ServerMetrics> before) throws LoadException {
      requireSound(result);
      double hits = (double) result.counts().hits() / result.counts().answered();
      if (Double.parseDouble(cell.get(READ_RATIO)) == 1 && hits < HIT_SHARE_MIN) {
        throw new LoadException("only " + hits + " of the answers are hits");
      }
      Map<String, Double> figures = new LinkedHashMap<>();
      figures.put(ANSWERED, result.answeredPerSecond());
      figures.put("lost_share", result.lostShare());
      figures.put(P50, result.latencyMicros(50));
      figures.put(P99, result.latencyMicros(99));
      figures.put(P999, result.latencyMicros(99.9));
      if (before.isPresent()) {
        figures.put(KERNEL_SHARE, place.metrics().orElseThrow().kernelGetShareSince(before.get()));
      }
      return figures;
    }
  }
}
