package org.kerbykv.loadgen.socket;

import io.netty.channel.EventLoop;
import io.netty.channel.IoEventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;
import org.HdrHistogram.AbstractHistogram;
import org.HdrHistogram.Histogram;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.lock.LockCounts;
import org.kerbykv.loadgen.lock.LockEngine;
import org.kerbykv.loadgen.lock.LockLoadResult;
import org.kerbykv.loadgen.lock.LockLoadSpec;
import org.kerbykv.loadgen.lock.LockRun;
import org.kerbykv.loadgen.lock.LockTransactions;

/** Loads on lock managers over UDP sockets, one for each thread. */
public final class LockSocketEngine implements LockEngine {
  private final int threads;

  /**
   * @param threads 1 or more; each spins
   */
  public LockSocketEngine(int threads) {
    this.threads = threads;
  }

  @Override
  public LockLoadResult run(LockLoadSpec spec) throws LoadException, InterruptedException {
    try (Crew crew = new Crew(spec, Math.min(threads, spec.clients()))) {
      crew.workers.forEach(LockWorker::start);
      return crew.follow(SocketEngine.NAME, spec);
    }
  }

  /** The workers of a load. */
  private static final class Crew implements LockRun, AutoCloseable {
    private final IoEventLoopGroup group;
    private final List<LockClient> clients = new ArrayList<>();
    private final List<LockWorker> workers = new ArrayList<>();

    Crew(LockLoadSpec spec, int threads) throws LoadException {
      LockTransactions transactions = new LockTransactions(spec);
      AtomicLongArray holders = new AtomicLongArray(spec.locks());
      long firstId = new SecureRandom().nextLong() >>> 1 | 1;
      for (int i = 0; i < spec.clients(); i++) {
        int first = (int) ((long) transactions.count() * i / spec.clients());
        clients.add(new LockClient(spec, transactions, firstId + i, first));
      }
      group =
          new MultiThreadIoEventLoopGroup(
              threads, new DefaultThreadFactory("lockload", true), Sockets.handlers());
      try {
        for (int i = 0; i < threads; i++) {
          int first = (int) ((long) clients.size() * i / threads);
          int end = (int) ((long) clients.size() * (i + 1) / threads);
          LockWorker worker =
              new LockWorker(
                  spec,
                  (EventLoop) group.next(),
                  clients.subList(first, end),
                  firstId + first,
                  holders);
          workers.add(worker);
          worker.open();
        }
      } catch (LoadException e) {
        close();
        throw e;
      }
    }

    @Override
    public LockCounts counts() {
      return LockCounts.of(
          counter -> workers.stream().mapToLong(worker -> worker.count(counter)).sum());
    }

    @Override
    public AbstractHistogram waits() {
      Histogram all = new Histogram(3);
      workers.forEach(worker -> all.add(worker.latency().getIntervalHistogram()));
      return all;
    }

    @Override
    public void forgetLongest() {
      clients.forEach(client -> client.longestNanos = 0);
    }

    @Override
    public long longest(long nanoTime) {
      return clients.stream()
          .mapToLong(
              client -> Math.max(client.longestNanos, nanoTime - client.waitingSince(nanoTime)))
          .max()
          .orElse(0);
    }

    @Override
    public long[] acquiredEach() {
      return clients.stream().mapToLong(client -> client.acquired.getAcquire()).toArray();
    }

    @Override
    public void finish() {
      workers.forEach(LockWorker::finish);
    }

    @Override
    public int unfinished() {
      return (int) clients.stream().filter(client -> client.state != LockClient.State.IDLE).count();
    }

    @Override
    public void failIfFailed() {}

    @Override
    public void close() {
      group.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly();
      clients.forEach(client -> client.request.release()); // nobody writes any more
    }
  }
}
