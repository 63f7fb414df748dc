package org.kerbykv.server.net;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollDatagramChannel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.io.IOException;
import java.net.BindException;
import java.net.DatagramSocket;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.kerbykv.server.log.ServerLog;

/**
 * Serves UDP on one port: a socket for each event loop, between which the kernel spreads the
 * senders.
 *
 * <p>A reply must come from the address that the request was sent to. A socket that is bound to all
 * addresses lets the kernel choose one, so here each local address gets sockets of its own, those
 * that are seen later when the first request to them comes in.
 */
public final class UdpListener implements AutoCloseable {
  private static final int SOCKET_BUFFER_BYTES = 4 << 20;

  /** What waits to be sent is bounded; UDP may lose the rest. */
  private static final WriteBufferWaterMark WATER_MARK = new WriteBufferWaterMark(2 << 20, 8 << 20);

  /** Against running out of files where every address of a large range is local. */
  private static final int ADDRESSES_MAX = 256;

  private final EventLoops loops;
  private final Endpoints endpoints;
  private final ChannelGroup open = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);

  /** When all addresses are served: each loop's sockets of single addresses, used by it only. */
  private final Map<EventLoop, Map<InetAddress, ChannelFuture>> singles = new HashMap<>();

  private final InetSocketAddress address;

  /** Makes what serves at a socket. */
  @FunctionalInterface
  public interface Endpoints {
    /**
     * Makes the handler of a socket's datagrams.
     *
     * @param port the server's own
     * @param replySockets gives the socket to send from, for the local address that a request was
     *     sent to; null where there is one only
     */
    ChannelHandler open(
        Channel channel, int port, Function<InetAddress, ChannelFuture> replySockets);
  }

  /**
   * Starts to serve.
   *
   * @param port -1 for any that is free
   * @throws IOException when the address cannot be had
   */
  public UdpListener(EventLoops loops, InetAddress listen, int port, Endpoints endpoints)
      throws IOException {
    this.loops = loops;
    this.endpoints = endpoints;
    address = new InetSocketAddress(listen, freePort(listen, Math.max(port, 0)));
    try {
      if (listen.isAnyLocalAddress()) {
        openSingles();
      }
      for (EventLoop loop : loops.loops()) {
        await(open(loop, address));
      }
    } catch (IOException e) {
      close();
      throw e;
    }
  }

  public InetSocketAddress address() {
    return address;
  }

  /** Describes the sockets. */
  public List<SocketReport> sockets() {
    List<SocketReport> sockets = new ArrayList<>();
    for (Channel channel : open) {
      sockets.add(
          new SocketReport(
              ((EpollDatagramChannel) channel).fd().intValue(),
              SocketReport.Kind.DATAGRAMS,
              (InetSocketAddress) channel.localAddress(),
              null,
              "conn_read",
              0));
    }
    return sockets;
  }

  @Override
  public void close() {
    open.close().syncUninterruptibly();
  }

  /** Waits for a channel to be bound. */
  static Channel await(ChannelFuture bound) throws IOException {
    bound.awaitUninterruptibly();
    if (bound.isSuccess()) {
      return bound.channel();
    }
    throw new IOException(bound.cause().getMessage(), bound.cause());
  }

  /**
   * Our own sockets share the port, so only a socket that does not share can tell if it is free.
   */
  private static int freePort(InetAddress listen, int port) throws IOException {
    try (DatagramSocket probe = new DatagramSocket(null)) {
      probe.setReuseAddress(false);
      probe.bind(new InetSocketAddress(listen, port));
      return probe.getLocalPort();
    } catch (BindException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  private void openSingles() throws IOException {
    List<InetAddress> locals = localAddresses();
    for (EventLoop loop : loops.loops()) {
      Map<InetAddress, ChannelFuture> sockets = new HashMap<>();
      for (InetAddress local : locals) {
        ChannelFuture socket = open(loop, new InetSocketAddress(local, address.getPort()));
        await(socket);
        sockets.put(local, socket);
      }
      singles.put(loop, sockets);
    }
  }

  private List<InetAddress> localAddresses() throws IOException {
    boolean ip4 = address.getAddress() instanceof Inet4Address;
    return NetworkInterface.networkInterfaces()
        .flatMap(NetworkInterface::inetAddresses)
        .filter(local -> local instanceof Inet4Address == ip4)
        .limit(ADDRESSES_MAX)
        .toList();
  }

  private ChannelFuture open(EventLoop loop, InetSocketAddress local) {
    Bootstrap bootstrap =
        new Bootstrap()
            .group(loop)
            .channel(EpollDatagramChannel.class)
            .option(EpollChannelOption.SO_REUSEPORT, true)
            .option(EpollChannelOption.MAX_DATAGRAM_PAYLOAD_SIZE, DatagramBuffers.DATAGRAM_BYTES)
            .option(ChannelOption.SO_RCVBUF, SOCKET_BUFFER_BYTES)
            .option(ChannelOption.SO_SNDBUF, SOCKET_BUFFER_BYTES)
            .option(ChannelOption.WRITE_BUFFER_WATER_MARK, WATER_MARK)
            .handler(
                new ChannelInitializer<>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    initialize(channel);
                  }
                });
    if (local.getAddress().isAnyLocalAddress() && local.getAddress() instanceof Inet4Address) {
      bootstrap.option(EpollChannelOption.IP_RECVORIGDSTADDR, true);
    }
    return bootstrap.bind(local);
  }

  private void initialize(Channel channel) {
    DatagramBuffers buffers = new DatagramBuffers();
    channel.config().setRecvByteBufAllocator(buffers);
    channel.closeFuture().addListener(closed -> buffers.release());
    open.add(channel);
    channel
        .pipeline()
        .addLast(
            endpoints.open(
                channel,
                address.getPort(),
                address.getAddress().isAnyLocalAddress()
                    ? local -> single(channel.eventLoop(), local)
                    : null));
  }

  /** Returns the loop's socket for a local address, or null if the wildcard's must do. */
  private ChannelFuture single(EventLoop loop, InetAddress local) {
    Map<InetAddress, ChannelFuture> sockets = singles.get(loop);
    ChannelFuture socket = sockets.get(local);
    if (socket == null && !local.isAnyLocalAddress() && sockets.size() < ADDRESSES_MAX) {
      ServerLog.info("UDP sockets for a local address", "address", local.getHostAddress());
      // In all loops: from now on these sockets get all that is sent to the address.
      singles.forEach((each, its) -> each.execute(() -> openSingle(each, its, local)));
      openSingle(loop, sockets, local);
      socket = sockets.get(local);
    }
    return socket;
  }

  private void openSingle(
      EventLoop loop, Map<InetAddress, ChannelFuture> sockets, InetAddress local) {
    if (!sockets.containsKey(local)) {
      sockets.put(local, open(loop, new InetSocketAddress(local, address.getPort())));
    }
  }
}
