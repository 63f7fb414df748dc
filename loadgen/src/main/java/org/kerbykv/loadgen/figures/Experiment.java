package org.kerbykv.loadgen.figures;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.kerbykv.loadgen.engine.LoadException;

/**
 * Measures subjects side by side: in rounds, every subject once a round, and another one first each
 * time, so that what changes on the machine meanwhile meets all of them alike.
 *
 * @param subjects whose cells are all different
 * @param rounds 1 or more
 */
public record Experiment(List<Subject> subjects, int rounds) {
  public Experiment {
    subjects = List.copyOf(subjects);
  }

  /** All cells of a round. */
  public List<Cell> cells() {
    return subjects.stream().flatMap(subject -> subject.cells().stream()).toList();
  }

  /**
   * Measures what is not measured yet.
   *
   * @param measurements where each cell is kept as soon as it is finished
   * @param log says how it goes on
   */
  public void run(Measurements measurements, PrintStream log)
      throws LoadException, InterruptedException {
    int all =
        subjects.stream()
            .mapToInt(subject -> subject.cells().size() * Math.min(rounds, subject.roundsMax()))
            .sum();
    for (int round = 0; round < rounds; round++) {
      List<Subject> order = new ArrayList<>(subjects);
      Collections.rotate(order, -round);
      for (Subject subject : order) {
        int current = round;
        List<Cell> pending =
            subject.cells().stream().filter(cell -> !measurements.has(current, cell)).toList();
        if (round < subject.roundsMax() && !pending.isEmpty()) {
          apart(() -> measure(subject, current, pending, measurements, all, log));
        }
      }
    }
  }

  private static Void measure(
      Subject subject,
      int round,
      List<Cell> pending,
      Measurements measurements,
      int all,
      PrintStream log)
      throws LoadException, InterruptedException {
    try (Subject.Session session = subject.open(log)) {
      for (Cell cell : pending) {
        long start = System.nanoTime();
        Map<String, Double> figures;
        try {
          figures = session.measure(cell);
        } catch (LoadException e) {
          throw new LoadException(cell + ": " + e.getMessage(), e);
        }
        measurements.add(round, cell, figures);
        log.printf(
            Locale.ROOT,
            "[%d/%d] round %d, %.1f s: %s: %s%n",
            measurements.size(),
            all,
            round + 1,
            (System.nanoTime() - start) / 1e9,
            cell,
            inWords(figures));
      }
    }
    return null;
  }

  private static String inWords(Map<String, Double> figures) {
    List<String> words = new ArrayList<>();
    figures.forEach(
        (name, value) -> words.add(String.format(Locale.ROOT, "%s %,.6g", name, value)));
    return String.join(", ", words);
  }

  /** Runs something on a thread of its own, which may move to another network namespace or CPU. */
  private static void apart(java.util.concurrent.Callable<Void> task)
      throws LoadException, InterruptedException {
    FutureTask<Void> done = new FutureTask<>(task);
    Thread thread = Thread.ofPlatform().name("subject").daemon().start(done);
    try {
      done.get();
    } catch (InterruptedException e) {
      thread.interrupt();
      thread.join();
      throw e;
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case LoadException cause -> throw cause;
        case InterruptedException cause -> throw cause;
        case RuntimeException cause -> throw cause;
        default -> throw new IllegalStateException(e.getCause());
      }
    }
  }
}
