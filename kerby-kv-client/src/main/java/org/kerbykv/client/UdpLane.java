package org.kerbykv.client;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayDeque;

/**
 * The link's way over UDP: sends requests as the window allows, sends them again, and takes their
 * replies. Belongs to the link's event loop.
 */
final class UdpLane {
  /** The wait before an attempt grows to 2^3 times the first. */
  private static final int WAIT_DOUBLINGS_MAX = 3;

  private final ServerLink link;
  private final KerbyClientConfig config;
  private final UdpPorts ports;
  private final UdpWindow window;
  private final ReplyReader reader;

  /** Calls that wait for room in the window, or for a port with ids left. */
  private final ArrayDeque<Call<?>> unsent = new ArrayDeque<>();

  private Throwable trouble;

  UdpLane(ServerLink link) {
    this.link = link;
    config = link.config();
    ports = new UdpPorts(this, link);
    window = new UdpWindow(config.maxOutstanding(), System.nanoTime());
    reader = new ReplyReader(config.maxValueBytes());
  }

  UdpPorts ports() {
    return ports;
  }

  /** Takes a call over; {@link #flush} sends it. */
  void submit(Call<?> call) {
    call.place = Call.Place.UDP;
    unsent.add(call);
  }

  /** Sends what waits, as far as window and ports allow. */
  void flush() {
    while (!unsent.isEmpty()) {
      Call<?> call = unsent.peek();
      if (call.place != Call.Place.UDP) { // out of time
        unsent.remove();
      } else if (call.isDone()) { // cancelled
        unsent.remove();
        link.retire(call);
      } else if (!ports.ready() || !window.tryEnter()) {
        break;
      } else {
        unsent.remove();
        call.inWindow = true;
        send(call);
      }
    }
    ports.flush();
  }

  private void send(Call<?> call) {
    ByteBuf request = encode(call);
    if (request.readableBytes() > config.maxDatagram()) {
      request.release();
      moveToTcp(call);
      return;
    }
    long now = System.nanoTime();
    call.sent = true;
    call.sentAt = now;
    call.udpAttempts++;
    ports.current().send(call, request);
    if (call.command.repeatable()) {
      int doublings = Math.min(call.udpAttempts - 1, WAIT_DOUBLINGS_MAX);
      long again = now + (config.udpRetryAfter().toNanos() << doublings);
      link.setTimer(call, call.deadline - again > 0 ? again : call.deadline);
    }
  }

  private static ByteBuf encode(Call<?> call) {
    int valueLength = call.value == null ? 0 : call.value.length;
    ByteBuf request =
        ByteBufAllocator.DEFAULT.directBuffer(
            UdpPort.HEADER_BYTES + RequestWriter.lineBytesMax(call) + valueLength);
    request.writeZero(UdpPort.HEADER_BYTES);
    RequestWriter.writeLine(call, request);
    if (call.value != null) {
      request.writeBytes(call.value);
      RequestWriter.writeValueEnd(request);
    }
    return request;
  }

  /** The last attempt has had its time without a reply: another, if any is left. */
  void retry(Call<?> call) {
    if (call.isDone()) {
      link.retire(call);
    } else if (call.inWindow) {
      window.shrink(call.sentAt, System.nanoTime());
      if (call.udpAttempts < config.udpAttempts()) {
        link.counters().retransmissions().increment();
        leaveWindow(call);
        unsent.addFirst(call);
        link.setTimer(call, call.deadline);
      } else if (config.transport() == Transport.AUTO) {
        fallBackToTcp(call);
      } else {
        link.setTimer(call, call.deadline);
      }
    }
  }

  /** The lane is done with a call, whatever became of it. */
  void forget(Call<?> call) {
    call.forgetAttempts();
    leaveWindow(call);
  }

  private void leaveWindow(Call<?> call) {
    if (call.inWindow) {
      call.inWindow = false;
      window.leave();
    }
  }

  /** Takes a whole reply that came to one of the call's attempts. */
  void receiveReply(Call<?> call, ByteBuf reply) {
    if (call.isDone()) {
      link.retire(call);
      return;
    }
    trouble = null;
    reader.begin(call);
    switch (reader.feed(reply)) {
      case COMPLETE -> {
        if (reply.isReadable()) {
          receiveMalformed(call);
        } else if (reader.status() == Reply.Status.SERVER_ERROR
            && call.command.shape() == Command.Shape.RETRIEVAL) {
          fallBackToTcp(call); // such as a reply over the server's limit for UDP
        } else {
          window.grow();
          link.answer(call, reader);
        }
      }
      case FOREIGN, NEXT -> link.counters().strayReplies().increment();
      case MORE, MALFORMED -> receiveMalformed(call);
    }
  }

  private void receiveMalformed(Call<?> call) {
    link.counters().malformedReplies().increment();
    fallBackToTcp(call); // it may be a reply that was cut: longer than we take
  }

  /** Asks again over TCP, if the request may be repeated; else the call waits on. */
  void fallBackToTcp(Call<?> call) {
    if (call.command.repeatable()) {
      link.counters().tcpFallbacks().increment();
      moveToTcp(call);
    }
  }

  private void moveToTcp(Call<?> call) {
    forget(call);
    link.sendByTcp(call);
  }

  /** Remembers why replies may be missing, for the message of a timeout. */
  void noteTrouble(Throwable cause) {
    trouble = cause;
  }

  Throwable trouble() {
    return trouble;
  }

  /** No port can be had: what waits to be sent has no way. */
  void failUnsent(Throwable cause) {
    for (int i = unsent.size(); i > 0; i--) {
      Call<?> call = unsent.remove();
      if (call.place == Call.Place.UDP) {
        link.fail(call, new KerbyConnectionException("no UDP socket: " + cause, cause));
      }
    }
  }

  void close() {
    ports.close();
  }
}
