package org.kerbykv.server.net;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import org.kerbykv.server.log.ServerLog;
import org.kerbykv.server.metrics.Counter;
import org.kerbykv.server.protocol.AsciiSession;
import org.kerbykv.server.protocol.AuthFile;
import org.kerbykv.server.protocol.AuthGate;
import org.kerbykv.server.protocol.Dispatcher;
import org.kerbykv.server.protocol.ReplyOutput;
import org.kerbykv.server.protocol.ServerCommands;
import org.kerbykv.server.store.BootClock;
import org.kerbykv.server.store.HeldValue;

/**
 * One TCP connection.
 *
 * <p>Reading stops while too many replies wait for a slow reader, so that a connection holds a
 * bounded amount of memory: what was written, and of long values that it waits for the store's own
 * copy.
 *
 * <p>A peer may end its output and still read the replies, as far as the socket takes them at once:
 * when Netty 4.2.18 then has to wait for room, it asks epoll about a descriptor that it has itself
 * taken out, and closes the connection.
 */
final class TcpConnection extends ChannelInboundHandlerAdapter {
  private static final int PIECE_BYTES_MIN = 2 << 10;
  private static final int PIECE_BYTES_MAX = 64 << 10;

  private final Dispatcher dispatcher;
  private final AsciiSession session;

  /** Null where nobody has to say who he is. */
  private final AuthGate gate;

  private final Channel channel;
  private final Output output = new Output();

  /** Input that waits for more input, or for replies to be sent; null when there is none. */
  private ByteBuf pending;

  private boolean inputEnded;

  /** Boot seconds; for {@link #report}, which any thread may ask for, as the next. */
  private volatile int lastCommandAt = BootClock.seconds();

  private volatile String activity = "conn_new_cmd";

  /**
   * Makes the handler of a connection.
   *
   * @param auth who may come; empty for everybody
   */
  TcpConnection(
      Channel channel, Dispatcher dispatcher, ServerCommands server, Optional<AuthFile> auth) {
    this.channel = channel;
    this.dispatcher = dispatcher;
    this.session = new AsciiSession(dispatcher, output, server);
    this.gate = auth.map(file -> new AuthGate(file, output)).orElse(null);
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    ByteBuf in = (ByteBuf) message;
    lastCommandAt = BootClock.seconds();
    activity = "conn_parse_cmd";
    try {
      dispatcher.counters().add(Counter.BYTES_READ, in.readableBytes());
      if (pending == null) {
        consume(in);
        if (in.isReadable()) {
          pending = channel.alloc().buffer(in.readableBytes() << 1);
          pending.writeBytes(in);
        }
      } else {
        pending.discardSomeReadBytes();
        pending.writeBytes(in);
        consumePending();
      }
    } finally {
      in.release();
    }
    pauseOrResume();
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext context) {
    if (channel.isWritable()) {
      // Not from here, which may be within a flush within the dispatcher.
      channel.eventLoop().execute(this::proceed);
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext context, Object event) {
    if (event instanceof ChannelInputShutdownEvent) {
      inputEnded = true;
      proceed();
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    session.abandon();
    output.abandon();
    if (pending != null) {
      pending.release();
      pending = null;
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    ServerLog.debug("connection lost", "peer", channel.remoteAddress(), "error", cause);
    var _ = context.close();
  }

  /** Goes on with what waits, after the replies before it or the end of input. */
  private void proceed() {
    if (channel.isActive()) {
      output.writeWaiting();
      consumePending();
      closeWhenDone();
      pauseOrResume();
    }
  }

  private void consume(ByteBuf in) {
    if (gate == null || gate.isOpen(in)) {
      session.consume(in);
    }
  }

  private void consumePending() {
    if (pending == null) {
      return;
    }
    consume(pending);
    if (!pending.isReadable()) {
      pending.release();
      pending = null;
    }
  }

  /** Describes the connection, in memcached's words. Thread-safe. */
  SocketReport report() {
    return new SocketReport(
        ((EpollSocketChannel) channel).fd().intValue(),
        SocketReport.Kind.CONNECTION,
        (InetSocketAddress) channel.remoteAddress(),
        (InetSocketAddress) channel.localAddress(),
        activity,
        idleSeconds());
  }

  /** Returns the seconds since the last input. Thread-safe. */
  int idleSeconds() {
    return BootClock.seconds() - lastCommandAt;
  }

  private String activityNow() {
    if (!output.isWritable()) {
      return "conn_mwrite";
    }
    if (session.isInValue()) {
      return "conn_nread";
    }
    if (session.isSwallowing()) {
      return "conn_swallow";
    }
    return pending == null ? "conn_read" : "conn_waiting";
  }

  private void pauseOrResume() {
    activity = activityNow();
    channel.config().setAutoRead(output.isWritable() && !session.isClosed());
  }

  /**
   * After the peer's end of input: what can still be answered is, then the connection closes.
   * Called when the session has just consumed what it could, so that it waits for input if not for
   * output.
   */
  private void closeWhenDone() {
    if (inputEnded && output.isWritable()) {
      dispatcher.finish();
      output.closeAfterwards();
    }
  }

  private final class Output extends ReplyOutput {
    /** What comes behind a value that is held, that first: pieces and held values. */
    private final Deque<Object> waiting = new ArrayDeque<>();

    private boolean closes;

    @Override
    protected ByteBuf newPiece(int hintBytes) {
      int bytes = Math.clamp(hintBytes, PIECE_BYTES_MIN, PIECE_BYTES_MAX);
      return channel.alloc().directBuffer(bytes, bytes);
    }

    @Override
    protected void take(ByteBuf piece) {
      if (!channel.isActive()) {
        // The peer has gone before its replies were made.
        piece.release();
        return;
      }
      if (waiting.isEmpty()) {
        write(piece);
      } else {
        waiting.add(piece);
      }
    }

    @Override
    protected boolean takesMore() {
      return waiting.isEmpty() && flushedWritable();
    }

    @Override
    protected void take(HeldValue rest) {
      if (channel.isActive()) {
        waiting.add(rest);
      } else {
        rest.release();
      }
    }

    private void write(ByteBuf piece) {
      dispatcher.counters().add(Counter.BYTES_WRITTEN, piece.readableBytes());
      var _ = channel.write(piece, channel.voidPromise());
    }

    /** Returns whether there is room, after sending what can be sent. */
    private boolean flushedWritable() {
      if (!channel.isWritable()) {
        channel.flush();
      }
      return channel.isWritable();
    }

    /** Writes what waits, as long as there is room. */
    void writeWaiting() {
      boolean wrote = false;
      while (!waiting.isEmpty() && flushedWritable()) {
        wrote = true;
        if (waiting.peek() instanceof HeldValue rest) {
          ByteBuf piece = newPiece(rest.remaining());
          rest.read(piece);
          write(piece);
          if (rest.remaining() > 0) {
            continue;
          }
          rest.release();
        } else {
          write((ByteBuf) waiting.peek());
        }
        waiting.remove();
      }
      if (wrote && closes && waiting.isEmpty()) {
        closeAfterwards();
      } else if (wrote) {
        channel.flush();
      }
    }

    /** Gives up what waits: the peer has gone. */
    void abandon() {
      for (Object next; (next = waiting.poll()) != null; ) {
        if (next instanceof HeldValue rest) {
          rest.release();
        } else {
          ((ByteBuf) next).release();
        }
      }
    }

    @Override
    protected void beginMessage(Object sender, int requestId) {
      throw new UnsupportedOperationException("a connection has no messages");
    }

    @Override
    protected void endMessage() {
      throw new UnsupportedOperationException("a connection has no messages");
    }

    @Override
    protected void closeAfterwards() {
      finishPiece();
      closes = true;
      if (waiting.isEmpty()) {
        channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
      }
    }

    @Override
    protected void flush() {
      finishPiece();
      channel.flush();
    }

    @Override
    public boolean isWritable() {
      return waiting.isEmpty() && channel.isWritable();
    }

    @Override
    public boolean isDatagram() {
      return false;
    }
  }
}
