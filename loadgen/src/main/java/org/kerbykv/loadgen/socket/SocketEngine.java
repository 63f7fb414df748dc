package org.kerbykv.loadgen.socket;

import io.netty.channel.EventLoop;
import io.netty.channel.IoEventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.HdrHistogram.Histogram;
import org.kerbykv.loadgen.engine.Arrivals;
import org.kerbykv.loadgen.engine.Engine;
import org.kerbykv.loadgen.engine.LoadCounts;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.engine.LoadResult;
import org.kerbykv.loadgen.engine.LoadSpec;
import org.kerbykv.loadgen.engine.Progress;
import org.kerbykv.loadgen.engine.Protocol;
import org.kerbykv.loadgen.workload.Random64;
import org.kerbykv.loadgen.workload.RequestStream;

/** Loads over UDP and TCP sockets. */
public final class SocketEngine implements Engine {
  public static final String NAME = "socket";

  private static final long SECOND_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** Time for the threads to start. */
  private static final long LEAD_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

  /** Keeps the streams of gaps apart from those of requests. */
  private static final int GAPS_STREAM = 1 << 20;

  /** Requests of a thread under way while the items are stored. */
  private static final int POPULATE_OUTSTANDING = 32;

  /** How often every place may go without an answer while the items are stored. */
  private static final int LOST_ROUNDS_MAX = 5;

  /** How long after its timeout the last answer is waited for. */
  private static final long END_MARGIN_SECONDS = 5;

  @Override
  public LoadResult run(LoadSpec spec, Progress progress)
      throws LoadException, InterruptedException {
    if (spec.readRatio() < 1 && !setsFit(spec)) {
      throw new LoadException(
          "a set of up to "
              + spec.setDatagramMax()
              + " bytes does not fit a datagram of "
              + spec.maxDatagram()
              + ": use TCP, reads alone or a larger --max-datagram");
    }
    if (spec.populate()) {
      populate(spec, progress);
    }
    try (Crew crew = new Crew(spec, spec.protocol())) {
      return crew.load(progress);
    }
  }

  private static boolean setsFit(LoadSpec spec) {
    return spec.protocol() == Protocol.TCP || spec.setDatagramMax() <= spec.maxDatagram();
  }

  /**
   * Stores every item, over TCP if that is what the load is by or a set does not fit a datagram.
   */
  public void populate(LoadSpec spec, Progress progress)
      throws LoadException, InterruptedException {
    long start = System.nanoTime();
    LoadSpec storing = spec.again(new Arrivals.Closed(POPULATE_OUTSTANDING));
    try (Crew crew = new Crew(storing, setsFit(spec) ? spec.protocol() : Protocol.TCP)) {
      crew.populate();
    }
    progress.populated(spec.workload().keys(), Duration.ofNanos(System.nanoTime() - start));
  }

  /** The workers of one phase. */
  private static final class Crew implements AutoCloseable {
    private final LoadSpec spec;
    private final IoEventLoopGroup group;
    private final List<Worker> workers = new ArrayList<>();

    Crew(LoadSpec spec, Protocol protocol) throws LoadException {
      this.spec = spec;
      group =
          new MultiThreadIoEventLoopGroup(
              spec.threads(), new DefaultThreadFactory("loadgen", true), Sockets.handlers());
      try {
        for (int i = 0; i < spec.threads(); i++) {
          EventLoop loop = (EventLoop) group.next();
          Worker worker =
              protocol == Protocol.UDP ? new UdpWorker(spec, loop) : new TcpWorker(spec, loop);
          workers.add(worker);
          worker.open();
        }
      } catch (LoadException e) {
        close();
        throw e;
      }
    }

    void populate() throws LoadException, InterruptedException {
      List<CompletableFuture<Void>> parts = new ArrayList<>();
      long keys = spec.workload().keys();
      for (int i = 0; i < workers.size(); i++) {
        int first = (int) (keys * i / workers.size());
        int end = (int) (keys * (i + 1) / workers.size());
        parts.add(
            workers
                .get(i)
                .run(
                    new RequestSource.Populate(first, end, LOST_ROUNDS_MAX * POPULATE_OUTSTANDING),
                    Timetable.uncounted()));
      }
      for (CompletableFuture<Void> part : parts) {
        await(part, Long.MAX_VALUE);
      }
    }

    LoadResult load(Progress progress) throws LoadException, InterruptedException {
      boolean scheduled = spec.arrivals() instanceof Arrivals.Open;
      long start = System.nanoTime() + (scheduled ? LEAD_NANOS : 0);
      long from = start + spec.warmup().toNanos();
      long until = from + spec.duration().toNanos();
      List<RequestSource.Run> sources = new ArrayList<>();
      List<Timetable> times = new ArrayList<>();
      List<CompletableFuture<Void>> ends = new ArrayList<>();
      for (int i = 0; i < workers.size(); i++) {
        RequestSource.Run source =
            new RequestSource.Run(
                new RequestStream(spec.workload(), spec.readRatio(), spec.seed(), i));
        sources.add(source);
        times.add(timetable(i, start, from, until));
        ends.add(workers.get(i).run(source, times.get(i)));
      }
      Meter meter = new Meter(spec.arrivals(), workers, from);
      long end = follow(meter, times, ends, from, until, progress);
      sources.forEach(RequestSource.Run::stop);
      long patience = spec.timeout().toNanos() + TimeUnit.SECONDS.toNanos(END_MARGIN_SECONDS);
      for (CompletableFuture<Void> one : ends) {
        await(one, patience);
      }
      return meter.total(Duration.ofNanos(end - from));
    }

    private Timetable timetable(int thread, long start, long from, long until) {
      int threads = spec.threads();
      Arrivals arrivals =
          switch (spec.arrivals()) {
            case Arrivals.Closed closed -> closed;
            case Arrivals.Open open -> new Arrivals.Open(open.perSecond() / threads, open.gaps());
          };
      long max = spec.requestsMax();
      long share =
          max == LoadSpec.UNLIMITED ? max : max * (thread + 1) / threads - max * thread / threads;
      Random64 random = Random64.split(spec.seed(), GAPS_STREAM + thread);
      return new Timetable(arrivals, random, start, from, until, share);
    }

    /**
     * Reports each second until the time is over or the last request that counts has been sent;
     * returns when that was.
     */
    private long follow(
        Meter meter,
        List<Timetable> times,
        List<CompletableFuture<Void>> ends,
        long from,
        long until,
        Progress progress)
        throws LoadException, InterruptedException {
      for (int second = 1; System.nanoTime() - until < 0; ) {
        sleepUntil(Math.min(until, System.nanoTime() + POLL_NANOS));
        failIfAnyFailed(ends);
        if (System.nanoTime() - from - second * SECOND_NANOS >= 0) {
          progress.second(second++, meter.interval());
        }
        if (times.stream().allMatch(Timetable::isLimitReached)) {
          return System.nanoTime();
        }
      }
      return until;
    }

    private static void failIfAnyFailed(List<CompletableFuture<Void>> ends)
        throws LoadException, InterruptedException {
      for (CompletableFuture<Void> end : ends) {
        if (end.isCompletedExceptionally()) {
          await(end, 0);
        }
      }
    }

    private static void await(CompletableFuture<Void> end, long nanos)
        throws LoadException, InterruptedException {
      try {
        end.get(nanos, TimeUnit.NANOSECONDS);
      } catch (ExecutionException e) {
        throw e.getCause() instanceof LoadException ours
            ? ours
            : new LoadException("the load failed: " + e.getCause(), e.getCause());
      } catch (TimeoutException e) {
        throw new LoadException("the load did not end", e);
      }
    }

    private static void sleepUntil(long nanoTime) throws InterruptedException {
      long left = nanoTime - System.nanoTime();
      if (left > 0) {
        TimeUnit.NANOSECONDS.sleep(left);
      }
    }

    @Override
    public void close() {
      group.shutdownGracefully(0, END_MARGIN_SECONDS, TimeUnit.SECONDS).awaitUninterruptibly();
    }
  }

  /** Adds the workers' figures up. */
  private static final class Meter {
    private final Arrivals arrivals;
    private final List<Worker> workers;
    private final Histogram total = new Histogram(3);
    private final Histogram[] recycled;
    private long intervalStart;
    private LoadCounts before = LoadCounts.ZERO;

    Meter(Arrivals arrivals, List<Worker> workers, long start) {
      this.arrivals = arrivals;
      this.workers = workers;
      intervalStart = start;
      recycled = new Histogram[workers.size()];
    }

    LoadResult interval() {
      Histogram latency = takeLatency();
      LoadCounts now = counts();
      long time = System.nanoTime();
      LoadResult result =
          new LoadResult(
              NAME, Duration.ofNanos(time - intervalStart), arrivals, now.minus(before), latency);
      before = now;
      intervalStart = time;
      return result;
    }

    LoadResult total(Duration elapsed) {
      takeLatency();
      return new LoadResult(NAME, elapsed, arrivals, counts(), total);
    }

    private LoadCounts counts() {
      LoadCounts sum = LoadCounts.ZERO;
      for (Worker worker : workers) {
        sum = sum.plus(worker.counts().snapshot());
      }
      return sum;
    }

    private Histogram takeLatency() {
      Histogram interval = new Histogram(3);
      for (int i = 0; i < recycled.length; i++) {
        recycled[i] = workers.get(i).latency().getIntervalHistogram(recycled[i]);
        interval.add(recycled[i]);
      }
      total.add(interval);
      return interval;
    }
  }
}
