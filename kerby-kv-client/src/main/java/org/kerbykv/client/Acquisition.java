package org.kerbykv.client;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * One lock on its way from being asked for to being given back; as a future, until it is granted.
 *
 * <p>Every request about it bears its number, so that none can be executed twice, and what the
 * server says of its end is true for ever, however late it comes. What the server says of its lease
 * is not: a reply may be old. The lease is therefore counted from when its request was
 * <em>sent</em>, and every round of renewals asks for a lease of a few milliseconds more or less
 * than the round before, which the reply repeats: so it tells the round that it belongs to.
 */
final class Acquisition<R> extends LockExchange<R> {
  private enum Stage {
    NEW,
    /** Asked for. */
    WAITING,
    /** Granted, but so long after it was asked for that the lease has to be asked for anew. */
    CONFIRMING,
    HELD,
    /** The server is told that it is over, and has not answered yet. */
    LEAVING,
    OVER
  }

  /** How many milliseconds a renewal may ask for more than the lease; see above. */
  static final int ROUNDS = 64;

  /** A renewal is begun after this part of the lease, and sent again after half of this. */
  private static final int RENEWALS_IN_LEASE = 3;

  final LockMode mode;
  private final long waitNanos;
  private final Function<KerbyLock, R> granted;
  private final R busy;

  private Stage stage = Stage.NEW;
  private LockSession session;
  private long sequence;

  /** When the first request was sent: no grant is older. */
  private long firstSentAt;

  /** When to stop asking. */
  private long deadline;

  /** What the lease is counted as; less than was asked for if the server does not grant as much. */
  private long leaseNanos;

  private long grantedAt;
  private long token;
  private boolean renewing;
  private int round;
  private long roundSentAt;
  private long renewAt;
  private CompletableFuture<Void> renewed;
  private KerbyLock handle;

  /** How the server is told: RELEASE or CANCEL. */
  private int leaving;

  private long reportAt;

  /**
   * @param granted what to complete with when it is granted
   * @param busy what to complete with when it is not free; null: a failure
   */
  Acquisition(
      LockLink link,
      long lock,
      LockMode mode,
      long waitNanos,
      long leaseNanos,
      Function<KerbyLock, R> granted,
      R busy) {
    super(link, lock);
    this.mode = mode;
    this.waitNanos = waitNanos;
    this.leaseNanos = clearOfLimits(leaseNanos);
    this.granted = granted;
    this.busy = busy;
    deadline = created() + waitNanos + link.config().timeout().toNanos();
    whenFailed();
  }

  /**
   * Takes away up to {@link #ROUNDS} milliseconds, so that no renewal asks for more than a whole
   * number of seconds, which the server's limit is, where another asks for less: it has to cut all
   * of them, or none.
   */
  private static long clearOfLimits(long leaseNanos) {
    long second = TimeUnit.SECONDS.toNanos(1);
    long rest = leaseNanos % second;
    long restMax = second - TimeUnit.MILLISECONDS.toNanos(ROUNDS);
    return leaseNanos - Math.max(0, rest - restMax);
  }

  /** Whoever ends the future early, by cancelling it or otherwise, ends the acquisition. */
  @SuppressWarnings("FutureReturnValueIgnored")
  private void whenFailed() {
    whenComplete(
        (result, failure) -> {
          if (failure != null) {
            link.execute(this::stopWaiting);
          }
        });
  }

  /** Gets its number. */
  void numbered(LockSession in, long number) {
    session = in;
    sequence = number;
  }

  long sequence() {
    return sequence;
  }

  @Override
  long placeWaitNanos() {
    return deadline - System.nanoTime();
  }

  // --- Requests ---------------------------------------------------------------------------------

  @Override
  void start() {
    link.counters().acquisitions().increment();
    link.sessionWithRoom().begin(this);
    firstSentAt = System.nanoTime();
    stage = Stage.WAITING;
    ask(firstSentAt);
  }

  /** Sends the request of this stage, once more or for the first time. */
  private void ask(long now) {
    switch (stage) {
      case WAITING -> {
        long left = Math.max(0, created() + waitNanos - now);
        send(
            request(LockMessage.ACQUIRE, millisUp(left), millisUp(leaseNanos)),
            now,
            Long.MAX_VALUE);
        link.setTimer(this, earlier(sendAgainAt(), deadline));
      }
      case CONFIRMING, HELD -> {
        long lease = millisUp(leaseNanos) + round;
        send(request(LockMessage.RENEW, 0, lease), now, leaseNanos / (2 * RENEWALS_IN_LEASE));
        link.setTimer(this, earlier(sendAgainAt(), stage == Stage.HELD ? validUntil() : deadline));
      }
      case LEAVING -> {
        send(request(leaving, 0, 0), now, Long.MAX_VALUE);
        long next = earlier(sendAgainAt(), deadline);
        link.setTimer(this, now - reportAt < 0 ? earlier(next, reportAt) : next);
      }
      case NEW, OVER -> {}
    }
  }

  private LockMessage request(int op, long waitMillis, long leaseMillis) {
    return LockMessage.request(
        op, mode.wire(), lock, session.client, sequence, waitMillis, leaseMillis);
  }

  private static long millisUp(long nanos) {
    return TimeUnit.NANOSECONDS.toMillis(nanos + TimeUnit.MILLISECONDS.toNanos(1) - 1);
  }

  @Override
  void timerFired() {
    long now = System.nanoTime();
    switch (stage) {
      case WAITING, CONFIRMING -> {
        if (now - deadline >= 0) {
          fail(noReply(now));
        } else {
          ask(now);
        }
      }
      case HELD -> {
        if (now - validUntil() >= 0) {
          lose("its lease was not renewed in time");
        } else if (renewing) {
          ask(now);
        } else if (link.config().renewing() && now - renewAt >= 0) {
          beginRound(now);
        } else {
          setHoldTimer();
        }
      }
      case LEAVING -> {
        if (now - reportAt >= 0) {
          reportUnconfirmed();
        }
        if (now - deadline >= 0) {
          forget();
        } else {
          ask(now);
        }
      }
      case NEW, OVER -> {}
    }
  }

  // --- Replies ----------------------------------------------------------------------------------

  @Override
  void receive(LockMessage reply) {
    switch (reply.status()) {
      case LockMessage.QUEUED -> {} // asked again nevertheless: the grant's notice may get lost
      case LockMessage.GRANTED -> receiveGrant(reply);
      default -> receiveEnd(reply.status());
    }
  }

  private void receiveGrant(LockMessage reply) {
    long now = System.nanoTime();
    if (stage == Stage.WAITING) {
      token = reply.token();
      long lease = Math.min(leaseNanos, TimeUnit.MILLISECONDS.toNanos(reply.lease()));
      long validUntil = firstSentAt + lease;
      if (validUntil - now >= leaseNanos / 2) {
        hold(validUntil, now);
      } else {
        stage = Stage.CONFIRMING;
        beginRound(now);
      }
    } else if (stage == Stage.CONFIRMING || stage == Stage.HELD) {
      if (reply.token() != token) {
        endHolding("the server has lost and granted it again");
        leave(LockMessage.RELEASE);
      } else if (reply.op() == LockMessage.RENEW) {
        receiveRenewal(reply, now);
      }
    }
  }

  private void receiveRenewal(LockMessage reply, long now) {
    long lease = millisUp(leaseNanos);
    if (renewing && reply.lease() <= lease) { // the server's limit
      leaseNanos = TimeUnit.MILLISECONDS.toNanos(Math.max(1, reply.lease() - ROUNDS - 1));
      beginRound(now);
      return;
    }
    if (!renewing || reply.lease() != lease + round) {
      link.counters().strayReplies().increment(); // to an earlier round
      return;
    }
    renewing = false;
    link.counters().renewals().increment();
    long validUntil = roundSentAt + leaseNanos;
    if (stage == Stage.CONFIRMING) {
      hold(validUntil, now);
      return;
    }
    handle.extend(validUntil);
    renewAt = roundSentAt + leaseNanos / RENEWALS_IN_LEASE;
    setHoldTimer();
    endRenewal(null);
  }

  private void hold(long validUntil, long now) {
    stage = Stage.HELD;
    grantedAt = now;
    renewAt = validUntil - leaseNanos + leaseNanos / RENEWALS_IN_LEASE;
    handle = new KerbyLock(this, token, validUntil);
    setHoldTimer();
    link.counters().granted().increment();
    tell(LockObserver.Outcome.GRANTED);
    if (!complete(granted.apply(handle))) {
      stopWaiting();
    }
  }

  /** The server says that it is over. */
  private void receiveEnd(int status) {
    Stage before = stage;
    if (status == LockMessage.INVALID || status == LockMessage.STALE) {
      session.abandon(); // the server knows other numbers than we do
    }
    over();
    switch (before) {
      case WAITING -> endWaiting(status);
      case CONFIRMING, HELD -> endHolding("the server says: " + LockMessage.statusName(status));
      case LEAVING -> {
        if (handle != null) {
          handle.released().complete(status == LockMessage.RELEASED && !handle.isLost());
        }
      }
      case NEW, OVER -> {}
    }
  }

  private void endWaiting(int status) {
    String name = "lock " + Long.toUnsignedString(lock);
    switch (status) {
      case LockMessage.BUSY, LockMessage.TIMEOUT -> {
        if (busy == null) {
          fail(new KerbyLockTimeoutException(name + " did not become free in time"));
        } else {
          tell(LockObserver.Outcome.BUSY);
          complete(busy);
        }
      }
      case LockMessage.EXPIRED ->
          fail(new KerbyLockLostException(name + " was granted, and its lease has ended"));
      case LockMessage.QUEUE_FULL ->
          fail(refused(KerbyLockRefusedException.Reason.QUEUE_FULL, name, status));
      case LockMessage.NO_ROOM ->
          fail(refused(KerbyLockRefusedException.Reason.NO_ROOM, name, status));
      default -> fail(refused(KerbyLockRefusedException.Reason.INVALID, name, status));
    }
  }

  private static KerbyLockRefusedException refused(
      KerbyLockRefusedException.Reason reason, String name, int status) {
    return new KerbyLockRefusedException(
        reason, name + " refused: " + LockMessage.statusName(status));
  }

  // --- Holding ----------------------------------------------------------------------------------

  private long validUntil() {
    return handle.validUntil();
  }

  private void setHoldTimer() {
    link.setTimer(this, link.config().renewing() ? earlier(renewAt, validUntil()) : validUntil());
  }

  private void beginRound(long now) {
    renewing = true;
    round = round % ROUNDS + 1;
    roundSentAt = now;
    nextRequest();
    ask(now);
  }

  /** Renews the lease now; a renewal that is on its way already counts too. */
  void renew(CompletableFuture<Void> result) {
    if (stage != Stage.HELD) {
      result.completeExceptionally(lost("it is not held any more"));
      return;
    }
    if (renewed == null) {
      renewed = result;
    } else {
      follow(renewed, result);
    }
    if (!renewing) {
      beginRound(System.nanoTime());
    }
  }

  @SuppressWarnings("FutureReturnValueIgnored")
  private static void follow(CompletableFuture<Void> leader, CompletableFuture<Void> follower) {
    leader.whenComplete(
        (none, failure) -> {
          if (failure == null) {
            follower.complete(null);
          } else {
            follower.completeExceptionally(failure);
          }
        });
  }

  private void endRenewal(KerbyException failure) {
    CompletableFuture<Void> result = renewed;
    renewed = null;
    if (result != null && failure == null) {
      result.complete(null);
    } else if (result != null) {
      result.completeExceptionally(failure);
    }
  }

  private KerbyLockLostException lost(String why) {
    return new KerbyLockLostException("lock " + Long.toUnsignedString(lock) + " is lost: " + why);
  }

  private void lose(String why) {
    endHolding(why);
    leave(LockMessage.RELEASE);
  }

  /** The lock is not ours any more, though nobody has given it back. */
  private void endHolding(String why) {
    KerbyLockLostException failure = lost(why);
    if (handle == null) {
      fail(failure);
      return;
    }
    link.counters().lost().increment();
    tellEnded(true);
    handle.lose();
    endRenewal(failure);
  }

  // --- Giving back ------------------------------------------------------------------------------

  /** The caller gives it back. */
  void release() {
    if (stage == Stage.HELD) {
      tellEnded(false);
      endRenewal(lost("it has been given back"));
      leave(LockMessage.RELEASE);
    } else if (stage == Stage.OVER || handle.isLost()) {
      handle.released().complete(false);
    }
  }

  /** Nobody waits for it any more; what has been asked of the server is taken back. */
  private void stopWaiting() {
    if (stage == Stage.HELD) { // granted while the caller turned away
      release();
    } else if (stage == Stage.WAITING || stage == Stage.CONFIRMING) {
      leave(LockMessage.CANCEL);
    }
  }

  /** The client is closed. */
  void giveUp(KerbyException reason) {
    if (stage == Stage.HELD) {
      lose(reason.getMessage());
    } else {
      fail(reason);
      stopWaiting();
    }
  }

  /**
   * Tells the server until it has answered, or until it must have ended the acquisition by itself.
   */
  private void leave(int op) {
    long now = System.nanoTime();
    long timeout = link.config().timeout().toNanos();
    long waitLeft = op == LockMessage.CANCEL ? Math.max(0, created() + waitNanos - now) : 0;
    stage = Stage.LEAVING;
    leaving = op;
    reportAt = now + timeout;
    deadline = reportAt + waitLeft + leaseNanos;
    nextRequest();
    ask(now);
  }

  /** Stops telling the server. */
  void forget() {
    link.counters().unconfirmed().increment();
    session.abandon();
    over();
    reportUnconfirmed();
  }

  private void reportUnconfirmed() {
    if (handle != null && !handle.released().isDone()) {
      handle
          .released()
          .completeExceptionally(
              new KerbyUnknownOutcomeException(
                  "no reply to the release of lock %s; its lease will end it"
                      .formatted(Long.toUnsignedString(lock)),
                  link.trouble()));
    }
  }

  private void over() {
    stage = Stage.OVER;
    link.end(this, session);
  }

  // --- What callers and observers are told ------------------------------------------------------

  @Override
  void fail(KerbyException failure) {
    tell(LockObserver.Outcome.of(failure));
    completeExceptionally(failure);
  }

  private void tell(LockObserver.Outcome outcome) {
    LockObserver observer = link.observer();
    if (observer != null && !isDone()) {
      try {
        observer.decided(outcome, System.nanoTime() - created());
      } catch (RuntimeException e) {
        // A registry that refuses a meter must not cost anybody a lock.
      }
    }
  }

  private void tellEnded(boolean lost) {
    LockObserver observer = link.observer();
    if (observer != null) {
      try {
        observer.ended(lost, System.nanoTime() - grantedAt);
      } catch (RuntimeException e) {
        // as above
      }
    }
  }
}
