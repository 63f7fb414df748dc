package org.kerbykv.loadgen.xdp;

import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.kerbykv.bpf.BPFException;
import org.kerbykv.bpf.XdpMode;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.lock.LockCounts;
import org.kerbykv.loadgen.lock.LockEngine;
import org.kerbykv.loadgen.lock.LockLoadResult;
import org.kerbykv.loadgen.lock.LockLoadSpec;

/**
 * Loads on lock managers, sent and received in the kernel: a reply is answered with the next
 * request in the frame it came in, and BPF_PROG_TEST_RUN starts, resumes and repairs.
 */
public final class LockXdpEngine implements LockEngine {
  /** Headers and a message, and one byte more. */
  private static final int FRAME_BYTES = 14 + 20 + 8 + 48 + 1;

  private static final int BATCH = 64;
  private static final long LEAD_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
  private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

  /** Time for virtual clients to come to rest, beyond timeouts and waits. */
  private static final long SETTLE_NANOS = TimeUnit.SECONDS.toNanos(5);

  private final int[] cpus;

  /** The same clients for all loads of this engine, so that a server's sessions do not pile up. */
  private final long firstClient = new SecureRandom().nextLong() >>> 1 | 1;

  /**
   * @param cpus that send, 1 to 8 of them
   */
  public LockXdpEngine(int... cpus) {
    this.cpus = cpus.clone();
    int cpusMax = LoadPrograms.number("LOAD_LANES_MAX");
    if (cpus.length == 0 || cpus.length > cpusMax) {
      throw new IllegalArgumentException("the xdp engine sends from 1 to " + cpusMax + " CPUs");
    }
  }

  @Override
  public LockLoadResult run(LockLoadSpec spec) throws LoadException, InterruptedException {
    Route route = Route.to(spec.server());
    // Numbers that grow from load to load, as each acquisition takes longer than a nanosecond.
    long firstSequence = System.nanoTime();
    try (LockPrograms programs = new LockPrograms(spec, route, cpus, firstClient, firstSequence)) {
      int ifindex = route.device().getIndex();
      programs.programs().xdpAttach(LockPrograms.RECEIVE, ifindex, XdpMode.NATIVE);
      return new Run(spec, programs).load(ifindex);
    } catch (BPFException e) {
      throw new LoadException("the kernel does not send: " + e.getMessage(), e);
    }
  }

  /** One load, with its programs attached. */
  private final class Run {
    private final LockLoadSpec spec;
    private final LockPrograms programs;
    private final List<Sender> senders = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();

    Run(LockLoadSpec spec, LockPrograms programs) {
      this.spec = spec;
      this.programs = programs;
    }

    LockLoadResult load(int ifindex) throws InterruptedException {
      programs.control("stop_ns", Long.MAX_VALUE);
      for (int cpu : cpus) {
        Sender sender =
            new Sender(programs.programs(), LockPrograms.SEND, ifindex, cpu, FRAME_BYTES, BATCH);
        senders.add(sender);
        threads.add(Thread.ofPlatform().name("sender-" + cpu).daemon().start(sender));
      }
      try {
        return follow();
      } finally {
        programs.control("quit", 1);
        senders.forEach(Sender::stop);
        for (Thread thread : threads) {
          thread.join();
        }
        senders.forEach(Sender::failIfFailed);
      }
    }

    private LockLoadResult follow() throws InterruptedException {
      long[] waitsBefore = new long[LatencyBuckets.COUNT];
      long[] waits = new long[LatencyBuckets.COUNT];
      sleepUntil(System.nanoTime() + LEAD_NANOS + spec.warmup().toNanos());
      programs.forgetLongest();
      programs.waits(waitsBefore);
      final long[] acquiredBefore = programs.acquiredEach();
      final LockCounts before = programs.counts();
      long from = System.nanoTime();
      sleepUntil(from + spec.duration().toNanos());
      long until = System.nanoTime();
      LockCounts after = programs.counts();
      programs.waits(waits);
      long longest = programs.longest(until);
      long[] acquired = programs.acquiredEach();
      for (int i = 0; i < acquired.length; i++) {
        acquired[i] -= acquiredBefore[i];
      }
      int unfinished = settle();
      return new LockLoadResult(
          XdpEngine.NAME,
          Duration.ofNanos(until - from),
          after.minus(before),
          programs.counts(),
          LatencyBuckets.between(waitsBefore, waits),
          longest,
          acquired,
          unfinished);
    }

    private void sleepUntil(long nanoTime) throws InterruptedException {
      for (long left; (left = nanoTime - System.nanoTime()) > 0; ) {
        TimeUnit.NANOSECONDS.sleep(Math.min(left, 10 * POLL_NANOS));
        senders.forEach(Sender::failIfFailed);
        if (programs.broken() > 0) {
          throw new IllegalStateException("requests could not be built");
        }
      }
    }

    /** Lets transactions that have begun end. Returns how many have not. */
    private int settle() throws InterruptedException {
      programs.control("stop_ns", 0);
      long end =
          System.nanoTime() + SETTLE_NANOS + 2 * spec.timeout().toNanos() + spec.hold().toNanos();
      int unfinished = programs.unfinished();
      while (unfinished > 0 && System.nanoTime() - end < 0) {
        TimeUnit.NANOSECONDS.sleep(POLL_NANOS);
        unfinished = programs.unfinished();
      }
      return unfinished;
    }
  }
}
