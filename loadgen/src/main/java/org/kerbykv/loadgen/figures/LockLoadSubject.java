package org.kerbykv.loadgen.figures;

import java.io.PrintStream;
import java.time.Duration;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.lock.BackOff;
import org.kerbykv.loadgen.lock.LockEngine;
import org.kerbykv.loadgen.lock.LockLoadResult;
import org.kerbykv.loadgen.lock.LockLoadSpec;
import org.kerbykv.loadgen.socket.LockSocketEngine;
import org.kerbykv.loadgen.topology.LockTarget;
import org.kerbykv.loadgen.topology.VethPlace;
import org.kerbykv.loadgen.topology.VethTopology;
import org.kerbykv.loadgen.workload.KeyDistribution;
import org.kerbykv.loadgen.xdp.LockXdpEngine;

/**
 * A lock manager in a namespace of its own, under load over a veth pair. One CPU sends, and the
 * kernel's part of the lock manager runs there; its process, if it does anything, has the other.
 *
 * <p>Who rejects leaves it to its clients how long they pause. A system that does is loaded with
 * each of {@link #BACK_OFFS} for a while, and measured with the one that acquired most.
 */
final class LockLoadSubject implements Subject {
  static final String ENGINE = "engine";
  static final String XDP = "xdp";
  static final String SOCKET = "socket";
  static final String LOCKS = "locks";
  static final String DISTRIBUTION = "distribution";
  static final String SHARED = "shared";
  static final String HOLD = "hold_us";
  static final String EACH = "locks_per_transaction";
  static final String CLIENTS = "clients";

  /** Which of {@link #BACK_OFFS}, by number; without it, the best. */
  static final String BACK_OFF = "back_off";

  static final String UNIFORM = LoadSubject.UNIFORM;
  static final String ZIPF = "zipf:0.99";

  // Figures.
  static final String ACQUIRED = LoadSubject.ANSWERED;
  static final String P999 = LoadSubject.P999;
  static final String JAIN = "jain";
  static final String LONGEST = "longest_wait_us";
  static final String REJECTED = "rejected_per_acquired";

  /** Who rejects, with the back-off with which the p99.9 of the wait is the shortest. */
  static final String SOONEST_ACQUIRED = "soonest_answered_per_s";

  static final String SOONEST_P999 = "soonest_p999_us";

  /** From a round trip in the kernel to several through sockets, doubled to up to 64 ms. */
  static final List<BackOff> BACK_OFFS =
      List.of(
          backOff(10, 3),
          backOff(10, 6),
          backOff(50, 5),
          backOff(100, 6),
          backOff(400, 4),
          backOff(1000, 5),
          backOff(4000, 4));

  private static final Duration FOREVER = Duration.ofMinutes(1);
  private static final Duration TIMEOUT = Duration.ofMillis(250);

  /** The sockets' code is compiled meanwhile. */
  private static final Duration SOCKET_WARMUP = Duration.ofMillis(1500);

  private final LockTarget target;
  private final Duration duration;
  private final List<Cell> cells;

  /**
   * @param duration of a measurement; a quarter of it is run before
   * @param cells of this system; those of sockets come last
   */
  LockLoadSubject(LockTarget target, Duration duration, List<Cell> cells) {
    this.target = target;
    this.duration = duration;
    this.cells = List.copyOf(cells);
  }

  private static BackOff backOff(long micros, int doublings) {
    return new BackOff(Duration.ofNanos(1000 * micros), doublings);
  }

  /** In words: the shortest pause and the longest that is doubled to. */
  static String words(BackOff backOff) {
    long shortest = backOff.shortest().toNanos() / 1000;
    return shortest + " to " + (shortest << backOff.doublings()) + " us";
  }

  /** An exclusive load from the kernel on locks that are all asked for equally often. */
  static Cell cell(String system, int locks, int holdMicros, int clients) {
    return Cell.of(
        system,
        ENGINE,
        XDP,
        LOCKS,
        locks,
        DISTRIBUTION,
        UNIFORM,
        SHARED,
        "0",
        HOLD,
        holdMicros,
        EACH,
        1,
        CLIENTS,
        clients);
  }

  @Override
  public List<Cell> cells() {
    return cells;
  }

  @Override
  public Session open(PrintStream log) throws LoadException, InterruptedException {
    List<Integer> sending = LoadSubject.sending(LoadSubject.APART);
    List<Integer> serving = LoadSubject.serving(LoadSubject.APART, 1);
    List<String> options =
        target == LockTarget.QUEUE ? List.of("--locks", Integer.toString(queues())) : List.of();
    VethPlace place =
        VethPlace.open(
            true, true, sending, veth -> veth.startServer(target, serving, options, log));
    return new Load(place, sending.getFirst());
  }

  /** As many as the cells need. */
  private int queues() {
    return cells.stream().mapToInt(cell -> Integer.parseInt(cell.get(LOCKS))).max().orElseThrow();
  }

  private final class Load implements Session {
    private final VethPlace place;
    private final LockEngine kernel;
    private final LockEngine sockets = new LockSocketEngine(1);
    private boolean openToSockets;

    Load(VethPlace place, int cpu) {
      this.place = place;
      kernel = new LockXdpEngine(cpu);
    }

    @Override
    public void close() throws LoadException {
      place.close();
    }

    @Override
    public Map<String, Double> measure(Cell cell) throws LoadException, InterruptedException {
      boolean fromSockets = cell.get(ENGINE).equals(SOCKET);
      if (fromSockets && !openToSockets) {
        place.openToSockets();
        openToSockets = true;
        sockets.run(spec(cell, BackOff.USUAL, SOCKET_WARMUP, duration));
      }
      LockEngine engine = fromSockets ? sockets : kernel;
      if (target == LockTarget.DINT && cell.get(BACK_OFF).isEmpty()) {
        return measureRejecting(cell, engine);
      }
      BackOff backOff =
          cell.get(BACK_OFF).isEmpty()
              ? BackOff.USUAL
              : BACK_OFFS.get(Integer.parseInt(cell.get(BACK_OFF)));
      return figures(engine.run(spec(cell, backOff, duration.dividedBy(4), duration)));
    }

    /** Tries all back-offs for a while, and measures with the one with which most is acquired. */
    private Map<String, Double> measureRejecting(Cell cell, LockEngine engine)
        throws LoadException, InterruptedException {
      Map<BackOff, LockLoadResult> tried = new LinkedHashMap<>();
      for (BackOff candidate : BACK_OFFS) {
        Duration trial = duration.dividedBy(2);
        tried.put(candidate, engine.run(spec(cell, candidate, duration.dividedBy(4), trial)));
      }
      BackOff backOff =
          Collections.max(
                  tried.entrySet(),
                  Comparator.comparingDouble(one -> one.getValue().acquiredPerSecond()))
              .getKey();
      LockLoadResult soonest =
          Collections.min(
              tried.values(), Comparator.comparingDouble(result -> result.waitMicros(99.9)));
      Map<String, Double> figures =
          figures(engine.run(spec(cell, backOff, duration.dividedBy(4), duration)));
      figures.put("back_off_us", backOff.shortest().toNanos() / 1e3);
      figures.put("back_off_doublings", (double) backOff.doublings());
      figures.put(SOONEST_ACQUIRED, soonest.acquiredPerSecond());
      figures.put(SOONEST_P999, soonest.waitMicros(99.9));
      return figures;
    }

    private LockLoadSpec spec(Cell cell, BackOff backOff, Duration warmup, Duration counted) {
      int locks = Integer.parseInt(cell.get(LOCKS));
      return new LockLoadSpec(
          VethTopology.lockAddress(),
          locks,
          KeyDistribution.parse(cell.get(DISTRIBUTION), locks),
          Double.parseDouble(cell.get(SHARED)),
          Integer.parseInt(cell.get(EACH)),
          Integer.parseInt(cell.get(CLIENTS)),
          Duration.ofNanos(1000 * Long.parseLong(cell.get(HOLD))),
          FOREVER,
          FOREVER,
          TIMEOUT,
          backOff,
          warmup,
          counted,
          1);
    }

    private Map<String, Double> figures(LockLoadResult result) throws LoadException {
      if (!result.isSound() || result.unfinished() > 0) {
        throw new LoadException(
            "the load is not sound: %s, %d clients not at rest"
                .formatted(result.total(), result.unfinished()));
      }
      Map<String, Double> figures = new LinkedHashMap<>();
      figures.put(ACQUIRED, result.acquiredPerSecond());
      figures.put(REJECTED, result.rejectedPerAcquired());
      figures.put("lost_share", result.lostShare());
      figures.put(LoadSubject.P50, result.waitMicros(50));
      figures.put(LoadSubject.P99, result.waitMicros(99));
      figures.put(P999, result.waitMicros(99.9));
      figures.put(LONGEST, result.longestNanos() / 1e3);
      figures.put(JAIN, result.jain());
      return figures;
    }
  }
}
