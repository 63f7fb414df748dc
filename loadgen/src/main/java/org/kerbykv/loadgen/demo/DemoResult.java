package org.kerbykv.loadgen.demo;

import org.kerbykv.loadgen.engine.LoadResult;
import org.kerbykv.loadgen.report.Json;
import org.kerbykv.loadgen.report.LoadReport;
import org.kerbykv.loadgen.report.ServerMetrics;
import org.kerbykv.loadgen.report.Table;

/**
 * What the demonstration found.
 *
 * @param items files stored
 * @param refused files that cannot be items
 * @param verifyFailed files that did not come back as they are
 * @param load the load on the items that fit a datagram
 * @param kernelGetShare share of the load's gets that the kernel answered
 * @param metrics the server's, at the end
 * @param poolBytesPerByte kernel memory that the values of one datagram took, for a byte stored
 * @param slotBytesPerByte what {@link SlotStore} would take
 */
record DemoResult(
    int items,
    int refused,
    int verifyFailed,
    LoadResult load,
    double kernelGetShare,
    ServerMetrics metrics,
    double poolBytesPerByte,
    double slotBytesPerByte) {
  private static final String ITEMS = "kerby_kv_items";
  private static final String VALUE_BYTES = "kerby_kv_value_bytes";
  private static final String POOL_MEMORY = "kerby_pool_memory_bytes";
  private static final String KERNEL = "tier=\"kernel\"";
  private static final String USER = "tier=\"user\"";

  boolean isSound() {
    return verifyFailed == 0 && load.counts().answered() > 0 && load.counts().corrupt() == 0;
  }

  private long poolBytes() {
    return (long) metrics.sum(POOL_MEMORY);
  }

  /** Kernel memory that storing items took between two readings, for a byte stored there. */
  static double poolBytesPerByte(ServerMetrics before, ServerMetrics after) {
    double stored = after.sum(VALUE_BYTES, KERNEL) - before.sum(VALUE_BYTES, KERNEL);
    return stored == 0 ? Double.NaN : (after.sum(POOL_MEMORY) - before.sum(POOL_MEMORY)) / stored;
  }

  Json json() {
    Json json =
        new Json()
            .put("verify_failed", verifyFailed)
            .put("items", items)
            .put("refused", refused)
            .put("kernel_get_share", kernelGetShare, 4)
            .put("ops_per_s", load.answeredPerSecond(), 1)
            .put("pool_memory_bytes", poolBytes())
            .put("value_bytes_kernel", (long) metrics.sum(VALUE_BYTES, KERNEL))
            .put("value_bytes_user", (long) metrics.sum(VALUE_BYTES, USER))
            .put("items_kernel", (long) metrics.sum(ITEMS, KERNEL))
            .put("items_user", (long) metrics.sum(ITEMS, USER))
            .put("pool_bytes_per_stored_byte", poolBytesPerByte, 3)
            .put("slot1024_bytes_per_stored_byte", slotBytesPerByte, 3);
    return LoadReport.json(json, load, kernelGetShare);
  }

  Table table() {
    return new Table()
        .row("files stored", items)
        .row("files that cannot be items", refused)
        .row("files read back that differ", verifyFailed)
        .row("items in the kernel", (long) metrics.sum(ITEMS, KERNEL))
        .row("items in user space", (long) metrics.sum(ITEMS, USER))
        .row("bytes in the kernel", (long) metrics.sum(VALUE_BYTES, KERNEL))
        .row("bytes in user space", (long) metrics.sum(VALUE_BYTES, USER))
        .row("memory of the kernel's pool and index", poolBytes())
        .row("taken for a byte stored in the kernel", poolBytesPerByte, 2, "bytes")
        .row("... by slots of 1024 bytes", slotBytesPerByte, 2, "bytes")
        .row("", "")
        .row("load: values of one datagram, 95 % gets", "")
        .rows(LoadReport.table(load, kernelGetShare));
  }
}
