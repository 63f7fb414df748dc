package org.kerbykv.client;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.DatagramPacket;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.collection.LongObjectHashMap;
import io.netty.util.collection.LongObjectMap;
import java.net.InetSocketAddress;
import java.security.SecureRandom;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;

/**
 * The way to the lock server: a UDP socket connected to it, so that the kernel drops what others
 * send, and whatever waits for its replies. Belongs to its event loop, but for what is marked.
 */
@SuppressWarnings("FutureReturnValueIgnored") // failures reach exceptionCaught
final class LockLink extends ChannelInboundHandlerAdapter {
  private final EventLoop loop;
  private final KerbyLockConfig config;
  private final LockCounters counters = new LockCounters();
  private final LockSessions sessions = new LockSessions();
  private final Semaphore places;
  private final LoopTimers<LockExchange<?>> timers;
  private final Runnable flush = this::flush;

  /** The client number of all queries, which never acquires anything. */
  private final long queryClient = new SecureRandom().nextLong() | 1;

  private final LongObjectMap<LockQuery> queries = new LongObjectHashMap<>();
  private long queriesMade;

  private Channel channel;
  private boolean flushScheduled;
  private Throwable trouble;
  private int unfinished;
  private boolean closing;
  private Runnable onIdle;

  /** Who is told what becomes of acquisitions, or null. */
  private volatile LockObserver observer;

  LockLink(EventLoop loop, KerbyLockConfig config) {
    this.loop = loop;
    this.config = config;
    this.places = new Semaphore(config.maxLocks());
    this.timers = new LoopTimers<>(loop, LockExchange::timerFired, flush);
  }

  // --- From any thread --------------------------------------------------------------------------

  KerbyLockConfig config() {
    return config;
  }

  LockCounters counters() {
    return counters;
  }

  Semaphore places() {
    return places;
  }

  boolean onLoop() {
    return loop.inEventLoop();
  }

  /** Has the event loop do something; returns false if it has ended. */
  boolean execute(Runnable action) {
    try {
      loop.execute(action);
      return true;
    } catch (RejectedExecutionException e) {
      return false;
    }
  }

  /** Opens the socket. */
  void open(InetSocketAddress server) {
    ChannelFuture opened = NettyIo.datagram(loop, LockMessage.BYTES, this).connect(server);
    opened.awaitUninterruptibly();
    if (!opened.isSuccess()) {
      throw new KerbyConnectionException(
          "no UDP socket to " + server + ": " + opened.cause().getMessage(), opened.cause());
    }
  }

  LockObserver observer() {
    return observer;
  }

  /** From now on tells this one too. */
  synchronized void observe(LockObserver other) {
    observer = observer == null ? other : observer.and(other);
  }

  // --- On the event loop ------------------------------------------------------------------------

  void start(LockExchange<?> one) {
    if (closing) {
      one.fail(ClientCore.closedException());
    }
    if (one.isDone()) {
      places.release();
    } else {
      unfinished++;
      one.start();
    }
  }

  LockSession sessionWithRoom() {
    return sessions.withRoom();
  }

  long queryClient() {
    return queryClient;
  }

  /** Expects a reply to a query; returns its number. */
  long beginQuery(LockQuery query) {
    queries.put(++queriesMade, query);
    return queriesMade;
  }

  /** Nothing more is to be done for a query. */
  void endQuery(LockQuery query) {
    if (queries.remove(query.sequence()) != null) {
      ended(query);
    }
  }

  /** Nothing more is to be done for an acquisition. */
  void end(Acquisition<?> one, LockSession session) {
    sessions.end(session, one);
    ended(one);
  }

  private void ended(LockExchange<?> one) {
    timers.clear(one);
    places.release();
    unfinished--;
    runIfIdle();
  }

  private void runIfIdle() {
    if (unfinished == 0 && onIdle != null) {
      onIdle.run();
    }
  }

  void setTimer(LockExchange<?> one, long at) {
    timers.set(one, at);
  }

  /** Sends a request, together with what else the event loop has to send now. */
  void send(LockMessage request) {
    ByteBuf datagram = channel.alloc().directBuffer(LockMessage.BYTES, LockMessage.BYTES);
    request.write(datagram);
    channel.write(datagram, channel.voidPromise());
    if (!flushScheduled) {
      flushScheduled = execute(flush);
    }
  }

  private void flush() {
    flushScheduled = false;
    channel.flush();
  }

  @Override
  public void channelActive(ChannelHandlerContext context) {
    channel = context.channel();
    context.fireChannelActive();
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    try {
      receiveAll(message instanceof DatagramPacket packet ? packet.content() : (ByteBuf) message);
    } finally {
      ReferenceCountUtil.release(message);
    }
  }

  /** A reply, and behind it others that go to this address. */
  private void receiveAll(ByteBuf datagram) {
    do {
      receive(datagram.readSlice(Math.min(LockMessage.BYTES, datagram.readableBytes())));
    } while (datagram.isReadable());
  }

  private void receive(ByteBuf message) {
    trouble = null;
    LockMessage reply = LockMessage.read(message);
    if (reply == null || !reply.isReply()) {
      counters.malformedReplies().increment();
      return;
    }
    LockExchange<?> one = find(reply);
    if (one == null || one.lock != reply.lock()) {
      counters.strayReplies().increment();
    } else {
      one.receive(reply);
    }
  }

  private LockExchange<?> find(LockMessage reply) {
    if (reply.client() == queryClient) {
      return reply.op() == LockMessage.QUERY ? queries.get(reply.sequence()) : null;
    }
    LockSession session = sessions.find(reply.client());
    return session == null ? null : session.find(reply.sequence());
  }

  /** An ICMP error or a full send buffer: the datagram is lost, and will be sent again. */
  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    trouble = cause;
  }

  /** Why replies may be missing, or null. */
  Throwable trouble() {
    return trouble;
  }

  /**
   * Ends everything: what waits fails, what is held is given back.
   *
   * @param whenIdle runs when the server has confirmed all of it
   */
  void close(Runnable whenIdle) {
    closing = true;
    KerbyClosedException reason = ClientCore.closedException();
    List.copyOf(queries.values()).forEach(query -> query.fail(reason));
    sessions.unfinished().forEach(one -> one.giveUp(reason));
    onIdle = whenIdle;
    runIfIdle();
  }

  /** Closes the socket, if it was opened, whatever is left. */
  void abort() {
    onIdle = null;
    sessions.unfinished().forEach(Acquisition::forget);
    if (channel != null) {
      channel.close();
    }
  }
}
