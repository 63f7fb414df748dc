package org.kerbykv.loadgen.socket;

import java.util.concurrent.atomic.AtomicLong;
import org.kerbykv.loadgen.engine.LoadCounts;

/** A worker's counters: written by its event loop alone, read by anyone. */
final class WorkerCounts {
  final AtomicLong sent = new AtomicLong();
  final AtomicLong lost = new AtomicLong();
  final AtomicLong late = new AtomicLong();
  final AtomicLong duplicate = new AtomicLong();
  final AtomicLong foreign = new AtomicLong();
  final AtomicLong corrupt = new AtomicLong();
  final AtomicLong hits = new AtomicLong();
  final AtomicLong misses = new AtomicLong();
  final AtomicLong stored = new AtomicLong();
  final AtomicLong errors = new AtomicLong();

  /** Counts without the cost of an atomic addition, since there is one writer. */
  static void increment(AtomicLong counter) {
    counter.setRelease(counter.getPlain() + 1);
  }

  LoadCounts snapshot() {
    long corruptNow = corrupt.getAcquire();
    long hitsNow = hits.getAcquire();
    long missesNow = misses.getAcquire();
    long storedNow = stored.getAcquire();
    long errorsNow = errors.getAcquire();
    return new LoadCounts(
        sent.getAcquire(),
        hitsNow + missesNow + storedNow + errorsNow + corruptNow,
        lost.getAcquire(),
        late.getAcquire(),
        duplicate.getAcquire(),
        foreign.getAcquire(),
        corruptNow,
        hitsNow,
        missesNow,
        storedNow,
        errorsNow);
  }
}
