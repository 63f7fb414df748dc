package org.kerbykv.client;

import io.netty.channel.EventLoop;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * A {@link TimerWheel} that its event loop turns as long as a timer is set. Belongs to the loop.
 */
final class LoopTimers<T extends TimedFuture<?, T>> {
  private final EventLoop loop;
  private final TimerWheel<T> wheel;
  private final Runnable afterTick;
  private final Runnable tick = this::tick;
  private boolean tickScheduled;

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
    if (!tickScheduled) {
      scheduleTick();
    }
  }

  void clear(T element) {
    wheel.clear(element);
  }

  void drain(Consumer<T> to) {
    wheel.drain(to);
  }

  @SuppressWarnings("FutureReturnValueIgnored") // the loop forgets it when it is shut down
  private void scheduleTick() {
    tickScheduled = true;
    loop.schedule(tick, TimerWheel.TICK_NANOS, TimeUnit.NANOSECONDS);
  }

  private void tick() {
    tickScheduled = false;
    wheel.advance(System.nanoTime());
    afterTick.run();
    if (!wheel.isEmpty() && !tickScheduled) {
      scheduleTick();
    }
  }
}
