package org.kerbykv.server;

import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.kerbykv.server.log.ServerLog;
import org.kerbykv.server.store.BootClock;
import org.kerbykv.server.store.Store;

/** Does what must be done now and then, on a thread of its own. Thread-safe. */
final class Housekeeper implements AutoCloseable {
  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  private final Store store;
  private final ScheduledExecutorService executor =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("kerby-housekeeper").factory());
  private final Future<?> upkeep;
  private Future<?> pendingFlush;

  Housekeeper(Store store) {
    this.store = store;
    upkeep = executor.scheduleWithFixedDelay(this::upkeep, 1, 1, TimeUnit.SECONDS);
  }

  /**
   * Expires all that is stored at a time, now or later; replaces a flush that is pending.
   *
   * @param exptime memcached's: 0 or less now; else as an item's expiry
   */
  synchronized void flush(int exptime) {
    if (pendingFlush != null) {
      pendingFlush.cancel(false);
      pendingFlush = null;
    }
    int now = BootClock.seconds();
    // As in memcached, what was stored in the second before the one named is gone at its start.
    int second = BootClock.expiry(exptime, now) - 1;
    if (exptime <= 0 || second <= now) {
      store.flushAll();
    } else {
      long delay = second * NANOS_PER_SECOND - BootClock.nanos();
      pendingFlush = executor.schedule(store::flushAll, delay, TimeUnit.NANOSECONDS);
    }
  }

  @Override
  public void close() {
    upkeep.cancel(false);
    executor.shutdownNow();
    try {
      if (!executor.awaitTermination(5, TimeUnit.SECONDS)) {
        ServerLog.warn("upkeep did not end within 5 seconds");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void upkeep() {
    try {
      store.upkeep();
    } catch (RuntimeException e) {
      // One failure must not end all later upkeep, as the executor would have it.
      ServerLog.warn("upkeep failed", "error", e);
    }
  }
}
