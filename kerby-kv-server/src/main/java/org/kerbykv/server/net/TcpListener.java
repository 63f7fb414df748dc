package org.kerbykv.server.net;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.handler.ssl.SslContext;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.kerbykv.server.log.ServerLog;
import org.kerbykv.server.metrics.Counter;
import org.kerbykv.server.metrics.Counters;
import org.kerbykv.server.protocol.AuthFile;
import org.kerbykv.server.protocol.Dispatcher;
import org.kerbykv.server.protocol.ServerCommands;

/** Accepts TCP connections, up to a number, and spreads them over the event loops. */
public final class TcpListener implements AutoCloseable {
  private static final int BACKLOG = 1024;

  private static final byte[] TOO_MANY = "ERROR Too many open connections\r\n".getBytes(US_ASCII);

  private final EventLoops loops;
  private final ServerCommands server;
  private final ConnectionLimits limits;
  private final Optional<AuthFile> auth;
  private final Optional<SslContext> tls;
  private final AtomicInteger connections = new AtomicInteger();
  private final ChannelGroup open = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
  private final Channel listener;

  /**
   * Starts to listen.
   *
   * @param port -1 for any that is free
   * @param wanted limits; of connections there are fewer if there are not files enough
   * @param auth who may come; empty for everybody
   * @param tls what connections are secured by, if they are
   * @throws IOException when the address cannot be had
   */
  public TcpListener(
      EventLoops loops,
      ServerCommands server,
      InetAddress address,
      int port,
      ConnectionLimits wanted,
      Optional<AuthFile> auth,
      Optional<SslContext> tls)
      throws IOException {
    this.loops = loops;
    this.server = server;
    limits = within(wanted);
    this.auth = auth;
    this.tls = tls;
    listener =
        UdpListener.await(
            new ServerBootstrap()
                .group(loops.group())
                .channel(EpollServerSocketChannel.class)
                .option(ChannelOption.SO_BACKLOG, BACKLOG)
                .option(ChannelOption.SO_REUSEADDR, true)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
                .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, waterMark(limits))
                .childHandler(
                    new ChannelInitializer<>() {
                      @Override
                      protected void initChannel(Channel channel) {
                        accept(channel);
                      }
                    })
                .bind(new InetSocketAddress(address, Math.max(port, 0))));
    // Behind Netty's own, which pauses for a second.
    listener.pipeline().addLast(new AcceptFailures(loops));
    if (limits.idleSeconds() > 0) {
      var _ = listener.eventLoop().scheduleWithFixedDelay(this::closeIdle, 1, 1, TimeUnit.SECONDS);
    }
  }

  private static ConnectionLimits within(ConnectionLimits wanted) {
    int most = OpenFiles.connections(wanted.connectionsMax());
    if (most < wanted.connectionsMax()) {
      ServerLog.warn(
          "the limit of open files allows fewer connections",
          "files",
          OpenFiles.max(),
          "wanted",
          wanted.connectionsMax(),
          "connections",
          most);
    }
    return wanted.withMax(most);
  }

  /** A connection stops being read while more than the higher waits to be sent to it. */
  private static WriteBufferWaterMark waterMark(ConnectionLimits limits) {
    return new WriteBufferWaterMark(limits.waitingBytesMax() / 4, limits.waitingBytesMax());
  }

  /** When connections cannot be accepted, for want of files: those that are there go on. */
  private static final class AcceptFailures extends ChannelInboundHandlerAdapter {
    private final EventLoops loops;

    AcceptFailures(EventLoops loops) {
      this.loops = loops;
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      loops.dispatcher(context.channel()).counters().count(Counter.LISTEN_DISABLED_NUM);
      ServerLog.warn("accepting no connections for a second", "error", cause.getMessage());
    }
  }

  public InetSocketAddress address() {
    return (InetSocketAddress) listener.localAddress();
  }

  /** Returns the most connections at once. */
  public int connectionsMax() {
    return limits.connectionsMax();
  }

  /** Returns the number of open connections. */
  public int connectionCount() {
    return connections.get();
  }

  /** Describes the listening socket and all connections. */
  public List<SocketReport> sockets() {
    List<SocketReport> sockets = new ArrayList<>();
    int descriptor = ((EpollServerSocketChannel) listener).fd().intValue();
    sockets.add(
        new SocketReport(
            descriptor, SocketReport.Kind.LISTENER, address(), null, "conn_listening", 0));
    for (Channel channel : open) {
      TcpConnection connection = channel.pipeline().get(TcpConnection.class);
      if (connection != null) {
        sockets.add(connection.report());
      }
    }
    return sockets;
  }

  private void accept(Channel channel) {
    Dispatcher dispatcher = loops.dispatcher(channel);
    Counters counters = dispatcher.counters();
    if (connections.incrementAndGet() > limits.connectionsMax()) {
      connections.decrementAndGet();
      counters.count(Counter.REJECTED_CONNECTIONS);
      channel
          .writeAndFlush(Unpooled.wrappedBuffer(TOO_MANY))
          .addListener(ChannelFutureListener.CLOSE);
      return;
    }
    counters.count(Counter.TOTAL_CONNECTIONS);
    probe(channel);
    open.add(channel);
    channel.closeFuture().addListener(closed -> connections.decrementAndGet());
    tls.ifPresent(context -> channel.pipeline().addLast(context.newHandler(channel.alloc())));
    channel.pipeline().addLast(new TcpConnection(channel, dispatcher, server, auth));
  }

  /** Has the kernel find out whether a silent peer is still there. */
  private void probe(Channel channel) {
    if (limits.keepAliveSeconds() > 0) {
      channel.config().setOption(ChannelOption.SO_KEEPALIVE, true);
      channel.config().setOption(EpollChannelOption.TCP_KEEPIDLE, limits.keepAliveSeconds());
      channel.config().setOption(EpollChannelOption.TCP_KEEPINTVL, limits.probeSeconds());
      channel.config().setOption(EpollChannelOption.TCP_KEEPCNT, ConnectionLimits.PROBES);
    }
  }

  private void closeIdle() {
    for (Channel channel : open) {
      TcpConnection connection = channel.pipeline().get(TcpConnection.class);
      if (connection != null && connection.idleSeconds() >= limits.idleSeconds()) {
        loops.dispatcher(listener).counters().count(Counter.IDLE_KICKS);
        var _ = channel.close();
      }
    }
  }

  /** Stops to listen and closes all connections. */
  @Override
  public void close() {
    listener.close().syncUninterruptibly();
    open.close().syncUninterruptibly();
  }
}
