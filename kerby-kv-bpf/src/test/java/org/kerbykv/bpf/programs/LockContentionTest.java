package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.lockhistory.Acquisition;
import org.kerbykv.bpf.lockhistory.Acquisition.End;
import org.kerbykv.bpf.lockhistory.LockHistoryChecker;
import org.kerbykv.bpf.programs.LockAbi.Mode;
import org.kerbykv.bpf.programs.LockAbi.Op;
import org.kerbykv.bpf.programs.LockAbi.SlotStatus;
import org.kerbykv.bpf.programs.LockAbi.Status;

/**
 * Many clients of few locks, on all CPUs and through all doors at once. No notice is delivered:
 * each client learns by asking again. What they saw has to be what a lock manager may do, and
 * nothing may be left behind.
 */
@RequiresBPF
class LockContentionTest {
  private static final int CLIENTS = 6; // of each thread
  private static final int THREADS = 5;
  private static final int STEPS = 8_000; // of each client

  private final AtomicLong reaped = new AtomicLong();
  private volatile boolean reaping;

  /** Leases and patience so long that they never end, and so short that they often do. */
  private record Times(int leaseMillis, int waitMillis) {}

  @Test
  void locksThatAreReleased() throws Exception {
    Map<End, Integer> ends = run(2, new Times(100_000, 100_000));
    assertThat(ends).containsKey(End.RELEASED).doesNotContainKeys(End.EXPIRED, End.TIMEOUT);
  }

  @Test
  void locksWhoseLeasesEnd() throws Exception {
    Map<End, Integer> ends = run(3, new Times(1, 2));
    assertThat(ends).containsKeys(End.RELEASED, End.EXPIRED, End.TIMEOUT);
  }

  @Test
  void locksAndClientsThatComeAndGo() throws Exception {
    reaping = true;
    Map<End, Integer> ends = run(8, new Times(100_000, 100_000));
    assertThat(ends).containsKey(End.RELEASED).doesNotContainKeys(End.EXPIRED, End.TIMEOUT);
    assertThat(reaped).hasPositiveValue();
  }

  /** Removes what nobody needs, as long as the others work. */
  private void reap(LockSession session, int locks, int clients) {
    while (reaping) {
      for (long lock = 0; lock < locks; lock++) {
        if (session.reapLock(lock).status() == SlotStatus.DONE) {
          reaped.incrementAndGet();
        }
      }
      for (long client = 1; client <= clients; client++) {
        session.reapClient(client, Long.MAX_VALUE);
      }
    }
  }

  private Map<End, Integer> run(int locks, Times times) throws Exception {
    long seed = Long.getLong("kerby.seed", System.nanoTime());
    System.out.println("LockContentionTest: -Dkerby.seed=" + seed);
    Map<End, Integer> ends = new EnumMap<>(End.class);
    LockConfig config = LockConfig.small().withQueueMax(30).withBlocks(400).withClock();
    try (LockManager manager = new LockManager(config)) {
      List<Callable<List<Acquisition>>> work = new ArrayList<>();
      for (int i = 0; i < THREADS; i++) {
        Random random = new Random(seed + i);
        LockSession session = manager.session(i);
        Way way = i == 0 ? session::serve : messages -> packets(session, random, messages);
        work.add(new Worker(way, random, 1 + i * CLIENTS, locks, times)::call);
      }
      List<Acquisition> history = new ArrayList<>();
      LockSession reaper = manager.session(THREADS);
      try (ExecutorService threads = Executors.newFixedThreadPool(THREADS + 1)) {
        Future<?> reapersEnd = threads.submit(() -> reap(reaper, locks, THREADS * CLIENTS));
        try {
          for (Future<List<Acquisition>> end : threads.invokeAll(work)) {
            history.addAll(end.get());
          }
        } finally {
          reaping = false;
        }
        reapersEnd.get();
      }
      assertThat(LockHistoryChecker.check(history)).as("seed %d", seed).isEmpty();
      LockAudit.check(manager);
      assertThat(manager.stat("held")).as("held").isZero();
      assertThat(manager.stat("waiting")).as("waiting").isZero();
      assertThat(manager.blocksInUse()).as("blocks").isZero();
      history.forEach(one -> ends.merge(one.end(), 1, Integer::sum));
      System.out.println("LockContentionTest: ends " + ends);
    }
    return ends;
  }

  /** How requests get in; a reply each, null for those that have to be sent again. */
  private interface Way {
    List<LockSession.Served> send(List<LockMessage> messages);
  }

  private static List<LockSession.Served> packets(
      LockSession session, Random random, List<LockMessage> messages) {
    return messages.stream().map(message -> packet(session, random, message)).toList();
  }

  /** By XDP, TC and user space, as far as each lets it pass; now and then not by XDP. */
  private static LockSession.Served packet(
      LockSession session, Random random, LockMessage message) {
    Frame frame = LockFrame.request(Headers.IP4, host(message), message);
    for (PacketDoor door : PacketDoor.values()) {
      if (door == PacketDoor.XDP && random.nextInt(4) == 0) {
        continue;
      }
      LockSession.Outcome outcome = session.send(door, frame);
      if (outcome.verdict() == PacketDoor.Verdict.REPLY) {
        return new LockSession.Served(
            SlotStatus.DONE, LockFrame.messages(outcome.frame()).getFirst(), List.of(), 0);
      }
    }
    return session.serve(host(message), message);
  }

  /** Clients share addresses. */
  private static int host(LockMessage message) {
    return (int) message.client() % 3;
  }

  /** A thread with some clients, each of which takes a step when all others have. */
  private record Worker(Way way, Random random, int firstClient, int locks, Times times) {
    List<Acquisition> call() {
      List<Client> clients = new ArrayList<>();
      for (int i = 0; i < CLIENTS; i++) {
        clients.add(new Client(firstClient + i, random, locks, times));
      }
      for (int step = 0; step < STEPS; step++) {
        step(clients);
      }
      clients.forEach(client -> client.last = true);
      List<Client> left = clients;
      for (int step = 0; !left.isEmpty() && step < STEPS; step++) {
        step(left);
        left = left.stream().filter(client -> client.sequence != 0).toList();
      }
      left.forEach(client -> client.record(End.WAITING, System.nanoTime()));
      return clients.stream().flatMap(client -> client.history.stream()).toList();
    }

    private void step(List<Client> clients) {
      List<LockMessage> messages = clients.stream().map(Client::next).toList();
      List<LockSession.Served> served = way.send(messages);
      for (int i = 0; i < clients.size(); i++) {
        if (served.get(i).status() == SlotStatus.DONE) {
          clients.get(i).receive(served.get(i).reply());
        } else {
          assertThat(served.get(i).status()).isEqualTo(SlotStatus.AGAIN);
        }
      }
    }
  }

  /** A client with one acquisition at a time. */
  private static final class Client {
    private final long number;
    private final Random random;
    private final int locks;
    private final Times times;
    private final List<Acquisition> history = new ArrayList<>();
    private long sequence; // 0: no acquisition, and none to come
    private long sequences;
    private Mode mode;
    private long lock;
    private Op asking;
    private boolean last;
    private int pauses; // that it holds the lock for
    private long sent;
    private long requested;
    private long queued;
    private long granted;
    private long token;
    private long safeUntil;
    private long heldUntil;

    Client(long number, Random random, int locks, Times times) {
      this.number = number;
      this.random = random;
      this.locks = locks;
      this.times = times;
      begin();
    }

    private void begin() {
      sequence = ++sequences;
      mode = random.nextInt(3) == 0 ? Mode.SHARED : Mode.EXCLUSIVE;
      lock = random.nextInt(locks);
      asking = Op.ACQUIRE;
      requested = Acquisition.NEVER;
      queued = Acquisition.NEVER;
      granted = Acquisition.NEVER;
      token = 0;
      heldUntil = 0;
    }

    LockMessage next() {
      sent = System.nanoTime();
      if (token == 0 && requested != Acquisition.NEVER && (last || random.nextInt(50) == 0)) {
        asking = Op.CANCEL;
      }
      requested = Math.min(requested, sent);
      if (token != 0 && asking == Op.ACQUIRE && pauses-- <= 0) {
        heldUntil = Math.max(granted, Math.min(sent, safeUntil));
        asking = Op.RELEASE;
      }
      return asking == Op.ACQUIRE
          ? LockMessage.acquire(
              mode, lock, number, sequence, times.waitMillis(), times.leaseMillis())
          : LockMessage.of(asking, lock, number, sequence);
    }

    void receive(LockMessage reply) {
      long now = System.nanoTime();
      switch (reply.status()) {
        case QUEUED -> queued = Math.min(queued, now);
        case GRANTED -> granted(reply, now);
        default -> ended(reply.status(), now);
      }
    }

    private void granted(LockMessage reply, long now) {
      if (token != 0) {
        assertThat(reply.token()).as("token when asked again").isEqualTo(token);
        return;
      }
      granted = now;
      token = reply.token();
      safeUntil = Math.max(now, sent + reply.lease() * 1_000_000L);
      pauses = random.nextInt(4);
    }

    private void ended(Status status, long now) {
      End end =
          switch (status) {
            case RELEASED -> token == 0 ? End.UNKNOWN : End.RELEASED; // by a cancel
            case EXPIRED -> token == 0 ? End.UNKNOWN : End.EXPIRED;
            case TIMEOUT -> End.TIMEOUT;
            case CANCELLED -> End.CANCELLED;
            case BUSY, QUEUE_FULL, NO_ROOM -> End.REFUSED;
            default -> throw new AssertionError(status + " to " + asking);
          };
      if (token != 0 && heldUntil == 0) {
        heldUntil = Math.max(granted, Math.min(now, safeUntil)); // told so before its release
      }
      record(end, now);
      if (last) {
        sequence = 0;
      } else {
        begin();
      }
    }

    private void record(End end, long now) {
      history.add(
          new Acquisition(
              lock,
              number,
              sequence,
              mode == Mode.EXCLUSIVE,
              requested,
              queued,
              granted,
              token,
              heldUntil,
              now,
              requested + times.leaseMillis() * 1_000_000L,
              end));
    }
  }
}
