package org.kerbykv.loadgen.socket;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollDatagramChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioDatagramChannel;
import io.netty.channel.socket.nio.NioSocketChannel;

/** Sockets of the fastest kind there is here. */
final class Sockets {
  /** Datagrams taken by one system call. */
  private static final int BATCH = 64;

  private static final int BUFFER_BYTES = 8 << 20; // as much as the kernel lets us have
  private static final int DATAGRAM_ROOM_MIN = 2048;

  private Sockets() {}

  static IoHandlerFactory handlers() {
    return Epoll.isAvailable() ? EpollIoHandler.newFactory() : NioIoHandler.newFactory();
  }

  static Bootstrap datagram(EventLoop loop, int datagramMax, ChannelHandler handler) {
    int room = Math.max(DATAGRAM_ROOM_MIN, datagramMax);
    Bootstrap bootstrap =
        new Bootstrap()
            .group(loop)
            .handler(handler)
            .option(ChannelOption.SO_RCVBUF, BUFFER_BYTES)
            .option(ChannelOption.SO_SNDBUF, BUFFER_BYTES);
    return Epoll.isAvailable()
        ? bootstrap
            .channel(EpollDatagramChannel.class)
            .option(EpollChannelOption.MAX_DATAGRAM_PAYLOAD_SIZE, room)
            .option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(room * BATCH))
        : bootstrap
            .channel(NioDatagramChannel.class)
            .option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(room));
  }

  static Bootstrap stream(EventLoop loop, ChannelHandler handler) {
    return new Bootstrap()
        .group(loop)
        .handler(handler)
        .channel(Epoll.isAvailable() ? EpollSocketChannel.class : NioSocketChannel.class)
        .option(ChannelOption.TCP_NODELAY, true);
  }
}
