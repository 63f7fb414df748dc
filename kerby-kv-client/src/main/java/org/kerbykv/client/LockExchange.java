package org.kerbykv.client;

import java.util.concurrent.TimeUnit;

/**
 * Something asked of the lock server, again and again until it has answered, and the future that
 * the caller holds. But for the future, it belongs to the event loop of its link.
 */
abstract class LockExchange<R> extends TimedFuture<R, LockExchange<?>> {
  /** The wait before a request is sent again grows to 2^4 times the first. */
  private static final int WAIT_DOUBLINGS_MAX = 4;

  final LockLink link;
  final long lock;
  private final long created = System.nanoTime();
  private int attempts;
  private long sendAgainAt;

  LockExchange(LockLink link, long lock) {
    this.link = link;
    this.lock = lock;
  }

  /** When it was asked for, in {@link System#nanoTime()}. */
  final long created() {
    return created;
  }

  /** Sends its first request; the first step on the event loop. */
  abstract void start();

  /** A reply that names it. */
  abstract void receive(LockMessage reply);

  /** The time it was set for has come, or a little more. */
  abstract void timerFired();

  /** How long it may wait for a place before it is started. */
  abstract long placeWaitNanos();

  /** Ends the future without a result, if it has none yet. */
  abstract void fail(KerbyException failure);

  /** The request that is about to be sent is another than the last. */
  final void nextRequest() {
    attempts = 0;
  }

  final void send(LockMessage request, long now, long waitMax) {
    if (attempts > 0) {
      link.counters().retransmissions().increment();
    }
    int doublings = Math.min(attempts, WAIT_DOUBLINGS_MAX);
    attempts++;
    sendAgainAt = now + Math.min(link.config().resendAfter().toNanos() << doublings, waitMax);
    link.send(request);
  }

  final long sendAgainAt() {
    return sendAgainAt;
  }

  final KerbyTimeoutException noReply(long now) {
    return new KerbyTimeoutException(
        "no reply about lock %s from %s within %d ms (%d sent)"
            .formatted(
                Long.toUnsignedString(lock),
                link.config().server(),
                TimeUnit.NANOSECONDS.toMillis(now - created),
                attempts),
        link.trouble());
  }

  /** The earlier of two times. */
  static long earlier(long a, long b) {
    return a - b < 0 ? a : b;
  }
}
