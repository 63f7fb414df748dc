package org.kerbykv.client;

import io.netty.channel.EventLoop;
import io.netty.channel.IoEventLoopGroup;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** What all views of one client share: event loops, links, and the places for calls. */
final class ClientCore {
  private static final long SHUTDOWN_SECONDS_MAX = 5;

  private final KerbyClientConfig config;
  private final ClientCounters counters = new ClientCounters();
  private final Semaphore places;
  private final IoEventLoopGroup group;
  private final ServerLink[] links;
  private volatile boolean closed;

  private ClientCore(KerbyClientConfig config, InetSocketAddress server) {
    this.config = config;
    places = new Semaphore(config.maxOutstanding());
    group = NettyIo.newGroup(config.ioThreads());
    links = new ServerLink[config.ioThreads()];
    Arrays.setAll(links, i -> new ServerLink(this, (EventLoop) group.next(), server));
  }

  static ClientCore open(KerbyClientConfig config) {
    ClientCore core = new ClientCore(config, resolve(config.server()));
    try {
      for (ServerLink link : core.links) {
        link.open();
      }
      return core;
    } catch (KerbyConnectionException e) {
      core.close();
      throw e;
    }
  }

  private static InetSocketAddress resolve(InetSocketAddress address) {
    InetSocketAddress resolved =
        address.isUnresolved()
            ? new InetSocketAddress(address.getHostString(), address.getPort())
            : address;
    if (resolved.isUnresolved()) {
      throw new KerbyConnectionException("unknown host " + address.getHostString(), null);
    }
    return resolved;
  }

  static KerbyClosedException closedException() {
    return new KerbyClosedException("the client is closed", null);
  }

  KerbyClientConfig config() {
    return config;
  }

  ClientCounters counters() {
    return counters;
  }

  /** Sends a call on its way; it ends within its timeout whatever happens. */
  <R> CompletableFuture<R> submit(Call<R> call) {
    counters.calls().increment();
    if (!takePlace(call)) {
      return call;
    }
    try {
      links[Math.floorMod(Arrays.hashCode(call.key), links.length)].submit(call);
    } catch (RejectedExecutionException e) {
      call.fail(closedException());
    }
    // close() marks the client before it fails what it finds: either it found this call, or the
    // mark is seen here.
    if (closed) {
      call.fail(closedException());
    }
    return call;
  }

  private boolean takePlace(Call<?> call) {
    if (closed) {
      call.fail(closedException());
      return false;
    }
    try {
      boolean mayWait = config.backPressure() == BackPressure.WAIT && !onEventLoop();
      if (places.tryAcquire()
          || (mayWait
              && places.tryAcquire(call.deadline - System.nanoTime(), TimeUnit.NANOSECONDS))) {
        return true;
      }
      call.fail(
          new KerbyOverloadedException(
              config.maxOutstanding() + " calls are unanswered already", null));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      call.fail(new KerbyInterruptedException("interrupted while waiting for a place", e));
    }
    return false;
  }

  void releasePlace() {
    places.release();
  }

  /** Whether the current thread is one that completes calls. */
  boolean onEventLoop() {
    for (ServerLink link : links) {
      if (link.loop().inEventLoop()) {
        return true;
      }
    }
    return false;
  }

  void close() {
    if (closed) {
      return;
    }
    closed = true;
    for (ServerLink link : links) {
      link.loop().execute(() -> link.close(closedException()));
    }
    var stopped = group.shutdownGracefully(0, SHUTDOWN_SECONDS_MAX, TimeUnit.SECONDS);
    if (!onEventLoop()) {
      stopped.awaitUninterruptibly(SHUTDOWN_SECONDS_MAX, TimeUnit.SECONDS);
    }
  }
}
