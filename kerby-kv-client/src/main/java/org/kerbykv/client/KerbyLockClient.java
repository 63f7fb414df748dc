package org.kerbykv.client;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.netty.channel.EventLoop;
import io.netty.channel.IoEventLoopGroup;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;

/**
 * A client of a Kerby-Lock server: shared and exclusive locks that are named by numbers, with fair
 * queues, leases and fencing tokens.
 *
 * <p><b>Locks.</b> Any 64-bit number is a lock; {@link #lockId} makes one of a name. A lock is
 * granted in the order in which the server received the requests; those next to each other that
 * want to share it get it together. Locks are not re-entrant: whoever asks for a lock that he holds
 * waits for himself. Neither does a shared lock become an exclusive one, or the other way round.
 *
 * <p><b>Leases.</b> A lock is granted for a lease, which renews itself (see {@link
 * KerbyLockConfig.Builder#renewing}); when its holder has died, or cannot reach the server, the
 * lock goes to the next one after the lease at the latest. A short lease means a short wait for
 * that, and less of a pause that the holder may make unnoticed. {@link KerbyLock#isHeld}, {@link
 * KerbyLock#onLost} and above all {@link KerbyLock#fencingToken} are for holders that were too
 * slow.
 *
 * <p><b>Forms.</b> Every operation has a blocking form and one that returns a {@link
 * CompletableFuture}; the blocking form throws what the future would complete with. Cancelling the
 * future, or ending it early in another way, cancels what was asked of the server; interrupting the
 * blocking form does, too. Every call ends: an acquisition within its wait limit and {@link
 * KerbyLockConfig#timeout()}.
 *
 * <p><b>Failures.</b> A {@link KerbyLockException} is the server's answer, that the lock is not
 * had. A {@link KerbyTimeoutException} is the lack of one: should the server have granted the lock
 * all the same, it is given back as soon as the server can be reached, and free after its lease.
 *
 * <p><b>Threads.</b> Thread-safe, and made for virtual threads, too: nothing waits within a
 * monitor. A lock belongs to its handle and not to a thread. Actions attached to a future run on
 * the client's own thread: they must not block, and the blocking forms refuse to be called from
 * them.
 *
 * <p><b>Order.</b> Requests that overlap in time reach the server in any order. A call made after
 * another has completed is executed after it.
 */
public final class KerbyLockClient implements AutoCloseable {
  /** The longest wait limit. */
  public static final Duration WAIT_MAX = Duration.ofHours(1);

  public static final Duration LEASE_MIN = Duration.ofMillis(100);
  public static final Duration LEASE_MAX = Duration.ofHours(1);

  private static final long SHUTDOWN_SECONDS_MAX = 5;

  private final KerbyLockConfig config;
  private final IoEventLoopGroup group;
  private final LockLink link;
  private final AtomicBoolean closing = new AtomicBoolean();
  private volatile boolean closed;

  private KerbyLockClient(KerbyLockConfig config) {
    this.config = config;
    group = NettyIo.newGroup(1);
    link = new LockLink((EventLoop) group.next(), config);
  }

  /**
   * Opens a client. Nothing is sent before a call needs it.
   *
   * @throws KerbyConnectionException if the server's name is unknown or no socket can be had
   */
  public static KerbyLockClient open(KerbyLockConfig config) {
    KerbyLockClient client = new KerbyLockClient(config);
    try {
      client.link.open(ClientCore.resolve(config.server()));
      return client;
    } catch (KerbyConnectionException e) {
      client.close();
      throw e;
    }
  }

  /**
   * The lock that goes by this name: the first 8 bytes, in network byte order, of the SHA-256 of
   * the name in UTF-8.
   *
   * <p>Two names may have the same lock, with a chance of 1 in 37 million among a million names.
   * They then exclude each other, though they need not: nothing that a lock guards is in danger,
   * but who wants both at once must use {@link #acquireAll}, which takes a lock once.
   */
  public static long lockId(String name) {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(name.getBytes(UTF_8));
      return ByteBuffer.wrap(digest).getLong();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  LockLink link() {
    return link;
  }

  public KerbyLockConfig config() {
    return config;
  }

  public KerbyLockStats stats() {
    return link.counters().snapshot(unfinished());
  }

  int unfinished() {
    return config.maxLocks() - link.places().availablePermits();
  }

  // --- Acquiring --------------------------------------------------------------------------------

  /**
   * Acquires a lock, waiting for it if need be.
   *
   * @param id the lock's number
   * @param waitLimit how long to wait for the lock: 0 to {@link #WAIT_MAX}
   * @param lease {@link #LEASE_MIN} to {@link #LEASE_MAX}, counted in milliseconds; like the wait
   *     limit, the server cuts it to what it is configured to allow
   * @throws KerbyLockTimeoutException if the lock did not become free in time
   * @throws KerbyLockRefusedException if too many wait, or the server has no memory
   * @throws KerbyLockLostException if it was granted, and its lease ended before this was known
   * @throws KerbyTimeoutException if the server did not answer
   * @throws KerbyOverloadedException if there are {@link KerbyLockConfig#maxLocks()} already
   * @throws KerbyInterruptedException if the thread was interrupted
   * @throws KerbyClosedException if the client is closed
   * @throws IllegalStateException if called from an action attached to a future
   */
  public KerbyLock acquire(long id, LockMode mode, Duration waitLimit, Duration lease) {
    refuseOnLoop();
    return BlockingCall.await(acquireAsync(id, mode, waitLimit, lease));
  }

  /** Completes with the lock once it is granted, or fails as {@link #acquire} does. */
  public CompletableFuture<KerbyLock> acquireAsync(
      long id, LockMode mode, Duration waitLimit, Duration lease) {
    return submit(
        new Acquisition<>(
            link,
            id,
            Objects.requireNonNull(mode, "mode"),
            checkedWait(waitLimit),
            checkedLease(lease),
            Function.identity(),
            null));
  }

  /**
   * Acquires a lock if it is free, and nobody waits for it.
   *
   * @return empty if it was not; failures are those of {@link #acquire}
   */
  public Optional<KerbyLock> tryAcquire(long id, LockMode mode, Duration lease) {
    refuseOnLoop();
    return BlockingCall.await(tryAcquireAsync(id, mode, lease));
  }

  /** Completes with the lock, or empty, or fails as {@link #acquire} does. */
  public CompletableFuture<Optional<KerbyLock>> tryAcquireAsync(
      long id, LockMode mode, Duration lease) {
    return submit(
        new Acquisition<>(
            link,
            id,
            Objects.requireNonNull(mode, "mode"),
            0,
            checkedLease(lease),
            Optional::of,
            Optional.empty()));
  }

  /**
   * Acquires several locks, or none of them. They are taken one after the other in the order of
   * their numbers, unsigned, so that callers who want some of the same locks do not wait for each
   * other for ever. Whoever holds a lock already and asks for a further one by itself should take
   * care of the same order.
   *
   * @param locks the locks' numbers, each with the mode that it is wanted in; at least one, at most
   *     {@link KerbyLockConfig#maxLocks()}
   * @param waitLimit how long to wait for all of them
   * @throws KerbyLockLostException also if one was lost while others were waited for
   */
  public KerbyLockSet acquireAll(Map<Long, LockMode> locks, Duration waitLimit, Duration lease) {
    refuseOnLoop();
    return BlockingCall.await(acquireAllAsync(locks, waitLimit, lease));
  }

  /** Completes with the locks, or fails as {@link #acquireAll} does. */
  public CompletableFuture<KerbyLockSet> acquireAllAsync(
      Map<Long, LockMode> locks, Duration waitLimit, Duration lease) {
    List<Map.Entry<Long, LockMode>> wanted = new ArrayList<>(Map.copyOf(locks).entrySet());
    KerbyClientConfig.Builder.inRange("the number of locks", wanted.size(), 1, config.maxLocks());
    wanted.sort((a, b) -> Long.compareUnsigned(a.getKey(), b.getKey()));
    long waitUntil = System.nanoTime() + checkedWait(waitLimit);
    AcquireAll all = new AcquireAll(link, wanted, waitUntil, checkedLease(lease));
    long placeWait = waitUntil - System.nanoTime() + config.timeout().toNanos();
    KerbyException refusal = takePlaces(wanted.size(), placeWait);
    if (refusal != null) {
      all.completeExceptionally(refusal);
    } else if (!link.execute(all::begin) || closed) {
      all.completeExceptionally(ClientCore.closedException());
    }
    return all;
  }

  /**
   * How a lock is. It may be another way by the time that this is known.
   *
   * @throws KerbyTimeoutException if the server did not answer
   */
  public LockState query(long id) {
    refuseOnLoop();
    return BlockingCall.await(queryAsync(id));
  }

  /** Completes with the lock's state, or fails as {@link #query} does. */
  public CompletableFuture<LockState> queryAsync(long id) {
    return submit(new LockQuery(link, id));
  }

  private void refuseOnLoop() {
    BlockingCall.refuse(link.onLoop());
  }

  // --- Submitting -------------------------------------------------------------------------------

  private <R> CompletableFuture<R> submit(LockExchange<R> one) {
    KerbyException refusal = takePlaces(1, one.placeWaitNanos());
    if (refusal != null) {
      one.fail(refusal);
    } else if (!link.execute(() -> link.start(one)) || closed) {
      // close() marks the client before it fails what it finds: either it found this one, or the
      // mark is seen here.
      one.completeExceptionally(ClientCore.closedException());
    }
    return one;
  }

  /** Takes places for so many locks at once, so that nobody waits for the rest; or says why not. */
  private KerbyException takePlaces(int count, long waitNanos) {
    if (closed) {
      return ClientCore.closedException();
    }
    try {
      boolean mayWait = config.backPressure() == BackPressure.WAIT && !link.onLoop();
      if (link.places().tryAcquire(count)
          || (mayWait && link.places().tryAcquire(count, waitNanos, TimeUnit.NANOSECONDS))) {
        return null;
      }
      return new KerbyOverloadedException(
          "no place for %d more, %d of %d locks are in use"
              .formatted(count, unfinished(), config.maxLocks()),
          null);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return new KerbyInterruptedException("interrupted while waiting for a place", e);
    }
  }

  private static long checkedWait(Duration wait) {
    if (wait.isNegative() || wait.compareTo(WAIT_MAX) > 0) {
      throw new IllegalArgumentException("a wait limit is from 0 to " + WAIT_MAX + ", not " + wait);
    }
    return wait.toNanos();
  }

  private static long checkedLease(Duration lease) {
    if (lease.compareTo(LEASE_MIN) < 0 || lease.compareTo(LEASE_MAX) > 0) {
      throw new IllegalArgumentException(
          "a lease is from " + LEASE_MIN + " to " + LEASE_MAX + ", not " + lease);
    }
    return TimeUnit.MILLISECONDS.toNanos(lease.toMillis());
  }

  /**
   * Fails what is waited for, gives every lock back, and waits for the server to confirm it, at
   * most {@link KerbyLockConfig#timeout()}. A holder that has not given its lock back is told that
   * it is lost.
   */
  @Override
  @SuppressWarnings("FutureReturnValueIgnored") // of the shutdown
  public void close() {
    if (!closing.compareAndSet(false, true)) {
      return;
    }
    closed = true;
    CompletableFuture<Void> idle = new CompletableFuture<>();
    link.execute(() -> link.close(() -> idle.complete(null)));
    CompletableFuture<Void> stopped =
        idle.completeOnTimeout(null, config.timeout().toNanos(), TimeUnit.NANOSECONDS)
            .thenRun(
                () -> {
                  link.execute(link::abort);
                  group.shutdownGracefully(0, SHUTDOWN_SECONDS_MAX, TimeUnit.SECONDS);
                });
    if (!link.onLoop()) {
      stopped.join();
      group.terminationFuture().awaitUninterruptibly(SHUTDOWN_SECONDS_MAX, TimeUnit.SECONDS);
    }
  }
}
