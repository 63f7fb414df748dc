package org.kerbykv.client;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/**
 * Several locks, taken one after the other in the order of their numbers: as everybody does so,
 * nobody waits for somebody who waits for him. But for the future, it belongs to the event loop.
 */
final class AcquireAll extends CompletableFuture<KerbyLockSet> {
  private final LockLink link;
  private final List<Map.Entry<Long, LockMode>> wanted;
  private final long waitUntil;
  private final long leaseNanos;
  private final List<KerbyLock> got = new ArrayList<>();
  private Acquisition<KerbyLock> current;

  /** Places for locks that have not been asked for. */
  private int placesLeft;

  /**
   * @param wanted in the order in which they are taken
   * @param waitUntil for all of them, in {@link System#nanoTime()}
   */
  AcquireAll(
      LockLink link, List<Map.Entry<Long, LockMode>> wanted, long waitUntil, long leaseNanos) {
    this.link = link;
    this.wanted = wanted;
    this.waitUntil = waitUntil;
    this.leaseNanos = leaseNanos;
    whenFailed();
  }

  @SuppressWarnings("FutureReturnValueIgnored")
  private void whenFailed() {
    whenComplete(
        (locks, failure) -> {
          if (failure != null) {
            link.execute(this::giveBack);
          }
        });
  }

  /** Asks for the first lock; the caller has taken a place for each of them. */
  void begin() {
    placesLeft = wanted.size();
    next();
  }

  @SuppressWarnings("FutureReturnValueIgnored")
  private void next() {
    if (isDone()) {
      giveBack();
    } else if (got.size() < wanted.size()) {
      Map.Entry<Long, LockMode> one = wanted.get(got.size());
      long waitNanos = Math.max(0, waitUntil - System.nanoTime());
      current =
          new Acquisition<>(
              link, one.getKey(), one.getValue(), waitNanos, leaseNanos, Function.identity(), null);
      placesLeft--;
      current.whenComplete(this::ended);
      link.start(current);
    } else if (!got.stream().allMatch(KerbyLock::isHeld)) {
      completeExceptionally(
          new KerbyLockLostException("a lock was lost while others were waited for"));
    } else if (!complete(new KerbyLockSet(got))) {
      giveBack();
    }
  }

  private void ended(KerbyLock lock, Throwable failure) {
    if (failure != null) {
      completeExceptionally(failure);
    } else {
      got.add(lock);
      next();
    }
  }

  @SuppressWarnings("FutureReturnValueIgnored")
  private void giveBack() {
    link.places().release(placesLeft);
    placesLeft = 0;
    if (current != null) {
      current.cancel(false);
    }
    got.forEach(KerbyLock::releaseAsync);
    got.clear();
  }
}
