package org.kerbykv.loadgen.socket;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.concurrent.atomic.AtomicLong;
import org.kerbykv.loadgen.lock.LockLoadSpec;
import org.kerbykv.loadgen.lock.LockMessages;
import org.kerbykv.loadgen.lock.LockTransactions;

/**
 * A virtual client: what it is at, and the request it sends. The same life as in
 * lock_load_client.h. Belongs to its worker's event loop, but for {@link #acquired}, {@link
 * #longestNanos} and what {@link #waitingSince} tells, which others may read.
 */
final class LockClient {
  enum State {
    IDLE,
    /** Holds its locks, or was rejected, until {@link #dueAt}. */
    PAUSED,
    ASKED,
    QUEUED
  }

  private final LockTransactions transactions;
  private final int locksEach;
  private final long[] heldSequence;
  final ByteBuf request = Unpooled.directBuffer(LockMessages.BYTES, LockMessages.BYTES);

  final AtomicLong acquired = new AtomicLong();
  volatile State state = State.IDLE;
  volatile long longestNanos;
  private volatile long beganAt;
  long sentAt;
  long dueAt;

  /** Rejections in a row. */
  int tries;

  /** Whether the request was sent again. */
  boolean resent;

  int held;
  boolean releasing;
  private int transaction;
  private long sequence;
  private long sequenceBefore;
  private byte opBefore;
  private boolean resentBefore;

  /**
   * @param id of the client on the wire
   * @param transaction before the first one
   */
  LockClient(LockLoadSpec spec, LockTransactions transactions, long id, int transaction) {
    this.transactions = transactions;
    this.locksEach = spec.locksPerTransaction();
    this.transaction = transaction;
    heldSequence = new long[locksEach];
    request
        .setZero(0, LockMessages.BYTES)
        .setShort(LockMessages.AT_MAGIC, LockMessages.MAGIC)
        .setByte(LockMessages.AT_VERSION, LockMessages.PROTOCOL)
        .setLong(LockMessages.AT_CLIENT, id)
        .setInt(LockMessages.AT_WAIT, (int) spec.waitLimit().toMillis())
        .setInt(LockMessages.AT_LEASE, (int) spec.lease().toMillis())
        .writerIndex(LockMessages.BYTES);
  }

  void beginTransaction() {
    transaction = (transaction + 1) & (transactions.count() - 1);
    releasing = false;
  }

  /** Wants its next lock. */
  void want(long now) {
    tries = 0;
    beganAt = now;
    nextSequence();
  }

  /** The acquisition to come gets a number of its own. */
  void nextSequence() {
    heldSequence[held] = ++sequence;
  }

  private int which() {
    return releasing ? held - 1 : held;
  }

  /** The number of the lock that the request is about. */
  int lock() {
    return transactions.lock(transaction, which());
  }

  boolean isShared() {
    return transactions.isShared(transaction, which());
  }

  byte op() {
    return releasing ? LockMessages.RELEASE : LockMessages.ACQUIRE;
  }

  boolean holdsAll() {
    return held == locksEach;
  }

  /** Puts together what it asks for. */
  void writeRequest() {
    request
        .setByte(LockMessages.AT_OP, op())
        .setByte(LockMessages.AT_MODE, isShared() ? LockMessages.SHARED : LockMessages.EXCLUSIVE)
        .setLong(LockMessages.AT_LOCK, lock())
        .setLong(LockMessages.AT_SEQUENCE, heldSequence[which()]);
  }

  /** Whether it waits for a reply to this operation of this acquisition. */
  boolean expects(byte op, long number) {
    State now = state;
    return (now == State.ASKED || now == State.QUEUED)
        && op == op()
        && number == heldSequence[which()];
  }

  /** Its request has been answered for good. */
  void answered() {
    sequenceBefore = heldSequence[which()];
    opBefore = op();
    resentBefore = resent;
    resent = false;
  }

  /** Whether this acquisition has ever been asked for. */
  boolean hasAsked(long number) {
    return number >= 1 && number <= sequence;
  }

  /** Whether a reply that it does not expect is one more to the request before this one. */
  boolean isDuplicate(byte op, long number) {
    return number == sequenceBefore && op == opBefore && !resentBefore;
  }

  /** Counts a lock it was granted; returns how long it waited, in nanoseconds. */
  long granted(long now) {
    long waited = now - beganAt;
    WorkerCounts.increment(acquired);
    longestNanos = Math.max(longestNanos, waited);
    held++;
    return waited;
  }

  /** Since when it has wanted a lock that it does not hold; {@code otherwise} if it does not. */
  long waitingSince(long otherwise) {
    return state == State.IDLE || releasing || holdsAll() ? otherwise : beganAt;
  }
}
