package org.kerbykv.loadgen.socket;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.DatagramPacket;
import io.netty.util.ReferenceCountUtil;
import org.kerbykv.loadgen.engine.LoadSpec;

/** A worker over UDP. */
@SuppressWarnings("FutureReturnValueIgnored") // writes report to exceptionCaught
final class UdpWorker extends Worker {
  private static final int HEADER_BYTES = 8;
  private static final int IDS = 1 << 16;

  /** What became of the last request with an id: the fate of a reply that nobody waits for. */
  private static final byte UNUSED = 0;

  private static final byte ANSWERED = 1;
  private static final byte LOST = 2;

  /** Either, of a request that does not count: nothing that comes for it does. */
  private static final byte UNCOUNTED = 3;

  private final Slot[] byId = new Slot[IDS];
  private final byte[] history = new byte[IDS];
  private int nextId;

  UdpWorker(LoadSpec spec, EventLoop loop) {
    super(spec, loop, HEADER_BYTES);
  }

  @Override
  Bootstrap bootstrap() {
    return Sockets.datagram(loop, spec.maxDatagram(), this);
  }

  @Override
  void transmit(Slot slot) {
    while (byId[nextId] != null) {
      nextId = (nextId + 1) & (IDS - 1);
    }
    slot.id = nextId;
    byId[nextId] = slot;
    nextId = (nextId + 1) & (IDS - 1);
    slot.request.setShort(0, slot.id).setShort(4, 1);
    channel.write(slot.request.retain(), channel.voidPromise());
  }

  @Override
  boolean abandon(Slot slot) {
    forget(slot, LOST);
    return true;
  }

  private void forget(Slot slot, byte fate) {
    byId[slot.id] = null;
    history[slot.id] = slot.counted ? fate : UNCOUNTED;
    slot.parts = null;
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    try {
      receive(message instanceof DatagramPacket packet ? packet.content() : (ByteBuf) message);
    } finally {
      ReferenceCountUtil.release(message);
    }
  }

  private void receive(ByteBuf datagram) {
    if (datagram.readableBytes() < HEADER_BYTES) {
      WorkerCounts.increment(counts.foreign);
      return;
    }
    int id = datagram.readUnsignedShort();
    int number = datagram.readUnsignedShort();
    int total = datagram.readUnsignedShort();
    datagram.skipBytes(2);
    Slot slot = byId[id];
    if (slot == null) {
      receiveUnexpected(id);
    } else if (total == 1) {
      receiveWhole(slot, datagram);
    } else {
      receivePart(slot, number, total, datagram);
    }
  }

  private void receiveUnexpected(int id) {
    switch (history[id]) {
      case ANSWERED -> WorkerCounts.increment(counts.duplicate);
      case LOST -> WorkerCounts.increment(counts.late);
      case UNUSED -> WorkerCounts.increment(counts.foreign);
      default -> {}
    }
    if (history[id] == LOST) {
      history[id] = ANSWERED;
    }
  }

  private void receiveWhole(Slot slot, ByteBuf reply) {
    ReplyParser.Outcome outcome = parser.parse(slot, reply);
    boolean whole =
        outcome != ReplyParser.Outcome.INCOMPLETE && parser.length() == reply.readableBytes();
    forget(slot, ANSWERED);
    answered(slot, whole ? outcome : ReplyParser.Outcome.CORRUPT, reply);
  }

  private void receivePart(Slot slot, int number, int total, ByteBuf datagram) {
    if (slot.parts == null) {
      slot.parts = new byte[total][];
      slot.partsMissing = total;
    }
    if (number >= total || total != slot.parts.length) {
      forget(slot, ANSWERED);
      answered(slot, ReplyParser.Outcome.CORRUPT, datagram);
    } else if (slot.parts[number] != null) {
      WorkerCounts.increment(counts.duplicate);
    } else {
      slot.parts[number] = new byte[datagram.readableBytes()];
      datagram.readBytes(slot.parts[number]);
      if (--slot.partsMissing == 0) {
        receiveWhole(slot, Unpooled.wrappedBuffer(slot.parts));
      }
    }
  }

  /** An ICMP error: the request is lost, and the clock will say so. */
  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {}
}
