package org.kerbykv.client;

import io.netty.channel.EventLoop;
import io.netty.channel.IoEventLoopGroup;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/** What all views of one client share: event loops, servers, and which of them gets which key. */
final class ClientCore {
  private static final long SHUTDOWN_SECONDS_MAX = 5;

  private final KerbyClientConfig config;
  private final ClientCounters counters = new ClientCounters();
  private final IoEventLoopGroup group;
  private final List<EventLoop> loops = new ArrayList<>();
  private final ServerNode[] nodes;

  /** The servers that get keys; changed under this object's lock. */
  private final BitSet live = new BitSet();

  private volatile KetamaRing ring;

  /** Who is told how calls end, or null. */
  private volatile CallObserver observer;

  private final AtomicBoolean closing = new AtomicBoolean();
  private volatile boolean closed;

  private ClientCore(KerbyClientConfig config, List<InetSocketAddress> resolved) {
    this.config = config;
    group = NettyIo.newGroup(config.ioThreads());
    for (int i = 0; i < config.ioThreads(); i++) {
      loops.add((EventLoop) group.next());
    }
    nodes = new ServerNode[resolved.size()];
    Arrays.setAll(
        nodes, i -> new ServerNode(this, config.servers().get(i), resolved.get(i), loops));
    live.set(0, nodes.length);
    ring = KetamaRing.of(config.servers(), live, config.distribution());
  }

  static ClientCore open(KerbyClientConfig config) {
    List<InetSocketAddress> resolved =
        config.servers().stream().map(server -> resolve(server.address())).toList();
    ClientCore core = new ClientCore(config, resolved);
    try {
      for (ServerNode node : core.nodes) {
        node.open();
      }
      return core;
    } catch (KerbyConnectionException e) {
      core.close();
      throw e;
    }
  }

  static InetSocketAddress resolve(InetSocketAddress address) {
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

  // --- Calls ------------------------------------------------------------------------------------

  /** The server of a key, at this moment. */
  ServerNode node(byte[] key) {
    return nodes.length == 1 ? nodes[0] : nodes[ring.owner(key)];
  }

  /** Sends a call on its way; it ends within its timeout whatever happens. */
  <R> CompletableFuture<R> submit(Call<R> call) {
    return submit(call, node(call.key));
  }

  /** As {@link #submit(Call)}, to this server. */
  <R> CompletableFuture<R> submit(Call<R> call, ServerNode node) {
    counters.calls().increment();
    call.observer = observer;
    if (!takePlace(call, node)) {
      return call;
    }
    try {
      node.link(call.key).submit(call);
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

  private boolean takePlace(Call<?> call, ServerNode node) {
    if (closed) {
      call.fail(closedException());
      return false;
    }
    try {
      boolean mayWait = config.backPressure() == BackPressure.WAIT && !onEventLoop();
      if (node.tryTakePlace() || (mayWait && node.takePlace(call.deadline - System.nanoTime()))) {
        return true;
      }
      call.fail(
          new KerbyOverloadedException(
              config.maxOutstanding() + " calls to " + node.address() + " are unanswered already",
              null));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      call.fail(new KerbyInterruptedException("interrupted while waiting for a place", e));
    }
    return false;
  }

  /** From now on tells this one too how calls end. */
  void observe(CallObserver other) {
    synchronized (live) {
      observer = observer == null ? other : observer.and(other);
    }
  }

  // --- Servers ----------------------------------------------------------------------------------

  List<ServerStatus> servers() {
    BitSet now;
    synchronized (live) {
      now = (BitSet) live.clone();
    }
    List<ServerStatus> servers = new ArrayList<>();
    for (int i = 0; i < nodes.length; i++) {
      servers.add(new ServerStatus(nodes[i].address(), !now.get(i), nodes[i].placesTaken()));
    }
    return List.copyOf(servers);
  }

  /** Gives a server's keys to the others, if there are any, and has it probed. */
  void eject(ServerNode node) {
    if (nodes.length > 1 && !closed && setLive(node, false)) {
      counters.ejections().increment();
      new ServerProbe(this, node).schedule();
    }
  }

  /** Gives an ejected server its keys back. */
  void restore(ServerNode node) {
    if (setLive(node, true)) {
      counters.returns().increment();
    }
  }

  /** Returns whether this was a change. */
  private boolean setLive(ServerNode node, boolean value) {
    synchronized (live) {
      int index = Arrays.asList(nodes).indexOf(node);
      if (live.get(index) == value) {
        return false;
      }
      live.set(index, value);
      BitSet placed = (BitSet) live.clone();
      if (placed.isEmpty()) {
        placed.set(0, nodes.length);
      }
      ring = KetamaRing.of(config.servers(), placed, config.distribution());
      return true;
    }
  }

  /** Whether the current thread is one that completes calls. */
  boolean onEventLoop() {
    for (EventLoop loop : loops) {
      if (loop.inEventLoop()) {
        return true;
      }
    }
    return false;
  }

  void close() {
    if (!closing.compareAndSet(false, true)) {
      return;
    }
    closed = true;
    for (ServerNode node : nodes) {
      for (ServerLink link : node.links()) {
        link.loop().execute(() -> link.close(closedException()));
      }
    }
    var stopped = group.shutdownGracefully(0, SHUTDOWN_SECONDS_MAX, TimeUnit.SECONDS);
    if (!onEventLoop()) {
      stopped.awaitUninterruptibly(SHUTDOWN_SECONDS_MAX, TimeUnit.SECONDS);
    }
  }
}
