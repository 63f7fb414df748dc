package org.kerbykv.client;

import io.netty.channel.EventLoop;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * A {@link TimerWheel} that its event loop turns whenever a timer may fire, so that an idle client
 * with few timers, such as a held lock's, sleeps. Belongs to the loop.
 */
final class LoopTimers<T extends TimedFuture<?, T>> {
  private final EventLoop loop;
  private final TimerWheel<T> wheel;
  private final Runnable afterTick;
  private final Runnable tick = this::tick;

  /** The next tick, if any timer is set, and when it is to be. */
  private Future<?> next;

  private long nextAt;

  /**
   * @param onFire gets each element whose time has passed
   * @param afterTick runs when all of them have been handled
   */
  LoopTimers(EventLoop loop, Consumer<T> onFire, Runnable afterTick) {
    this.loop = loop;
    this.wheel = new TimerWheel<>(System.nanoTime(), onFire);
    this.afterTick = afterTick;
  }

  void set(T element, long at) {
    wheel.set(element, at);
    schedule(at + TimerWheel.TICK_NANOS);
  }

  void clear(T element) {
    wheel.clear(element);
  }

  void drain(Consumer<T> to) {
    wheel.drain(to);
  }

  /** Ticks at that time, unless it does so before. */
  private void schedule(long at) {
    if (next != null) {
      if (nextAt - at <= 0) {
        return;
      }
      next.cancel(false);
    }
    nextAt = at;
    next = loop.schedule(tick, at - System.nanoTime(), TimeUnit.NANOSECONDS);
  }

  private void tick() {
    next = null;
    wheel.advance(System.nanoTime());
    afterTick.run();
    if (!wheel.isEmpty()) {
      schedule(wheel.nextAt());
    }
  }
}
