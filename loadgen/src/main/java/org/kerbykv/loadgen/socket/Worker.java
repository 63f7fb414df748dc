package org.kerbykv.loadgen.socket;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.SingleWriterRecorder;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.engine.LoadSpec;
import org.kerbykv.loadgen.workload.Workload;

/**
 * One thread of the closed loop: a socket, and slots that each ask again when they are answered.
 * Everything but {@link #open}, {@link #run}, {@link #counts} and {@link #latency} belongs to the
 * event loop.
 */
abstract class Worker extends ChannelInboundHandlerAdapter {
  private static final long TIMEOUT_CHECK_MILLIS = 5;

  /** A server that answers nothing for so long has gone. */
  private static final long SILENCE_NANOS_MAX = TimeUnit.SECONDS.toNanos(5);

  /** Latencies beyond a minute count as a minute. */
  private static final long LATENCY_NANOS_MAX = TimeUnit.MINUTES.toNanos(1);

  /** "set ", flags, exptime, digits of the length, line ends. */
  private static final int REQUEST_OVERHEAD = 40;

  final LoadSpec spec;
  final EventLoop loop;
  final ReplyParser parser;
  final SlotQueue waiting = new SlotQueue();
  final WorkerCounts counts = new WorkerCounts();
  private final SingleWriterRecorder latency = new SingleWriterRecorder(1, LATENCY_NANOS_MAX, 3);
  private final Workload workload;
  private final Slot[] slots;
  private final long timeoutNanos;
  private final int headerBytes;

  Channel channel;
  private RequestSource source;
  private CompletableFuture<Void> done;
  private Exception failure;

  /** Slots that found nothing more to ask for. */
  private int idle;

  /** Slots that must wait for an answer which is counted as lost. */
  private int stuck;

  private long lastAnswer;

  private volatile boolean counting;

  /**
   * @param headerBytes what comes before the text of each request
   */
  Worker(LoadSpec spec, EventLoop loop, int headerBytes) {
    this.spec = spec;
    this.loop = loop;
    this.headerBytes = headerBytes;
    workload = spec.workload();
    parser = new ReplyParser(workload, spec.verify());
    slots = new Slot[spec.outstanding()];
    for (int i = 0; i < slots.length; i++) {
      slots[i] = new Slot();
    }
    timeoutNanos = spec.timeout().toNanos();
  }

  abstract Bootstrap bootstrap();

  /** Puts the slot's request on its way. */
  abstract void transmit(Slot slot);

  /**
   * The slot's request is given up.
   *
   * @return whether the slot may ask again; if not, it does once the answer has come
   */
  abstract boolean abandon(Slot slot);

  /** Opens the socket. */
  void open() throws LoadException {
    var connected = bootstrap().connect(spec.server()).awaitUninterruptibly();
    if (!connected.isSuccess()) {
      throw new LoadException(
          "no " + spec.protocol() + " connection: " + connected.cause().getMessage(),
          connected.cause());
    }
    channel = connected.channel();
    var _ =
        loop.scheduleWithFixedDelay(
            this::checkTimeouts, TIMEOUT_CHECK_MILLIS, TIMEOUT_CHECK_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** Sends what a source gives; completes when it gives no more and everything is answered. */
  CompletableFuture<Void> run(RequestSource requests) {
    CompletableFuture<Void> end = new CompletableFuture<>();
    loop.execute(
        () -> {
          source = requests;
          done = end;
          if (failure != null) {
            end.completeExceptionally(failure);
          }
          idle = 0;
          lastAnswer = System.nanoTime();
          for (Slot slot : slots) {
            issue(slot);
          }
          channel.flush();
        });
    return end;
  }

  /** Counts requests sent from now on, or no more. */
  void count(boolean on) {
    counting = on;
  }

  WorkerCounts counts() {
    return counts;
  }

  SingleWriterRecorder latency() {
    return latency;
  }

  private void issue(Slot slot) {
    if (done.isDone()) {
      return;
    }
    if (!source.next(slot)) {
      idle++;
      endIfIdle();
      return;
    }
    encode(slot);
    slot.counted = counting;
    slot.sentAt = System.nanoTime();
    waiting.add(slot);
    if (slot.counted) {
      WorkerCounts.increment(counts.sent);
    }
    transmit(slot);
  }

  private void endIfIdle() {
    if (idle + stuck == slots.length && (idle > 0 || source.isExhausted())) {
      done.complete(null);
    }
  }

  private void encode(Slot slot) {
    int valueLength = slot.isSet ? workload.valueLength(slot.key, slot.version) : 0;
    ByteBuf out =
        slot.freshRequest(headerBytes + REQUEST_OVERHEAD + workload.keyLengthMax() + valueLength);
    out.writeZero(headerBytes);
    ByteBufUtil.writeAscii(out, slot.isSet ? "set " : "get ");
    slot.keyStart = out.writerIndex();
    slot.keyLength = workload.writeKey(slot.key, out);
    if (slot.isSet) {
      ByteBufUtil.writeAscii(out, " 0 0 ");
      writeNumber(out, valueLength);
      out.writeShort(CRLF);
      workload.writeValue(slot.key, slot.version, out);
    }
    out.writeShort(CRLF);
  }

  private static final int CRLF = '\r' << 8 | '\n';

  private static void writeNumber(ByteBuf out, int number) {
    int divisor = 1;
    while (number / divisor >= 10) {
      divisor *= 10;
    }
    for (; divisor > 0; divisor /= 10) {
      out.writeByte('0' + number / divisor % 10);
    }
  }

  /** Takes an answer and lets the slot ask again. */
  void answered(Slot slot, ReplyParser.Outcome outcome, ByteBuf reply) {
    waiting.remove(slot);
    lastAnswer = System.nanoTime();
    if (slot.counted) {
      latency.recordValue(Math.min(lastAnswer - slot.sentAt, LATENCY_NANOS_MAX));
      WorkerCounts.increment(
          switch (outcome) {
            case HIT -> counts.hits;
            case MISS -> counts.misses;
            case STORED -> counts.stored;
            case ERROR -> counts.errors;
            case CORRUPT, INCOMPLETE -> counts.corrupt;
          });
    }
    if (source instanceof RequestSource.Populate populate) {
      populate.answered();
      if (outcome != ReplyParser.Outcome.STORED) {
        fail(new LoadException("storing an item was answered: " + printable(reply)));
      }
    }
    issue(slot);
  }

  private static String printable(ByteBuf reply) {
    String text = reply.toString(java.nio.charset.StandardCharsets.ISO_8859_1);
    return text.lines().findFirst().orElse("").replaceAll("[^ -~]", "?");
  }

  private void checkTimeouts() {
    long now = System.nanoTime();
    for (Slot slot; (slot = waiting.oldest()) != null && now - slot.sentAt >= timeoutNanos; ) {
      waiting.remove(slot);
      if (slot.counted) {
        WorkerCounts.increment(counts.lost);
      }
      slot.lost = !abandon(slot);
      try {
        source.lost(slot);
      } catch (RequestSource.TooManyLost e) {
        fail(new LoadException(e.getMessage() + " over " + spec.protocol(), e));
      }
      if (slot.lost) {
        stuck++;
        endIfIdle();
      } else {
        issue(slot);
      }
    }
    if (stuck == slots.length) {
      endIfIdle();
      if (now - lastAnswer > SILENCE_NANOS_MAX) {
        fail(new LoadException("the server has stopped answering over " + spec.protocol()));
      }
    }
    channel.flush();
  }

  /** Takes the answer that a slot had been waiting for after its time. */
  void answeredLate(Slot slot) {
    WorkerCounts.increment(counts.late);
    lastAnswer = System.nanoTime();
    slot.lost = false;
    stuck--;
    issue(slot);
  }

  /** Ends the run; what still waits is forgotten. */
  void fail(Exception reason) {
    failure = reason;
    if (done != null) {
      done.completeExceptionally(reason);
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext context) {
    context.flush();
  }

  @Override
  public void handlerRemoved(ChannelHandlerContext context) {
    for (Slot slot : slots) {
      slot.releaseRequest();
    }
  }
}
