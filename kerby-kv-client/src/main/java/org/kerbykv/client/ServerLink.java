package org.kerbykv.client;

import io.netty.channel.ChannelFuture;
import io.netty.channel.EventLoop;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/**
 * What one event loop shares with one server: a way over UDP, a TCP connection, and the calls that
 * wait for either. Only {@link #submit} may be called from other threads.
 */
@SuppressWarnings("FutureReturnValueIgnored") // of scheduling the event loop's own tasks
final class ServerLink {
  private final ClientCore core;
  private final ServerNode node;
  private final KerbyClientConfig config;
  private final EventLoop loop;
  private final InetSocketAddress server;
  private final UdpLane udp;
  private final TcpConnection tcp;
  private final LoopTimers<Call<?>> timers;

  /** Calls that the event loop has not seen yet, the last first. */
  private final AtomicReference<Call<?>> submitted = new AtomicReference<>();

  /** {@link #startSubmitted()}, made once. */
  private final Runnable startSubmitted = this::startSubmitted;

  /** Whether anything was asked since the server was last heard, and when first. */
  private boolean silent;

  private long silentSince;
  private boolean closed;

  ServerLink(ClientCore core, ServerNode node, EventLoop loop, InetSocketAddress server) {
    this.core = core;
    this.node = node;
    this.config = core.config();
    this.loop = loop;
    this.server = server;
    this.udp = new UdpLane(this);
    this.tcp = new TcpConnection(this);
    this.timers = new LoopTimers<>(loop, this::timerFired, this::flush);
  }

  EventLoop loop() {
    return loop;
  }

  InetSocketAddress server() {
    return server;
  }

  KerbyClientConfig config() {
    return config;
  }

  ClientCounters counters() {
    return core.counters();
  }

  /** Opens the first UDP port, if this configuration will use one. */
  void open() {
    if (config.transport() == Transport.TCP) {
      return;
    }
    ChannelFuture opened = loop.submit(udp.ports()::openNext).syncUninterruptibly().getNow();
    opened.awaitUninterruptibly();
    if (!opened.isSuccess()) {
      throw new KerbyConnectionException(
          "no UDP socket to " + server + ": " + opened.cause().getMessage(), opened.cause());
    }
  }

  // --- From any thread --------------------------------------------------------------------------

  /** Hands a call to the event loop. Many calls submitted meanwhile cost one wake-up. */
  void submit(Call<?> call) {
    Call<?> before;
    do {
      before = submitted.get();
      call.submittedBefore = before;
    } while (!submitted.compareAndSet(before, call));
    if (before == null) {
      loop.execute(startSubmitted);
    }
  }

  // --- On the event loop ------------------------------------------------------------------------

  private void startSubmitted() {
    Call<?> call = inOrder(submitted.getAndSet(null));
    while (call != null) {
      Call<?> next = call.submittedBefore;
      call.submittedBefore = null;
      start(call);
      call = next;
    }
    flush();
  }

  private static Call<?> inOrder(Call<?> last) {
    Call<?> first = null;
    for (Call<?> call = last; call != null; ) {
      Call<?> before = call.submittedBefore;
      call.submittedBefore = first;
      first = call;
      call = before;
    }
    return first;
  }

  private void start(Call<?> call) {
    if (closed) {
      fail(call, ClientCore.closedException());
    } else if (call.isDone()) {
      retire(call);
    } else if (call.deadline - System.nanoTime() <= 0) {
      expire(call);
    } else {
      noteAsked();
      setTimer(call, call.deadline);
      if (mayUseUdp(call)) {
        udp.submit(call);
      } else {
        sendByTcp(call);
      }
    }
  }

  private void noteAsked() {
    if (!silent) {
      silent = true;
      silentSince = System.nanoTime();
    }
  }

  /** Something came from the server. */
  void heard() {
    silent = false;
    node.heard();
  }

  /** The server could not be reached. */
  void failed() {
    node.failed();
  }

  private boolean mayUseUdp(Call<?> call) {
    boolean wanted =
        switch (config.transport()) {
          case AUTO -> call.command.repeatable();
          case UDP -> true;
          case TCP -> false;
        };
    return wanted && (call.value == null || call.value.length < config.maxDatagram());
  }

  void sendByTcp(Call<?> call) {
    setTimer(call, call.deadline);
    tcp.submit(call);
  }

  /** Sends what the steps before have left to send. */
  void flush() {
    udp.flush();
    tcp.flush();
  }

  private void timerFired(Call<?> call) {
    if (call.place == Call.Place.RETIRED) {
      return;
    }
    if (call.deadline - System.nanoTime() <= 0) {
      expire(call);
    } else if (call.place == Call.Place.UDP) {
      udp.retry(call);
    }
  }

  private void expire(Call<?> call) {
    boolean inTcp = call.place == Call.Place.TCP;
    if (!inTcp) {
      retire(call);
    }
    if (!call.isDone()) {
      counters().timeouts().increment();
      call.fail(timeoutException(call, inTcp));
      if (silent && System.nanoTime() - silentSince >= config.timeout().toNanos()) {
        failed();
      }
    }
    if (inTcp) {
      // It keeps its place in the order of replies; a dead connection must not keep it for ever.
      tcp.checkAlive();
      if (call.place == Call.Place.TCP) {
        setTimer(call, System.nanoTime() + config.timeout().toNanos());
      }
    }
  }

  private KerbyTimeoutException timeoutException(Call<?> call, boolean inTcp) {
    String way = inTcp ? "sent over TCP" : call.udpAttempts + " sent over UDP";
    String message =
        "no reply to %s from %s within %d ms (%s)"
            .formatted(
                call.command.word(),
                server,
                TimeUnit.NANOSECONDS.toMillis(call.deadline - call.created),
                call.sent ? way : "not sent");
    return new KerbyTimeoutException(message, inTcp ? null : udp.trouble());
  }

  void answer(Call<?> call, Reply reply) {
    retire(call);
    call.answer(reply);
  }

  void fail(Call<?> call, KerbyException reason) {
    retire(call);
    call.fail(reason);
  }

  /** The link is done with a call: its ids, its timer and its place are free. */
  void retire(Call<?> call) {
    udp.forget(call);
    timers.clear(call);
    if (call.place != Call.Place.RETIRED) {
      call.place = Call.Place.RETIRED;
      if (call.takesPlace) {
        node.releasePlace();
      }
    }
  }

  void setTimer(Call<?> call, long at) {
    timers.set(call, at);
  }

  /** Ends every call and closes the sockets. */
  void close(KerbyException reason) {
    closed = true;
    startSubmitted();
    tcp.close(reason);
    timers.drain(call -> fail(call, reason)); // what is left waits for UDP
    udp.close();
  }
}
