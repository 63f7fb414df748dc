package org.kerbykv.server.metrics;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * The counts of all event loops together. Thread-safe.
 *
 * <p>memcached's {@code stats reset} sets counts back to zero; Prometheus' counters must never go
 * back. So what was counted before the reset is remembered, and taken off for stats only.
 */
public final class Totals {
  private final List<Counters> loops;
  private volatile Map<Counter, Long> atReset = Map.of();

  public Totals(List<Counters> loops) {
    this.loops = loops;
  }

  /** Returns the count since the start. */
  public long total(Counter counter) {
    return loops.stream().mapToLong(counters -> counters.get(counter)).sum();
  }

  /** Returns the requests since the start. */
  public long total(RequestKind kind, RequestResult result) {
    return loops.stream().mapToLong(counters -> counters.get(kind, result)).sum();
  }

  /** Returns the dropped datagrams since the start. */
  public long total(DropReason reason) {
    return loops.stream().mapToLong(counters -> counters.get(reason)).sum();
  }

  /** Returns the count since the last reset. */
  public long sinceReset(Counter counter) {
    return total(counter) - atReset.getOrDefault(counter, 0L);
  }

  /** Has {@link #sinceReset} begin at zero again. */
  public void reset() {
    Map<Counter, Long> now = new EnumMap<>(Counter.class);
    for (Counter counter : Counter.values()) {
      now.put(counter, total(counter));
    }
    atReset = now;
  }
}
