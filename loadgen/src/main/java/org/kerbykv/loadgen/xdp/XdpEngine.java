package org.kerbykv.loadgen.xdp;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;
import org.kerbykv.bpf.BPFException;
import org.kerbykv.bpf.XdpMode;
import org.kerbykv.loadgen.engine.Arrivals;
import org.kerbykv.loadgen.engine.Engine;
import org.kerbykv.loadgen.engine.LoadCounts;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.engine.LoadResult;
import org.kerbykv.loadgen.engine.LoadSpec;
import org.kerbykv.loadgen.engine.Progress;
import org.kerbykv.loadgen.engine.Protocol;
import org.kerbykv.loadgen.socket.SocketEngine;

/**
 * Loads sent and received in the kernel. Each CPU given to it sends a stream of its own, as a
 * thread of the socket engine does; items are stored over sockets before.
 */
public final class XdpEngine implements Engine {
  public static final String NAME = "xdp";

  /** Headers, memcached's of UDP among them. */
  private static final int FRAME_OVERHEAD = 14 + 20 + 8;

  /** Turns after which frames go out at the latest. */
  private static final int BATCH = 64;

  private static final long SECOND_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

  /** Time for the senders to start. */
  private static final long LEAD_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  /** More than a sender's call takes. */
  private static final long SETTLE_NANOS_MAX = TimeUnit.SECONDS.toNanos(10);

  private static final int SLOTS_MIN = 1 << 12;
  private static final int SLOTS_MAX = 1 << 22;

  /** Flat out, a slot is used again after this many requests of its lane at the earliest. */
  private static final int SLOTS_CLOSED = 1 << 20;

  private final int[] cpus;

  /**
   * @param cpus that send, 1 to 8 of them
   */
  public XdpEngine(int... cpus) {
    this.cpus = cpus.clone();
  }

  @Override
  public LoadResult run(LoadSpec spec, Progress progress)
      throws LoadException, InterruptedException {
    if (spec.protocol() != Protocol.UDP) {
      throw new LoadException("the xdp engine sends UDP alone");
    }
    int cpusMax = LoadPrograms.number("LOAD_LANES_MAX");
    if (cpus.length == 0 || cpus.length > cpusMax) {
      throw new LoadException("the xdp engine sends from 1 to " + cpusMax + " CPUs");
    }
    RequestTable requests = new RequestTable(spec, cpus.length);
    Route route = Route.to(spec.server());
    int slots = slotsPerLane(spec);
    try (LoadPrograms programs = new LoadPrograms(spec, route, requests, slots, cpus)) {
      programs
          .programs()
          .xdpAttach(LoadPrograms.RECEIVE, route.device().getIndex(), XdpMode.NATIVE);
      if (spec.populate()) { // after attaching: without a program, XDP replies may not arrive
        new SocketEngine().populate(spec, progress);
      }
      Run run = new Run(spec, programs, slots, progress);
      return run.load(route.device().getIndex());
    } catch (BPFException e) {
      throw new LoadException("the kernel does not send: " + e.getMessage(), e);
    }
  }

  /** So many that a slot is not used again before its request's timeout. */
  private int slotsPerLane(LoadSpec spec) {
    double slots =
        switch (spec.arrivals()) {
          case Arrivals.Closed _ -> SLOTS_CLOSED;
          case Arrivals.Open open ->
              2 * open.perSecond() / cpus.length * (spec.timeout().toNanos() / 1e9 + 0.1);
        };
    return Integer.highestOneBit(((int) Math.clamp(slots, SLOTS_MIN, SLOTS_MAX)) * 2 - 1);
  }

  /** One load, with its programs attached. */
  private final class Run {
    private final LoadSpec spec;
    private final LoadPrograms programs;
    private final int slots;
    private final Progress progress;
    private final List<Sender> senders = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();
    private final long[] buckets = new long[LatencyBuckets.COUNT];
    private long from;
    private long until;

    Run(LoadSpec spec, LoadPrograms programs, int slots, Progress progress) {
      this.spec = spec;
      this.programs = programs;
      this.slots = slots;
      this.progress = progress;
    }

    LoadResult load(int ifindex) throws InterruptedException {
      schedule();
      int frameBytes = FRAME_OVERHEAD + spec.setDatagramMax() + 1;
      for (int cpu : cpus) {
        Sender sender =
            new Sender(programs.programs(), LoadPrograms.SEND, ifindex, cpu, frameBytes, BATCH);
        senders.add(sender);
        threads.add(Thread.ofPlatform().name("sender-" + cpu).daemon().start(sender));
      }
      try {
        follow();
        settle();
      } finally {
        stop();
      }
      LoadCounts counts = programs.counts();
      programs.latency(buckets);
      return result(until - from, counts, new long[LatencyBuckets.COUNT], buckets);
    }

    private void schedule() {
      long start = System.nanoTime() + LEAD_NANOS;
      from = start + spec.warmup().toNanos();
      until = from + spec.duration().toNanos();
      programs.control("start_ns", start);
      programs.control("count_from_ns", from);
      programs.control("count_until_ns", until);
      programs.control("stop_ns", until);
      programs.control("interval", (long) (intervalNanos() * (1 << 16)));
      programs.control(
          "window",
          switch (spec.arrivals()) {
            case Arrivals.Closed closed -> closed.outstanding();
            case Arrivals.Open _ -> slots / 2;
          });
      for (int lane = 0; lane < cpus.length; lane++) {
        programs.lane(
            lane,
            (long) (intervalNanos() / cpus.length * lane * (1 << 16)),
            spec.requestsMax() == LoadSpec.UNLIMITED
                ? Long.MAX_VALUE
                : spec.requestsMax() * (lane + 1) / cpus.length
                    - spec.requestsMax() * lane / cpus.length);
      }
    }

    /** Between two requests of a lane; 0 if there is no schedule. */
    private double intervalNanos() {
      return switch (spec.arrivals()) {
        case Arrivals.Closed _ -> 0;
        case Arrivals.Open open -> SECOND_NANOS / open.perSecond() * cpus.length;
      };
    }

    /** Gives up what is too late and reports each second, until the load's time is over. */
    private void follow() throws InterruptedException {
      LoadCounts before = LoadCounts.ZERO;
      long[] bucketsBefore = new long[LatencyBuckets.COUNT];
      int second = 1;
      while (System.nanoTime() - until < 0) {
        TimeUnit.NANOSECONDS.sleep(Math.min(POLL_NANOS, Math.max(0, until - System.nanoTime())));
        senders.forEach(Sender::failIfFailed);
        long now = System.nanoTime();
        programs.giveUp(now - spec.timeout().toNanos());
        if (now - from >= second * SECOND_NANOS) {
          LoadCounts counts = programs.counts();
          programs.latency(buckets);
          progress.second(
              second++, result(SECOND_NANOS, counts.minus(before), bucketsBefore, buckets));
          before = counts;
          System.arraycopy(buckets, 0, bucketsBefore, 0, buckets.length);
        }
        if (programs.reachedLimit()) {
          until = now;
          programs.control("stop_ns", now);
        }
      }
    }

    /** Waits for the last answers. */
    private void settle() throws InterruptedException {
      senders.forEach(Sender::stop);
      long end = System.nanoTime() + spec.timeout().toNanos() + SETTLE_NANOS_MAX;
      do {
        if (System.nanoTime() - end > 0 || programs.count(LoadPrograms.Counter.BROKEN) > 0) {
          throw new IllegalStateException("requests that were drawn have not been built");
        }
        TimeUnit.NANOSECONDS.sleep(POLL_NANOS);
        programs.giveUp(System.nanoTime() - spec.timeout().toNanos());
      } while (!programs.isSettled());
    }

    private void stop() throws InterruptedException {
      programs.control("stop_ns", 0);
      senders.forEach(Sender::stop);
      for (Thread thread : threads) {
        thread.join();
      }
      senders.forEach(Sender::failIfFailed);
    }

    private LoadResult result(long nanos, LoadCounts counts, long[] before, long[] after) {
      Histogram latency = LatencyBuckets.between(before, after);
      return new LoadResult(NAME, Duration.ofNanos(nanos), spec.arrivals(), counts, latency);
    }
  }
}
