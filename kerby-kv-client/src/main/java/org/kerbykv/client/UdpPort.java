package org.kerbykv.client;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.DatagramPacket;
import io.netty.util.ReferenceCountUtil;
import java.util.concurrent.ThreadLocalRandom;

/**
 * One local UDP port, connected to the server, with the calls that wait for a reply on it.
 *
 * <p>An id is used once: after 65536 requests the port has served its time and another takes over
 * (see {@link UdpPorts}). So a late or repeated reply finds nobody waiting for its id, however late
 * it is, and the kernel drops what comes from any other address.
 */
@SuppressWarnings("FutureReturnValueIgnored") // failures reach exceptionCaught or a listener
final class UdpPort extends ChannelInboundHandlerAdapter {
  /** Request ids are 16 bits. */
  static final int IDS = 1 << 16;

  /** Bytes of the frame header: id, number of the datagram, how many there are, zero. */
  static final int HEADER_BYTES = 8;

  private final UdpLane lane;
  private final ServerLink link;

  /** By id: a {@link Call} that waits, a {@link PartialReply} of one, or null. */
  private final Object[] waiting = new Object[IDS];

  private final int firstId = ThreadLocalRandom.current().nextInt(IDS);
  private int idsUsed;
  private int waitingCount;
  private boolean retired;
  private Channel channel;

  UdpPort(UdpLane lane, ServerLink link) {
    this.lane = lane;
    this.link = link;
  }

  @Override
  public void channelActive(ChannelHandlerContext context) {
    channel = context.channel();
    context.fireChannelActive();
  }

  int idsLeft() {
    return IDS - idsUsed;
  }

  /** Sends a request, which has room for the frame header in front, for a call. */
  void send(Call<?> call, ByteBuf request) {
    int id = (firstId + idsUsed++) & (IDS - 1);
    waiting[id] = call;
    waitingCount++;
    call.attemptWith(this, id);
    request.setShort(0, id).setShort(2, 0).setShort(4, 1).setShort(6, 0);
    channel.write(request, channel.voidPromise());
  }

  void flush() {
    channel.flush();
  }

  /** From now on a reply with this id is a stray. */
  void forget(int id) {
    waiting[id] = null;
    waitingCount--;
    closeIfDone();
  }

  /** No further request; closes once nobody waits. */
  void retire() {
    retired = true;
    closeIfDone();
  }

  private void closeIfDone() {
    if (retired && waitingCount == 0) {
      close();
    }
  }

  void close() {
    if (channel != null) {
      channel.close();
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    try {
      receive(message instanceof DatagramPacket packet ? packet.content() : (ByteBuf) message);
    } finally {
      ReferenceCountUtil.release(message);
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext context) {
    link.flush();
  }

  private void receive(ByteBuf datagram) {
    link.heard();
    if (datagram.readableBytes() < HEADER_BYTES) {
      link.counters().malformedReplies().increment();
      return;
    }
    int id = datagram.readUnsignedShort();
    int number = datagram.readUnsignedShort();
    int total = datagram.readUnsignedShort();
    datagram.skipBytes(2);
    if (number >= total) {
      link.counters().malformedReplies().increment();
      return;
    }
    switch (waiting[id]) {
      case Call<?> call when total == 1 -> lane.receiveReply(call, datagram);
      case Call<?> call -> {
        PartialReply partial = new PartialReply(call, total);
        waiting[id] = partial;
        receivePart(partial, number, total, datagram);
      }
      case PartialReply partial -> receivePart(partial, number, total, datagram);
      case null, default -> link.counters().strayReplies().increment();
    }
  }

  private void receivePart(PartialReply partial, int number, int total, ByteBuf datagram) {
    if (total > link.config().maxReplyDatagrams() || !partial.add(number, total, datagram)) {
      lane.fallBackToTcp(partial.call());
    } else if (partial.isComplete()) {
      lane.receiveReply(partial.call(), partial.join());
    }
  }

  /** An ICMP error or a full send buffer: the datagram is lost, and the call's timer knows. */
  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    lane.noteTrouble(cause);
  }
}
