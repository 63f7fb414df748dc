package org.kerbykv.server.lock;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.function.ToDoubleFunction;

/** Kerby-Lock's figures under their Prometheus names. */
public final class LockMetrics {
  private LockMetrics() {}

  /** Adds the figures to a registry. */
  public static void register(MeterRegistry registry, LockService locks) {
    requests(registry, locks.stats());
    for (LockDropReason reason : LockDropReason.values()) {
      FunctionCounter.builder("kerby.lock.dropped", locks, it -> it.dropped(reason))
          .description("Datagrams that got no reply from user space")
          .tags("reason", reason.label())
          .register(registry);
    }
    gauge(registry, locks, "kerby.lock.held", it -> it.stats().held(), "Who hold a lock");
    gauge(registry, locks, "kerby.lock.waiting", it -> it.stats().waiting(), "Who wait for one");
    gauge(registry, locks, "kerby.lock.locks", LockService::locks, "Locks that are known");
    gauge(registry, locks, "kerby.lock.clients", LockService::clients, "Clients that are known");
    gauge(registry, locks, "kerby.lock.blocks.in.use", LockService::blocksInUse, "Blocks in use");
    gauge(
        registry,
        locks,
        "kerby.lock.blocks.capacity",
        LockService::blocksCapacity,
        "Blocks that the pool can hold");
    gauge(
        registry,
        locks,
        "kerby.lock.memory.bytes",
        LockService::memoryBytes,
        "Kernel memory of locks, clients, blocks and hash buckets");
  }

  private static void requests(MeterRegistry registry, LockStats stats) {
    for (LockStats.Path path : LockStats.Path.values()) {
      for (LockStats.Op op : LockStats.Op.values()) {
        for (LockStats.Result result : LockStats.Result.values()) {
          FunctionCounter.builder(
                  "kerby.lock.requests", stats, counts -> counts.requests(path, op, result))
              .description("Requests by the door that saw them")
              .tags(
                  "path", LockStats.label(path),
                  "op", LockStats.label(op),
                  "result", LockStats.label(result))
              .register(registry);
        }
      }
    }
  }

  private static void gauge(
      MeterRegistry registry,
      LockService locks,
      String name,
      ToDoubleFunction<LockService> figure,
      String description) {
    Gauge.builder(name, locks, figure).description(description).register(registry);
  }
}
