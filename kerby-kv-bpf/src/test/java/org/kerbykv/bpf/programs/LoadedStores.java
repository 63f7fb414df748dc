package org.kerbykv.bpf.programs;

import java.util.HashMap;
import java.util.Map;

/** Stores that many tests share, each loaded when it is first asked for. */
final class LoadedStores implements AutoCloseable {
  private final Map<KvConfig, KvStore> stores = new HashMap<>();
  private final Map<KvConfig, RuntimeException> failures = new HashMap<>();

  /** The store of that configuration. A load that has failed is not tried again. */
  KvStore get(KvConfig config) {
    if (failures.containsKey(config)) {
      throw new AssertionError("not loaded: see the first failure", failures.get(config));
    }
    try {
      return stores.computeIfAbsent(config, KvStore::new);
    } catch (RuntimeException e) {
      failures.put(config, e);
      throw e;
    }
  }

  @Override
  public void close() {
    stores.values().forEach(KvStore::close);
  }
}
