package org.kerbykv.loadgen.socket;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoop;
import java.util.ArrayDeque;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.engine.LoadSpec;

/** A worker over TCP: requests are pipelined, and answers come in their order. */
@SuppressWarnings("FutureReturnValueIgnored") // writes report to exceptionCaught
final class TcpWorker extends Worker {
  private final ArrayDeque<Slot> inOrder = new ArrayDeque<>();

  /** The start of an answer whose rest has not come yet, or null. */
  private ByteBuf begun;

  TcpWorker(LoadSpec spec, EventLoop loop) {
    super(spec, loop, 0);
  }

  @Override
  Bootstrap bootstrap() {
    return Sockets.stream(loop, this);
  }

  @Override
  void transmit(Slot slot) {
    inOrder.add(slot);
    channel.write(slot.request.retain(), channel.voidPromise());
  }

  @Override
  boolean abandon(Slot slot) {
    return false; // the stream brings its answer before any later one
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    ByteBuf in = (ByteBuf) message;
    if (begun != null) {
      in = begun.writeBytes(in);
      ((ByteBuf) message).release();
      begun = null;
    }
    try {
      readAnswers(in);
      if (in.isReadable()) {
        begun = context.alloc().directBuffer(2 * in.readableBytes()).writeBytes(in);
      }
    } finally {
      in.release();
    }
  }

  private void readAnswers(ByteBuf in) {
    while (in.isReadable()) {
      Slot slot = inOrder.peek();
      ReplyParser.Outcome outcome =
          slot == null ? ReplyParser.Outcome.CORRUPT : parser.parse(slot, in);
      if (outcome == ReplyParser.Outcome.INCOMPLETE) {
        return;
      }
      if (slot == null || parser.length() == 0) {
        WorkerCounts.increment(counts.corrupt);
        fail(new LoadException("the server sent what is no answer, over TCP"));
        in.skipBytes(in.readableBytes());
        return;
      }
      inOrder.remove();
      ByteBuf reply = in.readSlice(parser.length());
      if (slot.lost) {
        answeredLate(slot);
      } else {
        answered(slot, outcome, reply);
      }
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    if (begun != null) {
      begun.release();
      begun = null;
    }
    fail(new LoadException("the server closed the TCP connection"));
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    fail(new LoadException("the TCP connection failed: " + cause.getMessage(), cause));
  }
}
