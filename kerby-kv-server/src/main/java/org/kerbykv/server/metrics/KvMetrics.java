package org.kerbykv.server.metrics;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.function.ToDoubleFunction;
import java.util.function.ToLongFunction;
import org.kerbykv.server.store.Store;
import org.kerbykv.server.store.StoreFigures;

/** Kerby-KV's figures. Nothing is counted here: a scrape reads what others count. */
public final class KvMetrics {
  private static final String TIER = "tier";

  private final MeterRegistry registry;

  private KvMetrics(MeterRegistry registry) {
    this.registry = registry;
  }

  /** Adds the figures to a registry. */
  public static void register(
      MeterRegistry registry,
      RequestCounts requests,
      ToLongFunction<DropReason> dropped,
      Store store) {
    KvMetrics metrics = new KvMetrics(registry);
    metrics.requestFigures(requests, dropped);
    metrics.storeFigures(store);
  }

  private void requestFigures(RequestCounts requests, ToLongFunction<DropReason> dropped) {
    for (RequestPath path : RequestPath.values()) {
      for (RequestKind kind : RequestKind.values()) {
        for (RequestResult result : RequestResult.values()) {
          FunctionCounter.builder(
                  "kerby.kv.requests", requests, counts -> counts.get(path, kind, result))
              .description("Requests by the door that answered them")
              .tags("path", path.label(), "op", kind.label(), "result", result.label())
              .register(registry);
        }
      }
    }
    for (DropReason reason : DropReason.values()) {
      FunctionCounter.builder("kerby.kv.dropped", dropped, counts -> counts.applyAsLong(reason))
          .description("Datagrams that got no reply")
          .tags("reason", reason.label())
          .register(registry);
    }
  }

  private void storeFigures(Store store) {
    tierGauge(store, "kerby.kv.items", "Items", "kernel", StoreFigures::kernelItems);
    tierGauge(store, "kerby.kv.items", "Items", "user", StoreFigures::userItems);
    String bytes = "Bytes of values, without keys";
    tierGauge(store, "kerby.kv.value.bytes", bytes, "kernel", StoreFigures::kernelValueBytes);
    tierGauge(store, "kerby.kv.value.bytes", bytes, "user", StoreFigures::userValueBytes);
    counter(store, "kerby.kv.demoted", "Items moved to user space", StoreFigures::demoted);
    counter(store, "kerby.kv.promoted", "Items moved to the kernel", StoreFigures::promoted);
    counter(store, "kerby.kv.evicted", "Live items given up for others", StoreFigures::evicted);
    counter(store, "kerby.kv.reclaimed", "Expired items removed", StoreFigures::expired);
    counter(
        store,
        "kerby.kv.lost",
        "Items whose values died with an earlier process",
        StoreFigures::lost);
  }

  private void tierGauge(
      Store store,
      String name,
      String description,
      String tier,
      ToDoubleFunction<StoreFigures> figure) {
    Gauge.builder(name, store, s -> figure.applyAsDouble(s.figures()))
        .description(description)
        .tags(TIER, tier)
        .register(registry);
  }

  private void counter(
      Store store, String name, String description, ToDoubleFunction<StoreFigures> figure) {
    FunctionCounter.builder(name, store, s -> figure.applyAsDouble(s.figures()))
        .description(description)
        .register(registry);
  }
}
