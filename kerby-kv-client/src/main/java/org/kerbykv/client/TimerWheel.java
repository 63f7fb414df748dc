package org.kerbykv.client;

import java.util.function.Consumer;

/**
 * One timer for each call, set and cleared without allocation. A timer fires once its time has
 * passed, at most one tick late, on the thread that calls {@link #advance}. Not thread-safe.
 */
final class TimerWheel {
  static final int NO_BUCKET = -1;

  /** 2^22 ns: about 4 ms. */
  private static final int TICK_SHIFT = 22;

  static final long TICK_NANOS = 1L << TICK_SHIFT;
  private static final int BUCKETS = 256;

  private final Call<?>[] buckets = new Call<?>[BUCKETS];
  private final Consumer<Call<?>> onFire;
  private long lastTick;
  private int size;

  TimerWheel(long now, Consumer<Call<?>> onFire) {
    lastTick = now >> TICK_SHIFT;
    this.onFire = onFire;
  }

  boolean isEmpty() {
    return size == 0;
  }

  /** Sets or moves the call's timer. */
  void set(Call<?> call, long at) {
    clear(call);
    int bucket = (int) ((at >> TICK_SHIFT) & (BUCKETS - 1));
    call.timerAt = at;
    call.timerBucket = bucket;
    call.timerPrevious = null;
    call.timerNext = buckets[bucket];
    if (call.timerNext != null) {
      call.timerNext.timerPrevious = call;
    }
    buckets[bucket] = call;
    size++;
  }

  /** Clears the call's timer, if it is set. */
  void clear(Call<?> call) {
    if (call.timerBucket == NO_BUCKET) {
      return;
    }
    if (call.timerPrevious == null) {
      buckets[call.timerBucket] = call.timerNext;
    } else {
      call.timerPrevious.timerNext = call.timerNext;
    }
    if (call.timerNext != null) {
      call.timerNext.timerPrevious = call.timerPrevious;
    }
    call.timerNext = null;
    call.timerPrevious = null;
    call.timerBucket = NO_BUCKET;
    size--;
  }

  /** Fires every timer whose tick has ended. */
  void advance(long now) {
    long tick = now >> TICK_SHIFT;
    long first = Math.max(lastTick, tick - BUCKETS);
    lastTick = tick;
    for (long t = first; t < tick; t++) {
      fire(takeDue((int) (t & (BUCKETS - 1)), now));
    }
  }

  /** Takes the due calls of a bucket out of it, as a list of their own. */
  private Call<?> takeDue(int bucket, long now) {
    Call<?> due = null;
    Call<?> next;
    for (Call<?> call = buckets[bucket]; call != null; call = next) {
      next = call.timerNext;
      if (call.timerAt - now <= 0) {
        clear(call);
        call.timerNext = due;
        due = call;
      }
    }
    return due;
  }

  private void fire(Call<?> due) {
    Call<?> next;
    for (Call<?> call = due; call != null; call = next) {
      next = call.timerNext;
      call.timerNext = null;
      onFire.accept(call);
    }
  }

  /** Clears every timer and hands over its call. */
  void drain(Consumer<Call<?>> to) {
    for (int bucket = 0; bucket < BUCKETS; bucket++) {
      while (buckets[bucket] != null) {
        Call<?> call = buckets[bucket];
        clear(call);
        to.accept(call);
      }
    }
  }
}
