package org.kerbykv.loadgen.figures;

import static org.kerbykv.loadgen.figures.LockLoadSubject.BACK_OFF;
import static org.kerbykv.loadgen.figures.LockLoadSubject.BACK_OFFS;
import static org.kerbykv.loadgen.figures.LockLoadSubject.DISTRIBUTION;
import static org.kerbykv.loadgen.figures.LockLoadSubject.EACH;
import static org.kerbykv.loadgen.figures.LockLoadSubject.ENGINE;
import static org.kerbykv.loadgen.figures.LockLoadSubject.LOCKS;
import static org.kerbykv.loadgen.figures.LockLoadSubject.SHARED;
import static org.kerbykv.loadgen.figures.LockLoadSubject.SOCKET;
import static org.kerbykv.loadgen.figures.LockLoadSubject.UNIFORM;
import static org.kerbykv.loadgen.figures.LockLoadSubject.ZIPF;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.kerbykv.loadgen.topology.LockTarget;

/**
 * What is measured of lock managers.
 *
 * @param quick only what the ratios need
 * @param duration of each load
 */
record LockFigures(boolean quick, Duration duration, Predicate<String> systems) {
  static final String KERBY = LockTarget.KERBY.toString();
  static final String DINT = LockTarget.DINT.toString();
  static final String QUEUE = LockTarget.QUEUE.toString();
  static final List<String> SYSTEMS = List.of(KERBY, DINT, QUEUE);

  static final List<Integer> LOCK_COUNTS = List.of(1, 10, 100, 1000, 10_000, 100_000, 1_000_000);
  static final List<String> DISTRIBUTIONS = List.of(UNIFORM, ZIPF);
  static final List<Integer> HOLDS = List.of(0, 10);
  static final List<String> SHARES = List.of("0", "0.5", "0.9", "1");
  static final List<Integer> TRANSACTIONS = List.of(1, 2, 4, 8);
  static final List<Integer> CAPACITIES = List.of(16, 64, 256, 1024);

  /** Each queue is a map of its own, made beforehand: more take too long, and too much memory. */
  static final int QUEUES_MAX = 10_000;

  /** Of a high contention: virtual clients, and locks that they contend for. */
  static final int CLIENTS = 256;

  static final int CONTENDED_LOCKS = 100;
  static final int TRANSACTION_LOCKS = 1000;
  static final int HOLD = 10;

  /** Where hardly two ask for the same. */
  private static final int UNCONTENDED_LOCKS = 100_000;

  private static final int UNCONTENDED_CLIENTS = 64;

  static Cell contended(String system) {
    return LockLoadSubject.cell(system, CONTENDED_LOCKS, HOLD, CLIENTS);
  }

  static Cell uncontended(String system) {
    return LockLoadSubject.cell(system, UNCONTENDED_LOCKS, 0, UNCONTENDED_CLIENTS);
  }

  static Cell byLocks(String system, int locks, String distribution, int hold) {
    return LockLoadSubject.cell(system, locks, hold, CLIENTS).with(DISTRIBUTION, distribution);
  }

  static Cell byShare(String system, String share, int hold) {
    return LockLoadSubject.cell(system, CONTENDED_LOCKS, hold, CLIENTS).with(SHARED, share);
  }

  static Cell byTransaction(String system, int locks) {
    return LockLoadSubject.cell(system, TRANSACTION_LOCKS, HOLD, CLIENTS).with(EACH, locks);
  }

  /** Everything, the systems side by side. */
  List<Subject> subjects() {
    List<Subject> subjects = new ArrayList<>();
    for (LockTarget target : LockTarget.values()) {
      if (systems.test(target.toString())) {
        List<Cell> loads =
            loads(target.toString()).stream()
                .filter(cell -> target != LockTarget.QUEUE || fitsQueues(cell))
                .toList();
        subjects.add(new LockLoadSubject(target, duration, loads));
      }
    }
    for (int capacity : quick ? CAPACITIES.subList(0, 1) : CAPACITIES) {
      for (LockMemorySubject.Line line : LockMemorySubject.Line.values()) {
        if (systems.test(line.system())) {
          subjects.add(new LockMemorySubject(line, capacity));
        }
      }
    }
    return subjects;
  }

  private static boolean fitsQueues(Cell cell) {
    return Integer.parseInt(cell.get(LOCKS)) <= QUEUES_MAX;
  }

  private List<Cell> loads(String system) {
    Set<Cell> cells = new LinkedHashSet<>(List.of(uncontended(system), contended(system)));
    if (quick) {
      cells.add(byLocks(system, CONTENDED_LOCKS, ZIPF, HOLD));
      cells.add(byTransaction(system, 4));
      cells.add(contended(system).with(ENGINE, SOCKET));
      return List.copyOf(cells);
    }
    for (String distribution : DISTRIBUTIONS) {
      for (int hold : HOLDS) {
        LOCK_COUNTS.forEach(locks -> cells.add(byLocks(system, locks, distribution, hold)));
      }
    }
    for (int hold : HOLDS) {
      SHARES.forEach(share -> cells.add(byShare(system, share, hold)));
    }
    TRANSACTIONS.forEach(locks -> cells.add(byTransaction(system, locks)));
    if (system.equals(DINT)) {
      for (int i = 0; i < BACK_OFFS.size(); i++) {
        cells.add(contended(system).with(BACK_OFF, i));
        cells.add(byLocks(system, CONTENDED_LOCKS, ZIPF, HOLD).with(BACK_OFF, i));
      }
    }
    cells.add(contended(system).with(ENGINE, SOCKET));
    cells.add(byLocks(system, CONTENDED_LOCKS, ZIPF, HOLD).with(ENGINE, SOCKET));
    return List.copyOf(cells);
  }
}
