package org.kerbykv.server.net;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.socket.DatagramPacket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.function.Function;

/**
 * Sends datagrams for one UDP socket of one event loop, from the address that their receiver knows
 * the server by. Used by that event loop only.
 */
public final class DatagramSender {
  private final Channel channel;
  private final Function<InetAddress, ChannelFuture> replySockets;
  private final Observer observer;

  /** Hears what becomes of each datagram. */
  public interface Observer {
    /** It is on its way. */
    void sent(int bytes);

    /** It was dropped, because more wait to be sent than the queue holds. */
    void dropped();
  }

  /**
   * Makes a sender.
   *
   * @param replySockets gives the socket to send from, for a local address; null for the channel
   *     always
   */
  public DatagramSender(
      Channel channel, Function<InetAddress, ChannelFuture> replySockets, Observer observer) {
    this.channel = channel;
    this.replySockets = replySockets;
    this.observer = observer;
  }

  /** Returns memory for a datagram. */
  public ByteBuf buffer(int bytes) {
    return channel.alloc().directBuffer(bytes, bytes);
  }

  /**
   * Sends a datagram, which may wait for {@link #flush}.
   *
   * @param content is released
   * @param from local address
   */
  public void send(ByteBuf content, InetSocketAddress to, InetAddress from) {
    ChannelFuture socket = replySockets == null ? null : replySockets.apply(from);
    DatagramPacket datagram = new DatagramPacket(content, to);
    if (socket == null) {
      write(channel, datagram);
    } else if (!socket.isDone()) {
      socket.addListener(
          opened -> write(opened.isSuccess() ? socket.channel() : channel, datagram));
    } else {
      write(socket.isSuccess() ? socket.channel() : channel, datagram);
    }
  }

  /** Sends what waits. */
  public void flush() {
    channel.flush();
  }

  private void write(Channel target, DatagramPacket datagram) {
    if (!target.isWritable()) {
      observer.dropped();
      datagram.release();
      return;
    }
    observer.sent(datagram.content().readableBytes());
    var _ = target.write(datagram, target.voidPromise());
    if (!target.equals(channel)) {
      target.flush();
    }
  }
}
