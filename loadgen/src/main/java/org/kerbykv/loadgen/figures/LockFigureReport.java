package org.kerbykv.loadgen.figures;

import static org.kerbykv.loadgen.figures.LockFigures.CONTENDED_LOCKS;
import static org.kerbykv.loadgen.figures.LockFigures.DINT;
import static org.kerbykv.loadgen.figures.LockFigures.HOLD;
import static org.kerbykv.loadgen.figures.LockFigures.KERBY;
import static org.kerbykv.loadgen.figures.LockFigures.SYSTEMS;
import static org.kerbykv.loadgen.figures.LockLoadSubject.ACQUIRED;
import static org.kerbykv.loadgen.figures.LockLoadSubject.BACK_OFF;
import static org.kerbykv.loadgen.figures.LockLoadSubject.BACK_OFFS;
import static org.kerbykv.loadgen.figures.LockLoadSubject.ENGINE;
import static org.kerbykv.loadgen.figures.LockLoadSubject.JAIN;
import static org.kerbykv.loadgen.figures.LockLoadSubject.LONGEST;
import static org.kerbykv.loadgen.figures.LockLoadSubject.P999;
import static org.kerbykv.loadgen.figures.LockLoadSubject.REJECTED;
import static org.kerbykv.loadgen.figures.LockLoadSubject.SOCKET;
import static org.kerbykv.loadgen.figures.LockLoadSubject.SOONEST_ACQUIRED;
import static org.kerbykv.loadgen.figures.LockLoadSubject.XDP;
import static org.kerbykv.loadgen.figures.LockLoadSubject.ZIPF;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.kerbykv.loadgen.report.Json;

/** What is shown of lock managers that have been measured. */
final class LockFigureReport implements FigureReport {
  private static final String KERBY_LINE = "kerby (does not reject)";

  private final Measurements measured;

  LockFigureReport(Measurements measured) {
    this.measured = measured;
  }

  private Spread ratio(Cell ours, String figure) {
    return measured.ratio(ours, ours.of(DINT), figure);
  }

  private Map<String, Spread> ratios() {
    Cell contended = LockFigures.contended(KERBY);
    Map<String, Spread> ratios = new LinkedHashMap<>();
    ratios.put("contended_vs_dint", ratio(contended, ACQUIRED));
    ratios.put("p999_wait_vs_dint", ratio(contended, P999));
    ratios.put("contended_vs_soonest_dint", ratioToSoonest(contended));
    ratios.put("contended_sockets_vs_dint", ratio(contended.with(ENGINE, SOCKET), ACQUIRED));
    ratios.put("contended_sockets_vs_soonest_dint", ratioToSoonest(contended.with(ENGINE, SOCKET)));
    ratios.put("uncontended_vs_dint", ratio(LockFigures.uncontended(KERBY), ACQUIRED));
    return ratios;
  }

  /** The same against a DINT-Lock whose clients pause so that few of them wait for long. */
  private Spread ratioToSoonest(Cell ours) {
    return measured.ratio(ours, ACQUIRED, ours.of(DINT), SOONEST_ACQUIRED);
  }

  private Spread jain() {
    return measured.spread(LockFigures.contended(KERBY), JAIN);
  }

  @Override
  public Json headline() {
    Json ratios = new Json();
    ratios().forEach((name, spread) -> ratios.put(name, spread.median(), 3));
    return new Json().put("ratios", ratios).put("jain", jain().median(), 4);
  }

  @Override
  public List<Claim> claims() {
    Map<String, Spread> ratios = ratios();
    String where =
        "%d locks, %d virtual clients, exclusive, held %d us: "
            .formatted(CONTENDED_LOCKS, LockFigures.CLIENTS, HOLD);
    return List.of(
        new Claim(
            where + "acquisitions, times DINT-Lock with the back-off that is best for it",
            ratios.get("contended_vs_dint"),
            true,
            2),
        new Claim(
            where + "p99.9 of the wait, times the same",
            ratios.get("p999_wait_vs_dint"),
            false,
            0.25),
        new Claim(where + "Jain's index over the virtual clients", jain(), true, 0.99),
        new Claim(
            "hardly any contention: acquisitions, times DINT-Lock",
            ratios.get("uncontended_vs_dint"),
            true,
            0.8));
  }

  @Override
  public List<Figure> figures() {
    return List.of(contention(), backOffs(), memory());
  }

  /** A figure of cells that differ in one parameter, as it is drawn. */
  private record Drawn(String name, String figure, String vertical, boolean logarithmic) {}

  private static final List<Drawn> THROUGHPUT_AND_WAIT =
      List.of(
          new Drawn("acquired", ACQUIRED, "acquisitions per second", true),
          new Drawn("wait-p50", LoadSubject.P50, "wait, p50, microseconds", true),
          new Drawn("wait-p999", P999, "wait, p99.9, microseconds", true),
          new Drawn("wait-longest", LONGEST, "longest wait, microseconds", true),
          new Drawn("jain", JAIN, "Jain's index", false),
          new Drawn("rejected", REJECTED, "rejections for each acquisition", false));

  @FunctionalInterface
  private interface CellOf {
    Cell at(String system, String place);
  }

  private List<Chart> charts(
      String name,
      String title,
      String horizontal,
      List<?> places,
      List<String> lines,
      CellOf cells) {
    List<Chart> charts = new ArrayList<>();
    for (Drawn drawn : THROUGHPUT_AND_WAIT) {
      charts.add(
          Chart.of(
              name + "-" + drawn.name(),
              title + ": " + drawn.vertical(),
              horizontal,
              drawn.vertical(),
              drawn.logarithmic(),
              drawn.logarithmic() ? 0 : 4,
              places.stream().map(String::valueOf).toList(),
              lines,
              (system, place) -> measured.spread(cells.at(system, place), drawn.figure())));
    }
    return charts;
  }

  private Figure contention() {
    List<Chart> charts = new ArrayList<>();
    for (String distribution : LockFigures.DISTRIBUTIONS) {
      boolean zipf = distribution.equals(ZIPF);
      for (int hold : LockFigures.HOLDS) {
        charts.addAll(
            charts(
                "locks-" + (zipf ? "zipf" : "uniform") + "-hold" + hold,
                "By number of locks, %s, held %d us, exclusive"
                    .formatted(zipf ? "Zipf 0.99" : "uniform", hold),
                "locks",
                LockFigures.LOCK_COUNTS,
                SYSTEMS,
                (system, locks) ->
                    LockFigures.byLocks(system, Integer.parseInt(locks), distribution, hold)));
      }
    }
    for (int hold : LockFigures.HOLDS) {
      charts.addAll(
          charts(
              "shared-hold" + hold,
              "By share of shared acquisitions, %d locks, held %d us"
                  .formatted(CONTENDED_LOCKS, hold),
              "share",
              LockFigures.SHARES,
              SYSTEMS,
              (system, share) -> LockFigures.byShare(system, share, hold)));
    }
    charts.addAll(
        charts(
            "transactions",
            "Transactions over several of %d locks, held %d us, exclusive"
                .formatted(LockFigures.TRANSACTION_LOCKS, HOLD),
            "locks of a transaction",
            LockFigures.TRANSACTIONS,
            SYSTEMS,
            (system, locks) -> LockFigures.byTransaction(system, Integer.parseInt(locks))));
    charts.addAll(
        charts(
            "engines",
            "Clients in the kernel and behind sockets, %d locks, uniform, held %d us, exclusive"
                .formatted(CONTENDED_LOCKS, HOLD),
            "clients are in",
            List.of(XDP, SOCKET),
            SYSTEMS,
            (system, engine) -> LockFigures.contended(system).with(ENGINE, engine)));
    return new Figure(
        "Figure 4: throughput, wait and fairness by contention",
        ("%d virtual clients in a closed loop over a veth pair, unless a chart says otherwise;"
                + " transactions take their locks in ascending order. A wait is from the first"
                + " request until the lock is granted. CPU %s has the clients, and what the kernel"
                + " does for the lock manager happens there too. DINT-Lock rejects; its clients try"
                + " again after a pause that doubles, and of %d back-offs it is measured with the"
                + " one with which it acquires most. The lock manager on queue maps has queues for"
                + " %,d locks at most. No lock was granted to two: every grant is checked, and a"
                + " load in which one was would fail.")
            .formatted(
                LockFigures.CLIENTS,
                LoadSubject.sending(LoadSubject.APART).getFirst(),
                BACK_OFFS.size(),
                LockFigures.QUEUES_MAX),
        Chart.known(charts));
  }

  private Figure backOffs() {
    List<Chart> charts = new ArrayList<>();
    for (String distribution : LockFigures.DISTRIBUTIONS) {
      Cell kerby = LockFigures.byLocks(KERBY, CONTENDED_LOCKS, distribution, HOLD);
      List<String> places = BACK_OFFS.stream().map(LockLoadSubject::words).toList();
      charts.addAll(
          charts(
              "back-off-" + (distribution.equals(ZIPF) ? "zipf" : "uniform"),
              "By back-off, %d locks, %s, held %d us"
                  .formatted(CONTENDED_LOCKS, distribution, HOLD),
              "pause after a rejection",
              places,
              List.of(KERBY_LINE, DINT),
              (line, place) ->
                  line.equals(DINT)
                      ? kerby.of(DINT).with(BACK_OFF, places.indexOf(place))
                      : kerby));
    }
    return new Figure(
        "What a back-off costs",
        "Short pauses waste requests, long ones leave locks idle and clients waiting: DINT-Lock"
            + " with each back-off, and Kerby-Lock, whose clients have none.",
        Chart.known(charts));
  }

  private Figure memory() {
    List<String> places = LockFigures.CAPACITIES.stream().map(String::valueOf).toList();
    List<String> lines = new ArrayList<>();
    for (LockMemorySubject.Line line : LockMemorySubject.Line.values()) {
      lines.add(line.toString());
    }
    Chart chart =
        Chart.of(
            "memory-by-capacity",
            "Kernel memory of a lock by the length that its queue may reach",
            "most waiters of a lock",
            "bytes per lock",
            true,
            0,
            places,
            lines,
            (line, capacity) ->
                measured.spread(
                    LockMemorySubject.cell(
                        LockMemorySubject.Line.of(line), Integer.parseInt(capacity)),
                    LockMemorySubject.PER_LOCK));
    return new Figure(
        "Figure 5: memory by queue capacity",
        "What locks take of the kernel's memory, by the growth of its slabs and mapped memory. Queue"
            + " maps have their whole capacity from the start, Kerby-Lock a block for each who waits;"
            + " its clients' sessions are counted, each of which serves 56 acquisitions.",
        Chart.known(List.of(chart)));
  }
}
