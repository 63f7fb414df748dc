package org.kerbykv.client;

import java.util.function.Consumer;

/**
 * One timer for each element, set and cleared without allocation. A timer fires once its time has
 * passed, at most one tick late, on the thread that calls {@link #advance}. Not thread-safe.
 */
final class TimerWheel<T extends TimedFuture<?, T>> {
  static final int NO_BUCKET = -1;

  /** 2^22 ns: about 4 ms. */
  private static final int TICK_SHIFT = 22;

  static final long TICK_NANOS = 1L << TICK_SHIFT;
  private static final int BUCKETS = 256;

  @SuppressWarnings({"unchecked", "rawtypes"}) // nothing but T is stored
  private final T[] buckets = (T[]) new TimedFuture[BUCKETS];

  private final Consumer<T> onFire;
  private long lastTick;
  private int size;

  TimerWheel(long now, Consumer<T> onFire) {
    lastTick = now >> TICK_SHIFT;
    this.onFire = onFire;
  }

  boolean isEmpty() {
    return size == 0;
  }

  /** When the next timer may fire; one has to be set. */
  long nextAt() {
    long tick = lastTick;
    while (buckets[(int) (tick & (BUCKETS - 1))] == null) {
      tick++;
    }
    return (tick + 1) << TICK_SHIFT;
  }

  /** Sets or moves the element's timer. */
  void set(T element, long at) {
    clear(element);
    int bucket = (int) ((at >> TICK_SHIFT) & (BUCKETS - 1));
    element.timerAt = at;
    element.timerBucket = bucket;
    element.timerPrevious = null;
    element.timerNext = buckets[bucket];
    if (element.timerNext != null) {
      element.timerNext.timerPrevious = element;
    }
    buckets[bucket] = element;
    size++;
  }

  /** Clears the element's timer, if it is set. */
  void clear(T element) {
    if (element.timerBucket == NO_BUCKET) {
      return;
    }
    if (element.timerPrevious == null) {
      buckets[element.timerBucket] = element.timerNext;
    } else {
      element.timerPrevious.timerNext = element.timerNext;
    }
    if (element.timerNext != null) {
      element.timerNext.timerPrevious = element.timerPrevious;
    }
    element.timerNext = null;
    element.timerPrevious = null;
    element.timerBucket = NO_BUCKET;
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

  /** Takes the due elements of a bucket out of it, as a list of their own. */
  private T takeDue(int bucket, long now) {
    T due = null;
    T next;
    for (T element = buckets[bucket]; element != null; element = next) {
      next = element.timerNext;
      if (element.timerAt - now <= 0) {
        clear(element);
        element.timerNext = due;
        due = element;
      }
    }
    return due;
  }

  private void fire(T due) {
    T next;
    for (T element = due; element != null; element = next) {
      next = element.timerNext;
      element.timerNext = null;
      onFire.accept(element);
    }
  }

  /** Clears every timer and hands over its element. */
  void drain(Consumer<T> to) {
    for (int bucket = 0; bucket < BUCKETS; bucket++) {
      while (buckets[bucket] != null) {
        T element = buckets[bucket];
        clear(element);
        to.accept(element);
      }
    }
  }
}
