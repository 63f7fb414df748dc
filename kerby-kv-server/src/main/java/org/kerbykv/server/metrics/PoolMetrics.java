package org.kerbykv.server.metrics;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.function.ToDoubleFunction;
import org.kerbykv.server.kernel.KernelDoors;
import org.kerbykv.server.store.KernelStore;
import org.kerbykv.server.store.StoreFigures;

/** The figures of the kernel's pool. */
public final class PoolMetrics {
  private PoolMetrics() {}

  /** Adds the figures of a store's pool to a registry. */
  public static void register(MeterRegistry registry, KernelStore store) {
    KernelDoors kernel = store.kernel();
    gauge(registry, kernel, "kerby.pool.blocks.in.use", KernelDoors::blocksInUse, "Blocks in use");
    gauge(
        registry,
        kernel,
        "kerby.pool.blocks.capacity",
        doors -> doors.size().blocks(),
        "Blocks that the pool can hold");
    gauge(
        registry,
        kernel,
        "kerby.pool.block.bytes",
        doors -> doors.size().blockBytes(),
        "Bytes of one block");
    Gauge.builder("kerby.pool.memory.bytes", store, PoolMetrics::memoryBytes)
        .description("Kernel memory of blocks, index entries and hash buckets")
        .register(registry);
  }

  private static double memoryBytes(KernelStore store) {
    StoreFigures figures = store.figures();
    KernelDoors kernel = store.kernel();
    return kernel
        .size()
        .memoryBytes(kernel.blocksInUse(), figures.kernelItems() + figures.userItems());
  }

  private static void gauge(
      MeterRegistry registry,
      KernelDoors kernel,
      String name,
      ToDoubleFunction<KernelDoors> figure,
      String description) {
    Gauge.builder(name, kernel, figure).description(description).register(registry);
  }
}
