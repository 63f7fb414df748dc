package org.kerbykv.client;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.ChannelFuture;
import io.netty.channel.EventLoop;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/**
 * What one event loop shares with one server: UDP ports, a TCP connection, and the calls that wait
 * for either. Only {@link #submit} may be called from other threads.
 */
@SuppressWarnings("FutureReturnValueIgnored") // failures reach exceptionCaught or a listener
final class ServerLink {
  private final ClientCore core;
  private final KerbyClientConfig config;
  private final EventLoop loop;
  private final InetSocketAddress server;
  private final UdpPorts ports;
  private final TcpConnection tcp;
  private final ReplyReader reader;
  private final TimerWheel timers = new TimerWheel(System.nanoTime(), this::timerFired);

  /** Calls that the event loop has not seen yet, the last first. */
  private final AtomicReference<Call<?>> submitted = new AtomicReference<>();

  private boolean tickScheduled;
  private boolean closed;
  private Throwable trouble;

  ServerLink(ClientCore core, EventLoop loop, InetSocketAddress server) {
    this.core = core;
    this.config = core.config();
    this.loop = loop;
    this.server = server;
    this.ports = new UdpPorts(this, server);
    this.tcp = new TcpConnection(this, server);
    this.reader = new ReplyReader(config.maxValueBytes());
  }

  EventLoop loop() {
    return loop;
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
    ChannelFuture opened = loop.submit(ports::openNext).syncUninterruptibly().getNow();
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
      loop.execute(this::startSubmitted);
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
      setTimer(call, call.deadline);
      if (mayUseUdp(call)) {
        sendByUdp(call);
      } else {
        tcp.submit(call);
      }
    }
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

  /** Sends a request, the first time or again; over TCP if it does not fit a datagram. */
  void sendByUdp(Call<?> call) {
    if (call.place == Call.Place.RETIRED) {
      return;
    }
    call.place = Call.Place.UDP;
    UdpPort port = ports.takeFor(call);
    if (port == null) {
      return;
    }
    ByteBuf request = encodeDatagram(call);
    if (request.readableBytes() > config.maxDatagram()) {
      request.release();
      moveToTcp(call);
      return;
    }
    call.sent = true;
    call.udpAttempts++;
    port.send(call, request);
    if (call.command.repeatable() && call.udpAttempts < config.udpAttempts()) {
      long wait = config.udpRetryAfter().toNanos() << (call.udpAttempts - 1);
      long again = System.nanoTime() + wait;
      if (call.deadline - again > 0) {
        setTimer(call, again);
        return;
      }
    }
    setTimer(call, call.deadline);
  }

  private ByteBuf encodeDatagram(Call<?> call) {
    int valueLength = call.value == null ? 0 : call.value.length;
    ByteBuf request =
        ByteBufAllocator.DEFAULT.directBuffer(
            UdpPort.HEADER_BYTES + RequestWriter.OVERHEAD_MAX + call.key.length + valueLength);
    request.writeZero(UdpPort.HEADER_BYTES);
    RequestWriter.writeLine(call, request);
    if (call.value != null) {
      request.writeBytes(call.value);
      RequestWriter.writeValueEnd(request);
    }
    return request;
  }

  void flush() {
    ports.flush();
    tcp.flush();
  }

  /** Takes a whole reply that came over UDP to one of the call's attempts. */
  void receiveReply(Call<?> call, ByteBuf reply) {
    if (call.isDone()) {
      retire(call);
      return;
    }
    trouble = null;
    reader.begin(call.command, call.key);
    switch (reader.feed(reply)) {
      case COMPLETE -> {
        if (reply.isReadable()) {
          receiveMalformed(call);
        } else if (reader.status() == Reply.Status.SERVER_ERROR
            && call.command.shape() == Command.Shape.RETRIEVAL) {
          fallBackToTcp(call); // such as a reply over the server's limit for UDP
        } else {
          answer(call, reader);
        }
      }
      case FOREIGN -> counters().strayReplies().increment();
      case MORE, MALFORMED -> receiveMalformed(call);
    }
  }

  private void receiveMalformed(Call<?> call) {
    counters().malformedReplies().increment();
    fallBackToTcp(call); // it may be a reply that was cut: longer than we take
  }

  /** Asks again over TCP, if the request may be repeated; else the call waits on. */
  void fallBackToTcp(Call<?> call) {
    if (call.command.repeatable()) {
      counters().tcpFallbacks().increment();
      moveToTcp(call);
    }
  }

  private void moveToTcp(Call<?> call) {
    call.forgetAttempts();
    setTimer(call, call.deadline);
    tcp.submit(call);
  }

  /** Remembers why replies may be missing, for the message of a timeout. */
  void noteTrouble(Throwable cause) {
    trouble = cause;
  }

  private void timerFired(Call<?> call) {
    if (call.place == Call.Place.RETIRED) {
      return;
    }
    if (call.deadline - System.nanoTime() <= 0) {
      expire(call);
    } else if (call.place == Call.Place.UDP && call.isDone()) {
      retire(call);
    } else if (call.place == Call.Place.UDP) {
      counters().retransmissions().increment();
      sendByUdp(call);
    }
  }

  private void expire(Call<?> call) {
    boolean inTcp = call.place == Call.Place.TCP;
    if (!inTcp) {
      retire(call);
    }
    if (!call.isDone()) {
      counters().timeouts().increment();
      call.fail(timeoutException(call));
    }
    if (inTcp) {
      // It keeps its place in the order of replies; a dead connection must not keep it for ever.
      tcp.checkAlive();
      if (call.place == Call.Place.TCP) {
        setTimer(call, System.nanoTime() + config.timeout().toNanos());
      }
    }
  }

  private KerbyTimeoutException timeoutException(Call<?> call) {
    String way =
        !call.sent
            ? "not sent"
            : call.place == Call.Place.TCP ? "over TCP" : call.udpAttempts + " sent over UDP";
    String message =
        "no reply to %s from %s within %d ms (%s)"
            .formatted(
                call.command.word(),
                server,
                TimeUnit.NANOSECONDS.toMillis(call.deadline - call.created),
                way);
    return new KerbyTimeoutException(message, trouble);
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
    call.forgetAttempts();
    timers.clear(call);
    if (call.place != Call.Place.RETIRED) {
      call.place = Call.Place.RETIRED;
      core.releasePlace();
    }
  }

  private void setTimer(Call<?> call, long at) {
    timers.set(call, at);
    if (!tickScheduled) {
      scheduleTick();
    }
  }

  private void scheduleTick() {
    tickScheduled = true;
    loop.schedule(this::tick, TimerWheel.TICK_NANOS, TimeUnit.NANOSECONDS);
  }

  private void tick() {
    tickScheduled = false;
    timers.advance(System.nanoTime());
    flush();
    if (!timers.isEmpty() && !tickScheduled) {
      scheduleTick();
    }
  }

  /** Ends every call and closes the sockets. */
  void close(KerbyException reason) {
    closed = true;
    startSubmitted();
    tcp.close(reason);
    timers.drain(call -> fail(call, reason)); // what is left waits for UDP
    ports.close();
  }
}
