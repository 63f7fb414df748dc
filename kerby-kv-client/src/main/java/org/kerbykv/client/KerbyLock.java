package org.kerbykv.client;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A lock that is held, until it is given back or its lease ends. Thread-safe, and of no particular
 * thread: whoever has the handle may give the lock back.
 *
 * <p>Nobody can be sure to hold a lock at the moment he acts on it: between {@link #isHeld} and the
 * next statement the program may be stopped for longer than the lease. What the lock guards has to
 * check the {@link #fencingToken} itself.
 */
public final class KerbyLock implements AutoCloseable {
  private final Acquisition<?> acquisition;
  private final long token;
  private final AtomicBoolean givenBack = new AtomicBoolean();
  private final CompletableFuture<Boolean> released = new CompletableFuture<>();
  private final CompletableFuture<Void> lost = new CompletableFuture<>();
  private volatile long validUntil;

  KerbyLock(Acquisition<?> acquisition, long token, long validUntil) {
    this.acquisition = acquisition;
    this.token = token;
    this.validUntil = validUntil;
  }

  /** The lock's number, unsigned. */
  public long id() {
    return acquisition.lock;
  }

  public LockMode mode() {
    return acquisition.mode;
  }

  /**
   * A number that grows with every grant of this lock, to whomever. Send it along with every write
   * to what the lock guards, and let that refuse a smaller one than it has seen: so a holder whose
   * lease ended unnoticed can do no harm. Positive; see the README for an example.
   */
  public long fencingToken() {
    return token;
  }

  /**
   * Whether the lock is held for certain: it has not been given back, and its lease, counted on
   * this machine's clock from when it was asked for, has not ended. The clock stands still while
   * the machine is suspended, the server's does not.
   */
  public boolean isHeld() {
    return !givenBack.get() && !lost.isDone() && validUntil - System.nanoTime() > 0;
  }

  /** What is left of the lease by the same count, without further renewals; zero if not held. */
  public Duration remaining() {
    long left = validUntil - System.nanoTime();
    return isHeld() && left > 0 ? Duration.ofNanos(left) : Duration.ZERO;
  }

  /**
   * Has an action run once the lock is lost: its lease has ended, the server does not know of it
   * any more, or the client was closed. It runs at once if that has happened, else on the client's
   * own thread, which it must not block; what it throws is lost. It does not run if the lock is
   * given back in time.
   */
  @SuppressWarnings("FutureReturnValueIgnored") // of thenRun
  public void onLost(Runnable action) {
    lost.thenRun(action);
  }

  /**
   * Renews the lease now, to its full length from now on. Not needed where leases renew themselves.
   *
   * @throws KerbyLockLostException if it is not held any more, or could not be renewed in time
   * @throws KerbyInterruptedException if the thread was interrupted; the lease may be renewed
   * @throws IllegalStateException if called from an action attached to a future
   */
  public void renew() {
    refuseOnLoop();
    BlockingCall.await(renewAsync());
  }

  /** Completes when the lease is renewed, or fails as {@link #renew} does. */
  public CompletableFuture<Void> renewAsync() {
    CompletableFuture<Void> result = new CompletableFuture<>();
    if (givenBack.get() || !acquisition.link.execute(() -> acquisition.renew(result))) {
      result.completeExceptionally(new KerbyLockLostException("the lock has been given back"));
    }
    return result;
  }

  /**
   * Gives the lock back, and waits until the server has confirmed it.
   *
   * @return whether it was held until then; false if its lease had ended before
   * @throws KerbyUnknownOutcomeException if the server did not answer in time: the lock is free
   *     when its lease has ended, if not before
   * @throws KerbyInterruptedException if the thread was interrupted; the lock is given back all the
   *     same
   * @throws IllegalStateException if called from an action attached to a future
   */
  public boolean release() {
    refuseOnLoop();
    return BlockingCall.await(releaseAsync());
  }

  /** Gives the lock back; completes as {@link #release} does. */
  public CompletableFuture<Boolean> releaseAsync() {
    if (givenBack.compareAndSet(false, true) && !acquisition.link.execute(acquisition::release)) {
      released.complete(false);
    }
    return released.copy();
  }

  /**
   * Gives the lock back, and waits at most {@link KerbyLockConfig#timeout()} for the server to
   * confirm it. Does not say whether the lock was lost before, as {@link #release} does. Called
   * from an action attached to a future, it does not wait.
   */
  @Override
  public void close() {
    CompletableFuture<Boolean> confirmed = releaseAsync();
    if (!acquisition.link.onLoop()) {
      try {
        BlockingCall.await(confirmed);
      } catch (KerbyUnknownOutcomeException | KerbyInterruptedException e) {
        // The client goes on telling the server, and the lease ends anyhow.
      }
    }
  }

  private void refuseOnLoop() {
    BlockingCall.refuse(acquisition.link.onLoop());
  }

  // --- Of the acquisition, on the event loop ----------------------------------------------------

  long validUntil() {
    return validUntil;
  }

  void extend(long until) {
    validUntil = until;
  }

  void lose() {
    lost.complete(null);
  }

  boolean isLost() {
    return lost.isDone();
  }

  CompletableFuture<Boolean> released() {
    return released;
  }

  @Override
  public String toString() {
    return "lock %s (%s, token %d)".formatted(Long.toUnsignedString(id()), mode(), token);
  }
}
