package org.kerbykv.server.net;

import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.kerbykv.server.metrics.Counters;
import org.kerbykv.server.protocol.Dispatcher;
import org.kerbykv.server.store.Batch;
import org.kerbykv.server.store.Store;

/** The event loops. */
public final class EventLoops implements AutoCloseable {
  static {
    // Else Netty looks for a hardware address to make names of, and complains where there is none.
    if (System.getProperty("io.netty.machineId") == null) {
      System.setProperty("io.netty.machineId", "02:00:00:00:00:00");
    }
  }

  private final MultiThreadIoEventLoopGroup group;
  private final List<EventLoop> loops = new ArrayList<>();
  private final List<Counters> counters = new ArrayList<>();
  private final Map<EventLoop, Dispatcher> dispatchers = new HashMap<>();

  /**
   * Starts the event loops.
   *
   * @param threads how many
   */
  public EventLoops(int threads) {
    group =
        new MultiThreadIoEventLoopGroup(
            threads, new DefaultThreadFactory("kerby", true), EpollIoHandler.newFactory());
    for (EventExecutor executor : group) {
      loops.add((EventLoop) executor);
    }
  }

  /**
   * Gives each event loop its own door to a store, before any channel needs one.
   *
   * @param itemSizeMax memcached's -I, bytes
   */
  public void open(Store store, int itemSizeMax) {
    store.counts(loops.size()).forEach(memory -> counters.add(new Counters(memory)));
    for (int i = 0; i < loops.size(); i++) {
      Batch batch = new Batch(store.openDoor(), itemSizeMax);
      dispatchers.put(loops.get(i), new Dispatcher(batch, counters.get(i), loops.get(i)));
    }
  }

  /** Returns the counts of each event loop that has a door, and of those of earlier processes. */
  public List<Counters> counters() {
    return List.copyOf(counters);
  }

  MultiThreadIoEventLoopGroup group() {
    return group;
  }

  /** Returns the event loops. */
  public List<EventLoop> loops() {
    return loops;
  }

  Dispatcher dispatcher(Channel channel) {
    return dispatchers.get(channel.eventLoop());
  }

  /** Stops the event loops, whose channels must be closed, and closes their doors. */
  @Override
  public void close() {
    group.shutdownGracefully(0, 5, TimeUnit.SECONDS).syncUninterruptibly();
    dispatchers.values().forEach(Dispatcher::close);
  }
}
