package org.kerbykv.server;

import java.util.Optional;
import org.kerbykv.server.kernel.KernelDoors;
import org.kerbykv.server.metrics.Counter;
import org.kerbykv.server.metrics.Totals;
import org.kerbykv.server.store.KernelStore;
import org.kerbykv.server.store.Store;
import org.kerbykv.server.store.StoreFigures;

/**
 * "stats items" and "stats slabs". Where memcached has slab classes, this server has its two tiers:
 * class 1 is the kernel's pool, whose chunks are its blocks, and class 2 is user space, whose
 * chunks are the units of its memory and whose pages the regions that were taken from the system.
 * Thread-safe.
 */
final class TierStats {
  private static final String KERNEL = "1:";
  private static final String USER = "2:";

  private final Store store;
  private final Totals totals;

  TierStats(Store store, Totals totals) {
    this.store = store;
    this.totals = totals;
  }

  /** Tiers without items are left out, as memcached does with classes. */
  void items(StatLines lines) {
    StoreFigures figures = store.figures();
    if (figures.kernelItems() > 0) {
      String prefix = "items:" + KERNEL;
      lines.add(prefix + "number", figures.kernelItems());
      lines.add(prefix + "mem_requested", figures.kernelValueBytes());
    }
    if (figures.userItems() > 0) {
      String prefix = "items:" + USER;
      lines.add(prefix + "number", figures.userItems());
      lines.add(prefix + "mem_requested", figures.userValueBytes());
      lines.add(prefix + "evicted", figures.evicted());
      lines.add(prefix + "outofmemory", totals.sinceReset(Counter.STORE_NO_MEMORY));
      lines.add(prefix + "reclaimed", figures.expired());
    }
  }

  void slabs(StatLines lines) {
    StoreFigures figures = store.figures();
    Optional<KernelDoors> kernel =
        store instanceof KernelStore tiered ? Optional.of(tiered.kernel()) : Optional.empty();
    kernel.ifPresent(doors -> kernelPool(lines, doors));
    userMemory(lines, figures);
    lines.add("active_slabs", kernel.isPresent() ? 2 : 1);
    long items = figures.kernelItems() + figures.userItems();
    long kernelBytes =
        kernel.map(doors -> doors.size().memoryBytes(doors.blocksInUse(), items)).orElse(0L);
    lines.add("total_malloced", kernelBytes + figures.userMemoryTakenBytes());
  }

  private static void kernelPool(StatLines lines, KernelDoors doors) {
    long blocks = doors.size().blocks();
    long used = doors.blocksInUse();
    lines.add(KERNEL + "chunk_size", doors.size().blockBytes());
    lines.add(KERNEL + "chunks_per_page", blocks);
    lines.add(KERNEL + "total_pages", 1);
    chunks(lines, KERNEL, blocks, used);
  }

  private static void userMemory(StatLines lines, StoreFigures figures) {
    long taken = figures.userMemoryTakenBytes();
    lines.add(USER + "chunk_size", StoreFigures.UNIT_BYTES);
    lines.add(USER + "chunks_per_page", StoreFigures.REGION_BYTES / StoreFigures.UNIT_BYTES);
    lines.add(USER + "total_pages", taken / StoreFigures.REGION_BYTES);
    chunks(
        lines,
        USER,
        taken / StoreFigures.UNIT_BYTES,
        figures.userMemoryBytes() / StoreFigures.UNIT_BYTES);
  }

  private static void chunks(StatLines lines, String prefix, long total, long used) {
    lines.add(prefix + "total_chunks", total);
    lines.add(prefix + "used_chunks", used);
    lines.add(prefix + "free_chunks", total - used);
  }
}
