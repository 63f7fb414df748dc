package org.kerbykv.server.e2e;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.kerbykv.bpf.NetworkNamespace;
import org.kerbykv.bpf.lockhistory.Acquisition;
import org.kerbykv.bpf.lockhistory.Acquisition.End;
import org.kerbykv.bpf.programs.LockAbi.Mode;
import org.kerbykv.bpf.programs.LockAbi.Op;
import org.kerbykv.bpf.programs.LockAbi.Status;
import org.kerbykv.bpf.programs.LockMessage;

/**
 * A client that acquires one lock after the other and records what it saw. It asks again what is
 * not answered, renews now and then, gives up now and then, and dies now and then: then another
 * takes its place, under a new number. For one thread.
 */
final class LockWorkload implements AutoCloseable {
  private static final long NANOS_PER_MILLI = 1_000_000;
  private static final Duration RESEND = Duration.ofMillis(30);

  /** Who has heard nothing final for so long, when all others are done, waits for ever. */
  private static final Duration END_PATIENCE = Duration.ofSeconds(30);

  private final NetworkNamespace namespace;
  private final InetSocketAddress server;
  private final Times times;
  private final int locks;
  private final AtomicLong clients;
  private final SplittableRandom random;
  private final List<Acquisition> history = new ArrayList<>();
  private LockUdp socket;
  private long client;
  private long sequence;
  private One one;

  /**
   * How long leases and patience are, in milliseconds.
   *
   * @param leaseMillis longer than the network is late, so that clients do count on their locks
   */
  record Times(int leaseMillis, int waitMillis) {}

  /** What the client knows of its present acquisition. */
  private final class One {
    final long lock = random.nextInt(locks);
    final Mode mode = random.nextInt(3) == 0 ? Mode.SHARED : Mode.EXCLUSIVE;

    /** Some try only, and some are impatient. */
    final int waitMillis =
        switch (random.nextInt(10)) {
          case 0 -> 0;
          case 1, 2 -> times.waitMillis / 30;
          default -> times.waitMillis;
        };

    final long requested = System.nanoTime();
    long queued = Acquisition.NEVER;
    long granted = Acquisition.NEVER;
    long token;
    long safeUntil;
    long heldUntil;
    long leaseEnd = requested + times.leaseMillis * NANOS_PER_MILLI;

    /** Counts on the lock no longer, from now on. */
    void letGo() {
      if (token != 0 && heldUntil == 0) {
        heldUntil = Math.max(granted, Math.min(System.nanoTime(), safeUntil));
      }
    }

    void record(End end, long ended) {
      letGo();
      history.add(
          new Acquisition(
              lock,
              client,
              sequence,
              mode == Mode.EXCLUSIVE,
              requested,
              queued,
              granted,
              token,
              heldUntil,
              ended,
              leaseEnd,
              end));
    }
  }

  /**
   * Makes a client.
   *
   * @param clients the last number given to one; numbers are never used twice
   */
  LockWorkload(
      NetworkNamespace namespace,
      InetSocketAddress server,
      int locks,
      Times times,
      AtomicLong clients,
      SplittableRandom random) {
    this.namespace = namespace;
    this.server = server;
    this.locks = locks;
    this.times = times;
    this.clients = clients;
    this.random = random;
    beBorn();
  }

  private void beBorn() {
    client = clients.incrementAndGet();
    sequence = 0;
    socket = new LockUdp(namespace, server, client);
  }

  /** Acquires and releases as long as it goes on, and comes to an end then. */
  List<Acquisition> run(BooleanSupplier goesOn) {
    while (goesOn.getAsBoolean()) {
      sequence++;
      one = new One();
      socket.forget();
      acquire();
      if (random.nextInt(100) == 0) {
        socket.close();
        beBorn();
      }
    }
    return history;
  }

  private void acquire() {
    LockMessage acquire =
        socket.acquire(one.mode, one.lock, sequence, one.waitMillis, times.leaseMillis);
    boolean givesUp = random.nextInt(20) == 0;
    boolean dies = random.nextInt(40) == 0;
    if (dies && random.nextBoolean()) {
      // Before it hears anything.
      socket.send(acquire);
      one.record(End.UNKNOWN, System.nanoTime());
      rise();
      return;
    }
    if (!askUntilDecided(acquire, givesUp)) {
      return;
    }
    hold();
    one.letGo();
    if (dies) {
      one.record(End.UNKNOWN, System.nanoTime());
      rise();
      return;
    }
    leave(socket.request(Op.RELEASE, one.lock, sequence));
  }

  /** The client is dead; here comes another. */
  private void rise() {
    socket.close();
    beBorn();
  }

  /** Asks until it is granted. Returns false if it is over, and recorded, instead. */
  private boolean askUntilDecided(LockMessage acquire, boolean givesUp) {
    long end = System.nanoTime() + END_PATIENCE.toNanos() + times.waitMillis * NANOS_PER_MILLI;
    while (System.nanoTime() < end) {
      socket.send(acquire);
      Optional<LockMessage> reply = hear(Op.ACQUIRE);
      while (reply.isPresent() && reply.get().status() == Status.QUEUED) {
        one.queued = Math.min(one.queued, System.nanoTime());
        if (givesUp) {
          leave(socket.request(Op.CANCEL, one.lock, sequence));
          return false;
        }
        reply = hear(Op.ACQUIRE);
      }
      if (reply.isPresent()) {
        return decided(reply.get());
      }
    }
    one.record(End.WAITING, System.nanoTime());
    return false;
  }

  private boolean decided(LockMessage reply) {
    if (reply.status() == Status.GRANTED) {
      one.granted = System.nanoTime();
      one.token = reply.token();
      // Whichever request this is the reply to, it came in after the first was sent.
      one.safeUntil = one.requested + reply.lease() * NANOS_PER_MILLI;
      return true;
    }
    ended(reply);
    return false;
  }

  /** Holds the lock a little. Renews the lease now and then, and where it may have ended. */
  private void hold() {
    pause(random.nextInt(3));
    if (random.nextInt(5) == 0 || one.safeUntil <= System.nanoTime()) {
      long sent = System.nanoTime();
      socket.send(LockMessage.renew(one.lock, client, sequence, times.leaseMillis));
      Optional<LockMessage> reply = hear(Op.RENEW);
      if (reply.isPresent() && reply.get().status() == Status.GRANTED) {
        one.leaseEnd = sent + times.leaseMillis * NANOS_PER_MILLI;
        one.safeUntil = Math.max(one.safeUntil, sent + reply.get().lease() * NANOS_PER_MILLI);
      }
    }
  }

  /** Releases or cancels until it hears what became of it. */
  private void leave(LockMessage request) {
    long end = System.nanoTime() + END_PATIENCE.toNanos();
    while (System.nanoTime() < end) {
      socket.send(request);
      Optional<LockMessage> reply = hear(request.op());
      if (reply.isPresent()) {
        ended(reply.get());
        return;
      }
    }
    one.record(End.WAITING, System.nanoTime());
  }

  private void ended(LockMessage reply) {
    boolean granted = one.token != 0;
    End end =
        switch (reply.status()) {
          // Of what it never heard that it held: by a cancel, or when the notice was lost.
          case RELEASED -> granted ? End.RELEASED : End.UNKNOWN;
          case EXPIRED -> granted ? End.EXPIRED : End.UNKNOWN;
          case TIMEOUT -> End.TIMEOUT;
          case CANCELLED -> End.CANCELLED;
          case BUSY, QUEUE_FULL, NO_ROOM -> End.REFUSED;
          default -> throw new AssertionError("client " + client + " received " + reply);
        };
    one.record(end, System.nanoTime());
  }

  /** The next message about the present acquisition that answers such a request. */
  private Optional<LockMessage> hear(Op op) {
    return socket.receive(it -> it.sequence() == sequence && it.op() == op, RESEND);
  }

  private static void pause(int millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  @Override
  public void close() {
    socket.close();
  }
}
