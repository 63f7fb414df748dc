package org.kerbykv.loadgen.report;

import org.kerbykv.loadgen.lock.LockCounts;
import org.kerbykv.loadgen.lock.LockLoadResult;

/** What a load on a lock manager came to, in words and figures. */
public final class LockReport {
  private LockReport() {}

  /** Adds the figures of a load to a JSON object; latency is the wait for a lock. */
  public static Json json(Json json, LockLoadResult result) {
    LockCounts counts = result.counts();
    return json.put("engine", result.engine())
        .put("seconds", result.elapsed().toNanos() / 1e9, 3)
        .put("clients", result.clients())
        .put("sent", counts.sent())
        .put("answered_per_s", result.acquiredPerSecond(), 1)
        .put("acquired", counts.acquired())
        .put("released", counts.released())
        .put("waited", counts.waited())
        .put("rejected", counts.rejected())
        .put("timeouts", counts.timeouts())
        .put("expired", counts.expired())
        .put("errors", counts.errors())
        .put("lost", counts.lost())
        .put("lost_share", result.lostShare(), 6)
        .put("polled", counts.polled())
        .put("late", counts.late())
        .put("duplicate", counts.duplicate())
        .put("foreign", counts.foreign())
        .put("violations", result.total().violations())
        .put("unfinished", result.unfinished())
        .put("p50_us", result.waitMicros(50), 1)
        .put("p99_us", result.waitMicros(99), 1)
        .put("p999_us", result.waitMicros(99.9), 1)
        .put("max_us", result.waitMicros(100), 1)
        .put("longest_wait_us", result.longestNanos() / 1e3, 1)
        .put("jain", result.jain(), 5);
  }

  /** The figures of a load as a table. */
  public static Table table(LockLoadResult result) {
    LockCounts counts = result.counts();
    return new Table()
        .row("acquired", result.acquiredPerSecond(), 0, "/s")
        .row("wait p50", result.waitMicros(50), 1, "us")
        .row("wait p99", result.waitMicros(99), 1, "us")
        .row("wait p99.9", result.waitMicros(99.9), 1, "us")
        .row("wait longest", result.longestNanos() / 1e3, 1, "us")
        .row("Jain's index", result.jain(), 4, "")
        .row("virtual clients", result.clients())
        .row("acquired", counts.acquired())
        .row("sent", counts.sent())
        .row("told to wait", counts.waited())
        .row("rejected", counts.rejected())
        .row("rejected for each acquired", result.rejectedPerAcquired(), 3, "")
        .row("waited to the limit", counts.timeouts())
        .row("leases expired", counts.expired())
        .row("lost", counts.lost())
        .row("polled", counts.polled())
        .row("late", counts.late())
        .row("duplicate", counts.duplicate())
        .row("foreign", counts.foreign())
        .row("errors", counts.errors())
        .row("exclusive to two", result.total().violations())
        .row("not at rest at the end", result.unfinished());
  }
}
