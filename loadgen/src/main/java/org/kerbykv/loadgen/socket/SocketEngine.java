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
import org.kerbykv.loadgen.engine.Engine;
import org.kerbykv.loadgen.engine.LoadCounts;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.engine.LoadResult;
import org.kerbykv.loadgen.engine.LoadSpec;
import org.kerbykv.loadgen.engine.Progress;
import org.kerbykv.loadgen.engine.Protocol;
import org.kerbykv.loadgen.workload.Random64;

/** Loads over UDP and TCP sockets, in a closed loop. */
public final class SocketEngine implements Engine {
  public static final String NAME = "socket";

  private static final long SECOND_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** How often every place may go without an answer while the items are stored. */
  private static final int LOST_ROUNDS_MAX = 5;

  /** How long after its timeout the last answer is waited for. */
  private static final long END_MARGIN_SECONDS = 5;

  @Override
  public LoadResult run(LoadSpec spec, Progress progress)
      throws LoadException, InterruptedException {
    boolean setsFit =
        spec.protocol() == Protocol.TCP || spec.setDatagramMax() <= spec.maxDatagram();
    if (spec.readRatio() < 1 && !setsFit) {
      throw new LoadException(
          "a set of up to "
              + spec.setDatagramMax()
              + " bytes does not fit a datagram of "
              + spec.maxDatagram()
              + ": use TCP, reads alone or a larger --max-datagram");
    }
    if (spec.populate()) {
      long start = System.nanoTime();
      try (Crew crew = new Crew(spec, setsFit ? spec.protocol() : Protocol.TCP)) {
        crew.populate();
      }
      progress.populated(spec.workload().keys(), Duration.ofNanos(System.nanoTime() - start));
    }
    try (Crew crew = new Crew(spec, spec.protocol())) {
      return crew.load(progress);
    }
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
                .run(new RequestSource.Populate(first, end, LOST_ROUNDS_MAX * spec.outstanding())));
      }
      for (CompletableFuture<Void> part : parts) {
        await(part, Long.MAX_VALUE);
      }
    }

    LoadResult load(Progress progress) throws LoadException, InterruptedException {
      List<RequestSource.Run> sources = new ArrayList<>();
      List<CompletableFuture<Void>> ends = new ArrayList<>();
      for (int i = 0; i < workers.size(); i++) {
        RequestSource.Run source =
            new RequestSource.Run(
                spec.workload(), spec.readRatio(), Random64.split(spec.seed(), i));
        sources.add(source);
        ends.add(workers.get(i).run(source));
      }
      sleepUntil(System.nanoTime() + spec.warmup().toNanos());
      workers.forEach(worker -> worker.count(true));
      Meter meter = new Meter(workers);
      long end = meter.start + spec.duration().toNanos();
      for (int second = 1; meter.start + second * SECOND_NANOS <= end; second++) {
        sleepUntil(meter.start + second * SECOND_NANOS);
        failIfAnyFailed(ends);
        progress.second(second, meter.interval());
      }
      sleepUntil(end);
      workers.forEach(worker -> worker.count(false));
      Duration elapsed = Duration.ofNanos(System.nanoTime() - meter.start);
      sources.forEach(RequestSource.Run::stop);
      long patience = spec.timeout().toNanos() + TimeUnit.SECONDS.toNanos(END_MARGIN_SECONDS);
      for (CompletableFuture<Void> one : ends) {
        await(one, patience);
      }
      return meter.total(elapsed);
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
    private final List<Worker> workers;
    private final Histogram total = new Histogram(3);
    private final Histogram[] recycled;
    final long start = System.nanoTime();
    private long intervalStart = start;
    private LoadCounts before = LoadCounts.ZERO;

    Meter(List<Worker> workers) {
      this.workers = workers;
      recycled = new Histogram[workers.size()];
    }

    LoadResult interval() {
      Histogram latency = takeLatency();
      LoadCounts now = counts();
      long time = System.nanoTime();
      LoadResult result =
          new LoadResult(NAME, Duration.ofNanos(time - intervalStart), now.minus(before), latency);
      before = now;
      intervalStart = time;
      return result;
    }

    LoadResult total(Duration elapsed) {
      takeLatency();
      return new LoadResult(NAME, elapsed, counts(), total);
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
