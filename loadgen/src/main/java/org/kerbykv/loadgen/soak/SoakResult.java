package org.kerbykv.loadgen.soak;

import java.util.Optional;
import org.kerbykv.loadgen.report.Json;
import org.kerbykv.loadgen.report.Table;

/**
 * What came of a soak.
 *
 * @param moved items from one tier to the other, at least: of a killed process the last are unknown
 * @param start of the last process, warm; empty if there was no time for that
 * @param end of the same process
 */
record SoakResult(
    SoakPlan plan,
    SoakCounts counts,
    int kills,
    long moved,
    SoakFaults faults,
    Optional<MemorySample> start,
    Optional<MemorySample> end) {

  /** Whether every answer and every figure was as it has to be. */
  boolean isSound() {
    return counts.differences() == 0;
  }

  String table() {
    Table table =
        new Table()
            .row("seed", Long.toString(plan.seed()))
            .row("requests answered", counts.operations())
            .row("  hits", counts.hits.get())
            .row("  misses", counts.misses.get())
            .row("  of values that died with a process", counts.lost.get())
            .row("  sets and deletes", counts.writes.get())
            .row("requests without an answer", counts.unanswered.get())
            .row("requests refused", counts.refused.get())
            .row("servers killed", kills)
            .row("moves between the tiers", moved)
            .row("interface down and up", faults.flaps.get())
            .row("connections broken off", faults.brokenRequests.get());
    if (start.isPresent() && end.isPresent()) {
      MemorySample first = start.get();
      MemorySample last = end.get();
      memory(table, "kernel pool", first.poolBytes(), last.poolBytes());
      memory(table, "values in the kernel", first.kernelValueBytes(), last.kernelValueBytes());
      memory(table, "values in user space", first.userValueBytes(), last.userValueBytes());
      memory(table, "slab of the machine", first.slabBytes(), last.slabBytes());
      memory(table, "server's resident memory", first.residentBytes(), last.residentBytes());
      memory(table, "server's heap after GC", first.heapBytes(), last.heapBytes());
    }
    return table.row("differences", counts.differences()).toString();
  }

  private static void memory(Table table, String what, long first, long last) {
    table.row(what + ", start and end", "%,d %,d KiB".formatted(first >> 10, last >> 10));
  }

  String json() {
    Json json =
        new Json()
            .put("seed", plan.seed())
            .put("answered", counts.operations())
            .put("hits", counts.hits.get())
            .put("misses", counts.misses.get())
            .put("lost_with_user_space", counts.lost.get())
            .put("unanswered", counts.unanswered.get())
            .put("refused", counts.refused.get())
            .put("kills", kills)
            .put("moved", moved)
            .put("flaps", faults.flaps.get())
            .put("broken_connections", faults.brokenRequests.get());
    start.ifPresent(sample -> json.put("start", memory(sample)));
    end.ifPresent(sample -> json.put("end", memory(sample)));
    return json.put("differences", counts.differences()).put("ok", isSound()).toString();
  }

  private static Json memory(MemorySample sample) {
    return new Json()
        .put("pool_bytes", sample.poolBytes())
        .put("kernel_value_bytes", sample.kernelValueBytes())
        .put("user_value_bytes", sample.userValueBytes())
        .put("slab_bytes", sample.slabBytes())
        .put("resident_bytes", sample.residentBytes())
        .put("heap_bytes", sample.heapBytes());
  }
}
