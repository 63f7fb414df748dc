package org.kerbykv.client;

import java.util.Optional;

/** A question how a lock is. */
final class LockQuery extends LockExchange<LockState> {
  private final long deadline;
  private long sequence;

  LockQuery(LockLink link, long lock) {
    super(link, lock);
    deadline = created() + link.config().timeout().toNanos();
  }

  long sequence() {
    return sequence;
  }

  @Override
  void start() {
    sequence = link.beginQuery(this);
    ask(System.nanoTime());
  }

  private void ask(long now) {
    send(
        LockMessage.request(LockMessage.QUERY, 0, lock, link.queryClient(), sequence, 0, 0),
        now,
        Long.MAX_VALUE);
    link.setTimer(this, earlier(sendAgainAt(), deadline));
  }

  @Override
  void timerFired() {
    long now = System.nanoTime();
    if (isDone()) { // cancelled
      link.endQuery(this);
    } else if (now - deadline >= 0) {
      fail(noReply(now));
    } else {
      ask(now);
    }
  }

  @Override
  void receive(LockMessage reply) {
    link.endQuery(this);
    complete(
        new LockState(Optional.ofNullable(LockMode.ofWire(reply.mode())), (int) reply.waiting()));
  }

  @Override
  long placeWaitNanos() {
    return link.config().timeout().toNanos();
  }

  @Override
  void fail(KerbyException failure) {
    if (sequence != 0) {
      link.endQuery(this);
    }
    completeExceptionally(failure);
  }
}
