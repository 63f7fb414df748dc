package org.kerbykv.loadgen.socket;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.DatagramPacket;
import io.netty.util.ReferenceCountUtil;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import org.HdrHistogram.SingleWriterRecorder;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.lock.LockCounter;
import org.kerbykv.loadgen.lock.LockLoadSpec;
import org.kerbykv.loadgen.lock.LockMessages;
import org.kerbykv.loadgen.workload.Random64;

/**
 * One thread of a load on a lock manager: a socket, and some of the virtual clients. It does not
 * sleep, for timers are late. Everything but {@link #open}, {@link #start}, {@link #count} and
 * {@link #latency} belongs to the event loop.
 */
@SuppressWarnings("FutureReturnValueIgnored") // writes report to exceptionCaught
final class LockWorker extends ChannelInboundHandlerAdapter {
  private static final long TIMEOUT_CHECK_MILLIS = 5;
  private static final long LATENCY_NANOS_MAX = TimeUnit.MINUTES.toNanos(10);

  /** Of {@link #holders}: who holds it alone counts as so many. */
  static final long ALONE = 1L << 32;

  private final LockLoadSpec spec;
  private final EventLoop loop;
  private final List<LockClient> clients;
  private final long firstId;
  private final AtomicLongArray holders;
  private final Random64 chance;
  private final PriorityQueue<LockClient> paused =
      new PriorityQueue<>(Comparator.comparingLong(client -> client.dueAt));
  private final Map<LockCounter, AtomicLong> counts = new EnumMap<>(LockCounter.class);
  private final SingleWriterRecorder latency = new SingleWriterRecorder(1, LATENCY_NANOS_MAX, 3);
  private Channel channel;
  private volatile boolean finishing;

  /**
   * @param clients its own, whose ids follow each other
   * @param firstId id of the first of them
   * @param holders of each lock, who holds it as far as all workers know: the number of those who
   *     share it, or {@link #ALONE}
   */
  LockWorker(
      LockLoadSpec spec,
      EventLoop loop,
      List<LockClient> clients,
      long firstId,
      AtomicLongArray holders) {
    this.spec = spec;
    this.loop = loop;
    this.clients = new ArrayList<>(clients);
    this.firstId = firstId;
    this.holders = holders;
    chance = Random64.split(spec.seed(), (int) firstId);
    for (LockCounter counter : LockCounter.values()) {
      counts.put(counter, new AtomicLong());
    }
  }

  /** Opens the socket. */
  void open() throws LoadException {
    var connected =
        Sockets.datagram(loop, LockMessages.BYTES, this)
            .connect(spec.server())
            .awaitUninterruptibly();
    if (!connected.isSuccess()) {
      throw new LoadException("no socket: " + connected.cause().getMessage(), connected.cause());
    }
    channel = connected.channel();
  }

  /** Has all clients begin. */
  void start() {
    loop.execute(
        () -> {
          clients.forEach(client -> begin(client, System.nanoTime()));
          channel.flush();
        });
    loop.scheduleWithFixedDelay(this::resumeDue, 0, 1, TimeUnit.NANOSECONDS);
    loop.scheduleWithFixedDelay(
        this::checkTimeouts, TIMEOUT_CHECK_MILLIS, TIMEOUT_CHECK_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** No more transactions begin. */
  void finish() {
    finishing = true;
  }

  long count(LockCounter counter) {
    return counts.get(counter).getAcquire();
  }

  SingleWriterRecorder latency() {
    return latency;
  }

  private void count(LockCounter counter, boolean happened) {
    if (happened) {
      WorkerCounts.increment(counts.get(counter));
    }
  }

  private void begin(LockClient client, long now) {
    if (finishing) {
      client.state = LockClient.State.IDLE;
      return;
    }
    client.beginTransaction();
    client.want(now);
    ask(client, now);
  }

  private void ask(LockClient client, long now) {
    client.writeRequest();
    client.sentAt = now;
    client.state = LockClient.State.ASKED;
    count(LockCounter.SENT, true);
    channel.write(client.request.retainedDuplicate(), channel.voidPromise());
  }

  /** Gives up one lock after the other. */
  private void release(LockClient client, long now) {
    if (client.held == 0) {
      begin(client, now);
      return;
    }
    client.releasing = true;
    holders.addAndGet(client.lock(), client.isShared() ? -1 : -ALONE);
    ask(client, now);
  }

  private void pause(LockClient client, long dueAt) {
    client.state = LockClient.State.PAUSED;
    client.dueAt = dueAt;
    paused.add(client);
  }

  private void backOff(LockClient client, long now) {
    long pause = spec.backOff().nanos(client.tries++, chance.nextDouble());
    client.nextSequence();
    pause(client, now + pause);
  }

  private void resumeDue() {
    long now = System.nanoTime();
    boolean any = false;
    for (LockClient client; (client = paused.peek()) != null && client.dueAt - now <= 0; ) {
      paused.remove();
      any = true;
      if (client.holdsAll() || finishing) {
        release(client, now);
      } else {
        ask(client, now);
      }
    }
    if (any) {
      channel.flush();
    }
  }

  private void checkTimeouts() {
    long now = System.nanoTime();
    for (LockClient client : clients) {
      LockClient.State state = client.state;
      boolean waits = state == LockClient.State.ASKED || state == LockClient.State.QUEUED;
      if (waits && now - client.sentAt >= spec.timeout().toNanos()) {
        count(state == LockClient.State.ASKED ? LockCounter.LOST : LockCounter.POLLED, true);
        client.resent = true;
        ask(client, now);
      }
    }
    channel.flush();
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    try {
      receiveAll(message instanceof DatagramPacket packet ? packet.content() : (ByteBuf) message);
    } finally {
      ReferenceCountUtil.release(message);
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext context) {
    channel.flush();
  }

  /** A reply, and behind it others that go to this address. */
  private void receiveAll(ByteBuf datagram) {
    do {
      receive(datagram.readSlice(Math.min(LockMessages.BYTES, datagram.readableBytes())));
    } while (datagram.isReadable());
  }

  private void receive(ByteBuf reply) {
    long index =
        reply.readableBytes() == LockMessages.BYTES
                && reply.getUnsignedShort(reply.readerIndex()) == LockMessages.MAGIC
            ? reply.getLong(reply.readerIndex() + LockMessages.AT_CLIENT) - firstId
            : -1;
    if (index < 0 || index >= clients.size()) {
      count(LockCounter.FOREIGN, true);
      return;
    }
    LockClient client = clients.get((int) index);
    byte op = reply.getByte(reply.readerIndex() + LockMessages.AT_OP);
    byte status = reply.getByte(reply.readerIndex() + LockMessages.AT_STATUS);
    long number = reply.getLong(reply.readerIndex() + LockMessages.AT_SEQUENCE);
    long now = System.nanoTime();
    if (!client.expects(op, number)) {
      receiveStray(client, op, status, number);
    } else if (status == LockMessages.QUEUED && op == LockMessages.ACQUIRE) {
      receiveQueued(client, now);
    } else {
      client.answered();
      if (client.releasing) {
        receiveReleased(client, status, now);
      } else {
        receiveAcquired(client, status, now);
      }
    }
  }

  /** A reply that the client does not wait for. */
  private void receiveStray(LockClient client, byte op, byte status, long number) {
    boolean asked = client.hasAsked(number);
    boolean duplicate = status != LockMessages.QUEUED && client.isDuplicate(op, number);
    count(LockCounter.FOREIGN, !asked);
    count(LockCounter.DUPLICATE, asked && duplicate);
    count(LockCounter.LATE, asked && !duplicate);
  }

  private void receiveQueued(LockClient client, long now) {
    if (client.state == LockClient.State.ASKED) {
      client.state = LockClient.State.QUEUED;
      client.sentAt = now;
      count(LockCounter.WAITED, true);
    } else {
      count(LockCounter.DUPLICATE, !client.resent);
    }
  }

  private void receiveReleased(LockClient client, byte status, long now) {
    count(
        switch (status) {
          case LockMessages.RELEASED -> LockCounter.RELEASED;
          case LockMessages.EXPIRED -> LockCounter.EXPIRED;
          default -> LockCounter.ERRORS;
        },
        true);
    client.held--;
    release(client, now);
  }

  private void receiveAcquired(LockClient client, byte status, long now) {
    switch (status) {
      case LockMessages.GRANTED -> granted(client, now);
      case LockMessages.TIMEOUT -> {
        count(LockCounter.TIMEOUT, true);
        release(client, now);
      }
      case LockMessages.BUSY, LockMessages.QUEUE_FULL, LockMessages.NO_ROOM -> {
        count(LockCounter.REJECTED, true);
        backOff(client, now);
      }
      case LockMessages.EXPIRED -> {
        count(LockCounter.EXPIRED, true);
        backOff(client, now);
      }
      default -> {
        count(LockCounter.ERRORS, true);
        backOff(client, now);
      }
    }
  }

  private void granted(LockClient client, long now) {
    boolean shared = client.isShared();
    long others = holders.getAndAdd(client.lock(), shared ? 1 : ALONE);
    count(LockCounter.VIOLATIONS, shared ? others >= ALONE : others != 0);
    count(LockCounter.ACQUIRED, true);
    latency.recordValue(Math.min(client.granted(now), LATENCY_NANOS_MAX));
    if (!client.holdsAll()) {
      client.want(now);
      ask(client, now);
    } else if (spec.hold().isZero()) {
      release(client, now);
    } else {
      pause(client, now + spec.hold().toNanos());
    }
  }

  /** An ICMP error: the request is lost, and the clock will say so. */
  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {}
}
