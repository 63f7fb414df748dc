package org.kerbykv.bpf.programs;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * Stores that many tests share. They are loaded one after the other in the background, since the
 * verifier takes seconds for each, while tests run with those that are there.
 */
final class LoadedStores implements AutoCloseable {
  private final Map<KvConfig, CompletableFuture<KvStore>> stores = new LinkedHashMap<>();
  private final Thread loader = new Thread(this::load, "load-stores");

  /**
   * Begins to load.
   *
   * @param configs in the order in which they will be asked for
   */
  LoadedStores(List<KvConfig> configs) {
    configs.forEach(config -> stores.put(config, new CompletableFuture<>()));
    loader.start();
  }

  private void load() {
    stores.forEach(
        (config, store) -> {
          try {
            store.complete(new KvStore(config));
          } catch (RuntimeException e) {
            store.completeExceptionally(e);
          }
        });
  }

  /** The store of that configuration; waits for it. */
  KvStore get(KvConfig config) {
    try {
      return stores.get(config).join();
    } catch (CompletionException e) {
      throw new AssertionError("not loaded: " + config, e.getCause());
    }
  }

  @Override
  public void close() {
    try {
      loader.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    stores.values().stream()
        .filter(store -> !store.isCompletedExceptionally())
        .forEach(store -> store.join().close());
  }
}
