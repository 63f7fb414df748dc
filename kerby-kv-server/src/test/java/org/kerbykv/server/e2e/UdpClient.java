package org.kerbykv.server.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollDatagramChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.socket.DatagramPacket;
import io.netty.channel.socket.SocketProtocolFamily;
import io.netty.channel.unix.IntegerUnixChannelOption;
import java.net.Inet6Address;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.kerbykv.bpf.NetworkNamespace;

/**
 * A plain UDP client: memcached's frame header and text in, whole replies out, each checked to be
 * well framed and for the request. It has no notion of retrying, so a lost datagram is seen.
 *
 * <p>Its socket's buffer holds the largest reply that tests ask for, so that a slow reader loses
 * none of it. Not thread-safe.
 */
final class UdpClient implements AutoCloseable {
  static final int HEADER = 8;

  /** The most text of a request. */
  static final int TEXT_MAX = 65507 - HEADER;

  /** More than any reply takes, the first one of a JVM included. */
  static final Duration PATIENCE = Duration.ofSeconds(10);

  private static final int SOL_SOCKET = 1;
  private static final int SO_RCVBUFFORCE = 33;
  private static final int BUFFER_BYTES = 16 << 20;

  private final MultiThreadIoEventLoopGroup group;
  private final Channel channel;
  private final InetSocketAddress server;
  private final LinkedBlockingQueue<Datagram> received = new LinkedBlockingQueue<>();
  private int lastId;

  /**
   * A datagram of a reply.
   *
   * @param text what is behind the header, a character for each byte
   */
  record Datagram(int id, int sequence, int total, int reserved, String text) {}

  /** Opens a client in a namespace. */
  UdpClient(NetworkNamespace namespace, InetSocketAddress server) {
    this.server = server;
    group =
        new MultiThreadIoEventLoopGroup(1, namespace.threadFactory(), EpollIoHandler.newFactory());
    SocketProtocolFamily family =
        server.getAddress() instanceof Inet6Address
            ? SocketProtocolFamily.INET6
            : SocketProtocolFamily.INET;
    Bootstrap bootstrap =
        new Bootstrap()
            .group(group)
            .channelFactory(() -> new EpollDatagramChannel(family))
            .option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(65536))
            .option(
                new IntegerUnixChannelOption("SO_RCVBUFFORCE", SOL_SOCKET, SO_RCVBUFFORCE),
                BUFFER_BYTES)
            .handler(new Receiver());
    // The thread that makes the socket decides in which namespace it is.
    channel = namespace.call(() -> bootstrap.bind(0).syncUninterruptibly().channel());
  }

  private final class Receiver extends SimpleChannelInboundHandler<DatagramPacket> {
    @Override
    protected void channelRead0(ChannelHandlerContext context, DatagramPacket packet) {
      ByteBuf content = packet.content();
      if (!packet.sender().equals(server) || content.readableBytes() < HEADER) {
        throw new IllegalStateException(
            "%d bytes from %s".formatted(content.readableBytes(), packet.sender()));
      }
      int id = content.readUnsignedShort();
      int sequence = content.readUnsignedShort();
      int total = content.readUnsignedShort();
      int reserved = content.readUnsignedShort();
      byte[] text = new byte[content.readableBytes()];
      content.readBytes(text);
      received.add(new Datagram(id, sequence, total, reserved, new String(text, ISO_8859_1)));
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      // An ICMP error, when the server is gone; or a datagram that is none of ours, seen as lost.
      System.err.println("UDP client: " + cause);
    }
  }

  /** Sends a request and returns its reply's text, from however many datagrams. */
  String exchange(String text) {
    return new String(exchange(text.getBytes(ISO_8859_1)), ISO_8859_1);
  }

  /** As {@link #exchange(String)}, in bytes. */
  byte[] exchange(byte[] text) {
    return exchange(text, PATIENCE)
        .orElseThrow(() -> new AssertionError("no reply to " + Requests.abridged(text)));
  }

  /** Sends a request; returns its reply's text, or empty if that is not complete in time. */
  Optional<byte[]> exchange(byte[] text, Duration patience) {
    return reply(send(text), patience);
  }

  /** Sends a request under an id of its own, which is returned. */
  int send(byte[] text) {
    lastId = (lastId + 1) & 0x7fff;
    send(lastId, text);
    return lastId;
  }

  void send(int id, byte[] text) {
    ByteBuf datagram = Unpooled.buffer(HEADER + text.length);
    datagram.writeShort(id).writeShort(0).writeShort(1).writeShort(0).writeBytes(text);
    sendRaw(datagram);
  }

  /** Sends a datagram with whatever header it has, or none. */
  void sendRaw(ByteBuf datagram) {
    channel.writeAndFlush(new DatagramPacket(datagram, server)).syncUninterruptibly();
  }

  /** Returns the text of the reply to a request; empty if it is not complete in time. */
  Optional<byte[]> reply(int id, Duration patience) {
    long end = System.nanoTime() + patience.toNanos();
    String[] parts = null;
    int missing = 0;
    do {
      Optional<Datagram> next = receive(Duration.ofNanos(end - System.nanoTime()));
      if (next.isEmpty()) {
        return Optional.empty();
      }
      Datagram part = next.get();
      if (part.id() != id) {
        continue; // of a request whose reply came too late
      }
      if (parts == null) {
        parts = new String[part.total()];
        missing = part.total();
      }
      if (part.total() != parts.length
          || part.sequence() >= parts.length
          || part.reserved() != 0
          || parts[part.sequence()] != null) {
        throw new AssertionError("datagram %s of %d".formatted(part, parts.length));
      }
      parts[part.sequence()] = part.text();
      missing--;
    } while (parts == null || missing > 0);
    return Optional.of(String.join("", parts).getBytes(ISO_8859_1));
  }

  /** Returns the next datagram; empty if none comes in time. */
  Optional<Datagram> receive(Duration patience) {
    try {
      return Optional.ofNullable(received.poll(patience.toNanos(), TimeUnit.NANOSECONDS));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  @Override
  public void close() {
    channel.close().syncUninterruptibly();
    group.shutdownGracefully(0, 5, TimeUnit.SECONDS).syncUninterruptibly();
  }
}
