package org.kerbykv.server.lock;

import io.netty.channel.EventLoop;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import org.kerbykv.server.kernel.NetDrops;
import org.kerbykv.server.net.Allowlist;
import org.kerbykv.server.net.EventLoops;
import org.kerbykv.server.net.UdpListener;

/** Serves locks: user space's half. Thread-safe. */
public final class LockService implements AutoCloseable {
  private final LockDoors doors;
  private final LockStats stats;
  private final LockDrops drops = new LockDrops();
  private final NetDrops kernelDrops;
  private final UdpListener listener;
  private final LockKeeper keeper;

  /**
   * Starts to serve.
   *
   * @param doors loaded, with room for a door of each event loop and one more
   * @param allowed who may ask
   * @throws IOException when the address cannot be had
   */
  public LockService(
      LockDoors doors, EventLoops loops, InetAddress listen, int port, Allowlist allowed)
      throws IOException {
    this.doors = doors;
    this.stats = new LockStats(doors.program());
    this.kernelDrops = new NetDrops(doors.program());
    Map<EventLoop, LockDoor> doorOf = new HashMap<>();
    for (EventLoop loop : loops.loops()) {
      doorOf.put(loop, doors.door(doorOf.size()));
    }
    AtomicBoolean roomWanted = new AtomicBoolean();
    List<LockEndpoint> endpoints = new CopyOnWriteArrayList<>();
    listener =
        new UdpListener(
            loops,
            listen,
            port,
            (channel, ownPort, replySockets) -> {
              LockEndpoint endpoint =
                  new LockEndpoint(
                      channel,
                      ownPort,
                      replySockets,
                      doorOf.get(channel.eventLoop()),
                      allowed,
                      drops,
                      () -> roomWanted.set(true));
              endpoints.add(endpoint);
              return endpoint;
            });
    // The last one listens on the whole address, not on one of many.
    keeper = new LockKeeper(doors, doors.door(doorOf.size()), endpoints.getLast(), roomWanted);
    keeper.start();
  }

  /** Returns the address that is served. */
  public InetSocketAddress address() {
    return listener.address();
  }

  /** Returns the counters of all doors. */
  public LockStats stats() {
    return stats;
  }

  /** Returns the datagrams that got no reply. */
  public long dropped(LockDropReason reason) {
    long kernel =
        reason == LockDropReason.NOT_ALLOWED ? kernelDrops.count(NetDrops.Reason.NOT_ALLOWED) : 0;
    return kernel + drops.total(reason);
  }

  /** Returns the blocks in use, in which waiters are, and those who share a lock. */
  public long blocksInUse() {
    return doors.blocksInUse();
  }

  /** Returns the most blocks that there may be. */
  public long blocksCapacity() {
    return doors.size().blocks();
  }

  /** Returns the locks that the kernel knew when it was last looked. */
  public long locks() {
    return keeper.reaper().lockCount();
  }

  /** Returns the clients that the kernel knew when it was last looked. */
  public long clients() {
    return keeper.reaper().clientCount();
  }

  /** Returns the kernel memory in use for locks. */
  public long memoryBytes() {
    return doors.size().memoryBytes(locks(), clients(), blocksInUse());
  }

  /** Checks the locks, which should be at rest. */
  public LockAudit audit() {
    return LockAudit.of(doors.program());
  }

  /** Returns whether leases end where nobody asks. */
  public boolean isHealthy() {
    return keeper.isAlive();
  }

  /** Stops; the kernel's doors go on if they are attached. */
  @Override
  public void close() {
    keeper.close();
    listener.close();
  }
}
