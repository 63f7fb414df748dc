package org.kerbykv.loadgen.soak;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/** What the soak's clients saw. Thread-safe. */
final class SoakCounts {
  private static final int EXAMPLES_MAX = 20;

  final AtomicLong hits = new AtomicLong();
  final AtomicLong misses = new AtomicLong();
  final AtomicLong writes = new AtomicLong();

  /** Misses of values that died with a process. */
  final AtomicLong lost = new AtomicLong();

  /** Requests without an answer, as they have to be while no server runs. */
  final AtomicLong unanswered = new AtomicLong();

  /** Error lines in place of an answer. */
  final AtomicLong refused = new AtomicLong();

  private final AtomicLong differences = new AtomicLong();
  private final List<String> examples = new ArrayList<>();

  /** Counts an answer, or a state of the server, that is not what it has to be. */
  void differs(String what) {
    differences.incrementAndGet();
    synchronized (examples) {
      if (examples.size() < EXAMPLES_MAX) {
        examples.add(what);
      }
    }
  }

  long differences() {
    return differences.get();
  }

  /** The first differences, in words. */
  List<String> examples() {
    synchronized (examples) {
      return List.copyOf(examples);
    }
  }

  long operations() {
    return hits.get() + misses.get() + writes.get();
  }
}
