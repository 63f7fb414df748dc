package org.kerbykv.server.lock;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** Counts datagrams that get no reply. Thread-safe. */
final class LockDrops {
  private final Map<LockDropReason, LongAdder> counts = new EnumMap<>(LockDropReason.class);

  LockDrops() {
    for (LockDropReason reason : LockDropReason.values()) {
      counts.put(reason, new LongAdder());
    }
  }

  void count(LockDropReason reason) {
    counts.get(reason).increment();
  }

  long total(LockDropReason reason) {
    return counts.get(reason).sum();
  }
}
