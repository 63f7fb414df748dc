package org.kerbykv.client;

import java.util.concurrent.CompletableFuture;

/**
 * A future that a {@link TimerWheel} can hold. The fields belong to the wheel.
 *
 * @param <T> what the wheel's elements are
 */
abstract class TimedFuture<R, T extends TimedFuture<?, T>> extends CompletableFuture<R> {
  /** Links of the list that the timer is in. */
  T timerNext;

  T timerPrevious;
  long timerAt;
  int timerBucket = TimerWheel.NO_BUCKET;
}
