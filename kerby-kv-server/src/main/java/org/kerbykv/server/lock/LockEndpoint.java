package org.kerbykv.server.lock;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.DatagramPacket;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.function.Function;
import org.kerbykv.server.log.ServerLog;
import org.kerbykv.server.net.Allowlist;
import org.kerbykv.server.net.DatagramSender;

/**
 * One UDP socket of one event loop: what the kernel's doors let pass goes through user space's, as
 * many requests at once as have come in.
 */
final class LockEndpoint extends ChannelInboundHandlerAdapter {
  private final Channel channel;
  private final int port;
  private final LockDoor door;
  private final Allowlist allowed;
  private final LockDrops drops;
  private final Runnable makeRoom;
  private final DatagramSender sender;

  /** Of the requests in the door's slots. */
  private final DatagramPacket[] requests = new DatagramPacket[LockSlot.BATCH_MAX];

  private int count;

  /**
   * Makes an endpoint.
   *
   * @param port the server's own
   * @param door of the event loop
   * @param makeRoom called when there is no room for another lock or client
   */
  LockEndpoint(
      Channel channel,
      int port,
      Function<InetAddress, ChannelFuture> replySockets,
      LockDoor door,
      Allowlist allowed,
      LockDrops drops,
      Runnable makeRoom) {
    this.channel = channel;
    this.port = port;
    this.door = door;
    this.allowed = allowed;
    this.drops = drops;
    this.makeRoom = makeRoom;
    this.sender = new DatagramSender(channel, replySockets, new Sent(drops));
  }

  private record Sent(LockDrops drops) implements DatagramSender.Observer {
    @Override
    public void sent(int bytes) {
      // The door counts the replies.
    }

    @Override
    public void dropped() {
      drops.count(LockDropReason.SEND_QUEUE);
    }
  }

  /** Sends notices; on any thread. */
  void send(List<LockNotice> notices) {
    channel
        .eventLoop()
        .execute(
            () -> {
              notices.forEach(notice -> notice.send(sender));
              sender.flush();
            });
  }

  /** Returns what makes the memory of notices. */
  DatagramSender sender() {
    return sender;
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    DatagramPacket request = (DatagramPacket) message;
    if (!mayAnswer(request)) {
      request.release();
      return;
    }
    door.message(
        count, request.content(), request.sender(), request.recipient().getAddress(), port);
    requests[count++] = request;
    if (count == requests.length) {
      serve();
    }
  }

  private boolean mayAnswer(DatagramPacket request) {
    if (!allowed.allows(request.sender().getAddress())) {
      drops.count(LockDropReason.NOT_ALLOWED);
      return false;
    }
    if (!LockMessage.isRequest(request.content())) {
      drops.count(LockDropReason.MALFORMED);
      return false;
    }
    if (request.sender().getPort() == port) {
      drops.count(LockDropReason.SOURCE);
      return false;
    }
    return true;
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext context) {
    serve();
    sender.flush();
  }

  private void serve() {
    if (count == 0) {
      return;
    }
    try {
      door.run(count);
      for (int slot = 0; slot < count; slot++) {
        answer(slot, requests[slot]);
      }
    } finally {
      for (int slot = 0; slot < count; slot++) {
        requests[slot].release();
        requests[slot] = null;
      }
      count = 0;
    }
  }

  private void answer(int slot, DatagramPacket request) {
    int status = door.status(slot);
    if (status == LockSlot.AGAIN) {
      drops.count(LockDropReason.CONTENDED);
      return;
    }
    ByteBuf reply = sender.buffer(LockMessage.BYTES);
    LockMessage.write(door.memory(), door.messageAt(slot), reply);
    if (status == LockSlot.FULL) {
      makeRoom.run();
      reply.setByte(LockMessage.STATUS, LockMessage.NO_ROOM);
      reply.setLong(LockMessage.TOKEN, 0);
      reply.setInt(LockMessage.WAIT, 0);
      reply.setInt(LockMessage.LEASE, 0);
    }
    InetSocketAddress client = request.sender();
    sender.send(reply, client, request.recipient().getAddress());
    for (int i = 0; i < door.notices(slot); i++) {
      LockNotice.read(door.memory(), door.noticeAt(slot, i), sender).send(sender);
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    if (cause instanceof IOException) {
      // For example an ICMP error for a reply whose receiver has gone.
      ServerLog.debug("UDP socket of locks", "local", channel.localAddress(), "error", cause);
    } else {
      ServerLog.warn("answering for locks failed", "error", cause);
    }
  }
}
