package org.kerbykv.client;

import io.netty.channel.EventLoop;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One server as the client sees it: a link from each event loop, the places for calls to it, and
 * whether it answers. Thread-safe.
 */
final class ServerNode {
  private final ClientCore core;
  private final ServerAddress address;
  private final Semaphore places;
  private final ServerLink[] links;

  /** Failures since the server was last heard. */
  private final AtomicInteger failures = new AtomicInteger();

  ServerNode(
      ClientCore core,
      ServerAddress address,
      InetSocketAddress resolved,
      List<? extends EventLoop> loops) {
    this.core = core;
    this.address = address;
    this.places = new Semaphore(core.config().maxOutstanding());
    this.links = new ServerLink[loops.size()];
    Arrays.setAll(links, i -> new ServerLink(core, this, loops.get(i), resolved));
  }

  ServerAddress address() {
    return address;
  }

  ServerLink[] links() {
    return links;
  }

  void open() {
    for (ServerLink link : links) {
      link.open();
    }
  }

  /** The link for all calls on this key. */
  ServerLink link(byte[] key) {
    return links.length == 1 ? links[0] : links[Math.floorMod(Arrays.hashCode(key), links.length)];
  }

  // --- Places for calls -------------------------------------------------------------------------

  boolean tryTakePlace() {
    return places.tryAcquire();
  }

  boolean takePlace(long nanos) throws InterruptedException {
    return places.tryAcquire(nanos, TimeUnit.NANOSECONDS);
  }

  void releasePlace() {
    places.release();
  }

  int placesTaken() {
    return core.config().maxOutstanding() - places.availablePermits();
  }

  // --- Whether it answers -----------------------------------------------------------------------

  /** Something came from the server. */
  void heard() {
    if (failures.get() != 0) { // a volatile read for each batch of replies, and no more
      failures.set(0);
    }
  }

  /** The server could not be reached, or has been silent for a whole timeout. */
  void failed() {
    int limit = core.config().failureLimit();
    if (failures.incrementAndGet() >= limit && limit > 0) {
      core.eject(this);
    }
  }
}
