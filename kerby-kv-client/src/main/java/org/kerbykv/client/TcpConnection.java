package org.kerbykv.client;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/**
 * The link's TCP connection: made when a call needs it, with requests pipelined and answered in
 * their order. Belongs to the link's event loop.
 */
@SuppressWarnings("FutureReturnValueIgnored") // failures reach exceptionCaught or a listener
final class TcpConnection {
  /** How often a request that may be repeated is sent, if the connection is lost under it. */
  private static final int ATTEMPTS_MAX = 2;

  /** After a failed connect, calls fail at once for so long, instead of each trying it anew. */
  private static final long CONNECT_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  /** A buffer for requests that are sent together. */
  private static final int BATCH_BYTES = 16 << 10;

  /**
   * Gets that wait at the same time go as one request of so many keys at most: less for the server
   * to read, and it looks all of them up together.
   */
  private static final int JOINED_MAX = 16;

  /** Longer values are not copied into such a buffer. */
  private static final int COPY_MAX = 4096;

  private final ServerLink link;
  private final InetSocketAddress server;
  private final ReplyReader reader;
  private final ArrayDeque<Call<?>> unsent = new ArrayDeque<>();
  private final ArrayDeque<Call<?>> unanswered = new ArrayDeque<>();

  /** The calls of the get at the end of the batch that is being written: others may join it. */
  private final ArrayList<Call<?>> open = new ArrayList<>(JOINED_MAX);

  private Channel channel;
  private boolean connecting;
  private boolean closed;
  private boolean flushing;
  private boolean inReply;
  private long lastRead;
  private long lastConnectFailure;
  private Throwable connectFailure;

  TcpConnection(ServerLink link) {
    this.link = link;
    this.server = link.server();
    this.reader = new ReplyReader(link.config().maxValueBytes());
  }

  /** Takes a call over; {@link #flush} sends it. */
  void submit(Call<?> call) {
    call.place = Call.Place.TCP;
    unsent.add(call);
  }

  /** Sends what waits, as far as the socket takes it, and connects if need be. */
  void flush() {
    if (unsent.isEmpty() || connecting || flushing) {
      return;
    }
    if (channel == null) {
      connect();
      return;
    }
    Channel to = channel;
    flushing = true; // the writes below call back when they fill the socket, and when they empty it
    try {
      do {
        writeUnsent(to);
        to.flush();
      } while (to.equals(channel) && to.isWritable() && !unsent.isEmpty());
    } finally {
      flushing = false;
    }
    if (channel == null) { // lost meanwhile: what may be repeated needs another
      flush();
    }
  }

  private void writeUnsent(Channel to) {
    ByteBuf batch = null;
    while (to.isWritable() && !unsent.isEmpty()) {
      Call<?> call = unsent.remove();
      if (call.isDone()) { // cancelled, or out of time
        link.retire(call);
      } else {
        batch = append(to, batch, call);
      }
    }
    open.clear();
    if (batch != null) {
      to.write(batch, to.voidPromise());
    }
  }

  /**
   * Adds the request to the batch, or to a new one if there is none or it is full: many requests in
   * one buffer are one write to the channel and one system call.
   *
   * @return the batch to go on with
   */
  private ByteBuf append(Channel to, ByteBuf batch, Call<?> call) {
    call.sent = true;
    call.tcpAttempts++;
    call.joined = false;
    unanswered.add(call);
    if (joins(call, batch)) {
      RequestWriter.join(call, batch);
      open.getLast().joined = true;
      open.add(call);
      return batch;
    }
    open.clear();
    if (isPlainGet(call)) {
      open.add(call);
    }
    boolean copies = call.value != null && call.value.length <= COPY_MAX;
    int room = RequestWriter.lineBytesMax(call) + (copies ? call.value.length : 0);
    ByteBuf out = roomFor(to, room, batch);
    RequestWriter.writeLine(call, out);
    if (copies) {
      out.writeBytes(call.value);
    } else if (call.value != null) {
      to.write(out, to.voidPromise());
      to.write(Unpooled.wrappedBuffer(call.value), to.voidPromise());
      out = to.alloc().directBuffer(BATCH_BYTES);
    }
    if (call.value != null) {
      RequestWriter.writeValueEnd(out);
    }
    return out;
  }

  private static boolean isPlainGet(Call<?> call) {
    return call.command == Command.GET && call.keys == null;
  }

  /** Whether the call can join the get at the end of the batch; one key is in it only once. */
  private boolean joins(Call<?> call, ByteBuf batch) {
    if (open.isEmpty()
        || open.size() == JOINED_MAX
        || !isPlainGet(call)
        || batch.maxFastWritableBytes() < RequestWriter.lineBytesMax(call)) {
      return false;
    }
    for (Call<?> other : open) {
      if (Arrays.equals(other.key, call.key)) {
        return false;
      }
    }
    return true;
  }

  private ByteBuf roomFor(Channel to, int bytes, ByteBuf batch) {
    if (batch != null) {
      if (batch.maxFastWritableBytes() >= bytes) {
        return batch;
      }
      to.write(batch, to.voidPromise());
    }
    return to.alloc().directBuffer(Math.max(BATCH_BYTES, bytes));
  }

  private void connect() {
    if (connectFailure != null && System.nanoTime() - lastConnectFailure < CONNECT_PAUSE_NANOS) {
      failUnsent();
      return;
    }
    connecting = true;
    ChannelFuture connected =
        NettyIo.stream(link.loop(), link.config().connectTimeout().toMillis(), new Handler())
            .connect(server);
    connected.addListener(
        future -> {
          connecting = false;
          if (closed) {
            connected.channel().close();
            return;
          }
          if (future.isSuccess()) {
            connectFailure = null;
            link.counters().tcpConnects().increment();
            channel = connected.channel();
            lastRead = System.nanoTime();
            inReply = false;
            flush();
          } else {
            connectFailure = future.cause();
            lastConnectFailure = System.nanoTime();
            link.failed();
            failUnsent();
          }
        });
  }

  private void failUnsent() {
    for (int i = unsent.size(); i > 0; i--) {
      Call<?> call = unsent.remove();
      link.fail(
          call,
          new KerbyConnectionException(
              "no TCP connection to " + server + ": " + connectFailure.getMessage(),
              connectFailure));
    }
  }

  private void read(ByteBuf in) {
    lastRead = System.nanoTime();
    link.heard();
    while (in.isReadable()) {
      Call<?> call = unanswered.peek();
      if (call == null) {
        lose(new IOException("the server sent bytes that nobody asked for"));
        return;
      }
      if (!inReply) {
        reader.begin(call);
        inReply = true;
      }
      ReplyReader.Progress progress = reader.feed(in);
      while (progress == ReplyReader.Progress.NEXT && isOfOneJoined()) {
        unanswered.remove();
        link.answer(call, reader);
        call = unanswered.peek();
        if (call == null) { // closed by whoever was answered
          return;
        }
        progress = reader.beginNext(call);
      }
      switch (progress) {
        case MORE -> {}
        case COMPLETE -> complete(call);
        case NEXT, FOREIGN, MALFORMED -> {
          unanswered.remove();
          link.fail(
              call,
              new KerbyProtocolException(
                  "the server's reply to "
                      + call.command.word()
                      + " is none, or its value is too long",
                  null));
          lose(new IOException("a reply could not be read"));
          return;
        }
      }
      if (channel == null) {
        return;
      }
    }
  }

  /** Whether the value that begins is for one of the calls that are joined with the oldest. */
  private boolean isOfOneJoined() {
    for (Call<?> call : unanswered) {
      if (reader.isValueOf(call)) {
        return true;
      }
      if (!call.joined) {
        break;
      }
    }
    return false;
  }

  private void complete(Call<?> call) {
    inReply = false;
    unanswered.remove();
    // The server may not have taken the value as one; what it then read as commands is anyone's
    // guess.
    boolean desynchronized =
        call.command.hasValue()
            && (reader.status() == Reply.Status.ERROR
                || reader.status() == Reply.Status.CLIENT_ERROR);
    link.answer(call, reader);
    for (Call<?> next = call; next.joined && !unanswered.isEmpty(); ) {
      next = unanswered.remove();
      reader.forgetValue();
      link.answer(next, reader);
    }
    if (desynchronized) {
      lose(new IOException("the server refused a value: " + reader.errorLine()));
    }
  }

  /**
   * Gives the connection up if the oldest unanswered request has waited for a whole timeout during
   * which not a byte came.
   */
  void checkAlive() {
    Call<?> oldest = unanswered.peek();
    if (channel == null || oldest == null) {
      return;
    }
    long silentSince = oldest.created - lastRead > 0 ? oldest.created : lastRead;
    if (System.nanoTime() - silentSince >= link.config().timeout().toNanos()) {
      lose(new IOException("the server has stopped answering"));
    }
  }

  /** Gives the connection up; what may be repeated is sent again on a new one. */
  private void lose(IOException reason) {
    Channel lost = channel;
    if (lost == null) {
      return;
    }
    channel = null;
    inReply = false;
    lost.close();
    if (!unanswered.isEmpty()) { // else it was idle, and nobody was failed
      link.failed();
    }
    long now = System.nanoTime();
    ArrayDeque<Call<?>> pending = new ArrayDeque<>(unanswered);
    unanswered.clear();
    ArrayDeque<Call<?>> again = new ArrayDeque<>();
    for (Call<?> call : pending) {
      if (call.isDone()) {
        link.retire(call);
      } else if (!closed
          && call.command.repeatable()
          && call.tcpAttempts < ATTEMPTS_MAX
          && call.deadline - now > 0) {
        again.add(call);
      } else {
        link.fail(
            call,
            new KerbyConnectionException(
                "lost the TCP connection to " + server + ": " + reason.getMessage(), reason));
      }
    }
    while (!again.isEmpty()) {
      unsent.addFirst(again.removeLast());
    }
    flush();
  }

  /** Fails every call here and closes the connection. */
  void close(KerbyException reason) {
    closed = true;
    ArrayDeque<Call<?>> pending = new ArrayDeque<>(unanswered);
    pending.addAll(unsent);
    unanswered.clear();
    unsent.clear();
    pending.forEach(call -> link.fail(call, reason));
    if (channel != null) {
      channel.close();
      channel = null;
    }
  }

  private final class Handler extends ChannelInboundHandlerAdapter {
    private boolean current(ChannelHandlerContext context) {
      return context.channel().equals(channel);
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
      ByteBuf in = (ByteBuf) message;
      try {
        if (current(context)) {
          read(in);
        }
      } finally {
        in.release();
      }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
      if (current(context)) {
        flush();
      }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
      if (current(context)) {
        lose(new IOException("closed by the server"));
      }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      if (current(context)) {
        lose(cause instanceof IOException io ? io : new IOException(cause));
      }
    }
  }
}
