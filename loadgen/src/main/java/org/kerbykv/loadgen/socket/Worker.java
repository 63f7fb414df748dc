package org.kerbykv.loadgen.socket;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.SingleWriterRecorder;
import org.kerbykv.loadgen.engine.Arrivals;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.engine.LoadSpec;
import org.kerbykv.loadgen.workload.Workload;

/**
 * One thread of a load: a socket, and slots for the requests under way. In a closed loop each slot
 * asks again when it is answered; with a schedule it waits for the next request that is due.
 * Everything but {@link #open}, {@link #run}, {@link #counts} and {@link #latency} belongs to the
 * event loop.
 */
abstract class Worker extends ChannelInboundHandlerAdapter {
  private static final long TIMEOUT_CHECK_MILLIS = 5;

  /** A server that answers nothing for so long has gone. */
  private static final long SILENCE_NANOS_MAX = TimeUnit.SECONDS.toNanos(5);

  /** Latencies beyond a minute count as a minute. */
  private static final long LATENCY_NANOS_MAX = TimeUnit.MINUTES.toNanos(1);

  /** With a schedule, a request waits its turn while so many are under way. */
  private static final int OUTSTANDING_MAX = 1 << 14;

  /** Requests sent in one turn of the event loop, at most. */
  private static final int TURN_MAX = 64;

  /** Requests that follow each other faster are not waited for by a timer, which may be late. */
  private static final long SPIN_NANOS_MAX = TimeUnit.MILLISECONDS.toNanos(1);

  /** Up to so long before a request is due the thread stays awake. */
  private static final long TIMER_NANOS = TimeUnit.MICROSECONDS.toNanos(100);

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
  private final ArrayDeque<Slot> free = new ArrayDeque<>();
  private final boolean scheduled;
  private RequestSource source;
  private Timetable timetable;
  private CompletableFuture<Void> done;
  private Exception failure;

  /** Looks whether something is due in every turn of the event loop; null if a timer does. */
  private Future<?> turns;

  /** Slots that must wait for an answer which is counted as lost. */
  private int stuck;

  private long lastAnswer;

  /** The channel is closed; what the event loop still runs for it must not take buffers. */
  private boolean closed;

  /**
   * @param headerBytes what comes before the text of each request
   */
  Worker(LoadSpec spec, EventLoop loop, int headerBytes) {
    this.spec = spec;
    this.loop = loop;
    this.headerBytes = headerBytes;
    workload = spec.workload();
    parser = new ReplyParser(workload, spec.verify(), spec.echo());
    scheduled = spec.arrivals() instanceof Arrivals.Open;
    slots =
        new Slot
            [switch (spec.arrivals()) {
              case Arrivals.Closed closed -> closed.outstanding();
              case Arrivals.Open _ -> OUTSTANDING_MAX;
            }];
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

  /**
   * Sends what a source gives, as the timetable says; completes when there is no more and
   * everything is answered or lost.
   */
  CompletableFuture<Void> run(RequestSource requests, Timetable times) {
    CompletableFuture<Void> end = new CompletableFuture<>();
    loop.execute(
        () -> {
          source = requests;
          timetable = times;
          done = end;
          if (failure != null) {
            end.completeExceptionally(failure);
          }
          lastAnswer = System.nanoTime();
          free.clear();
          if (scheduled) {
            free.addAll(List.of(slots));
            turns =
                timetable.interval() < SPIN_NANOS_MAX
                    ? loop.scheduleWithFixedDelay(this::sendDue, 0, 1, TimeUnit.NANOSECONDS)
                    : null;
            sendDue();
          } else {
            for (Slot slot : slots) {
              issue(slot, System.nanoTime());
            }
            channel.flush();
          }
        });
    return end;
  }

  WorkerCounts counts() {
    return counts;
  }

  SingleWriterRecorder latency() {
    return latency;
  }

  /** Sends what is due, but not so much that answers wait, and comes back when more is. */
  private void sendDue() {
    for (int sent = 0; sent < TURN_MAX && !free.isEmpty() && !source.isExhausted(); sent++) {
      long due = timetable.due();
      if (due - System.nanoTime() > 0) {
        break;
      }
      timetable.advance();
      issue(free.remove(), due);
    }
    channel.flush();
    endIfIdle();
    if (done.isDone() && turns != null) {
      turns.cancel(false);
    } else if (!done.isDone() && turns == null) {
      long pause = timetable.due() - System.nanoTime() - TIMER_NANOS;
      var _ = loop.schedule(this::sendDue, Math.max(pause, 0), TimeUnit.NANOSECONDS);
    }
  }

  /** Sends the next request with a slot, if there is one. */
  private void issue(Slot slot, long due) {
    if (done.isDone() || closed) {
      return;
    }
    if (timetable.isOver(System.nanoTime()) || !source.next(slot)) {
      free.add(slot);
      endIfIdle();
      return;
    }
    encode(slot);
    slot.dueAt = due;
    slot.sentAt = System.nanoTime();
    slot.counted = timetable.count(slot.sentAt);
    waiting.add(slot);
    if (slot.counted) {
      WorkerCounts.increment(counts.sent);
    }
    transmit(slot);
  }

  /** A slot has nothing to wait for any more. */
  private void release(Slot slot) {
    if (scheduled) {
      free.add(slot);
      endIfIdle();
    } else {
      issue(slot, System.nanoTime());
    }
  }

  private void endIfIdle() {
    if (free.size() + stuck == slots.length && source.isExhausted()) {
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
      latency.recordValue(Math.min(lastAnswer - slot.dueAt, LATENCY_NANOS_MAX));
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
    release(slot);
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
        release(slot);
      }
    }
    if (done != null) {
      endIfIdle(); // the source may have been stopped meanwhile
    }
    if (stuck == slots.length) {
      if (now - lastAnswer > SILENCE_NANOS_MAX) {
        fail(new LoadException("the server has stopped answering over " + spec.protocol()));
      }
    }
    channel.flush();
  }

  /** Takes the answer that a slot had been waiting for after its time. */
  void answeredLate(Slot slot) {
    if (slot.counted) {
      WorkerCounts.increment(counts.late);
    }
    lastAnswer = System.nanoTime();
    slot.lost = false;
    stuck--;
    release(slot);
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
    channel.flush();
  }

  @Override
  public void handlerRemoved(ChannelHandlerContext context) {
    closed = true;
    for (Slot slot : slots) {
      slot.releaseRequest();
    }
  }
}
