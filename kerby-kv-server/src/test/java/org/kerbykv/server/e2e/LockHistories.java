package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.kerbykv.bpf.NetworkNamespace;
import org.kerbykv.bpf.lockhistory.Acquisition;
import org.kerbykv.bpf.lockhistory.Acquisition.End;
import org.kerbykv.bpf.lockhistory.LockHistoryChecker;

/** Many clients of few locks at once, and what they saw together. */
final class LockHistories {
  private static final int CLIENTS = 12;
  private static final int LOCKS = 3;

  private final NetworkNamespace namespace;
  private final LockWorkload.Times times;
  private final SplittableRandom random;
  private final AtomicLong clients = new AtomicLong();

  LockHistories(NetworkNamespace namespace, LockWorkload.Times times, long seed) {
    this.namespace = namespace;
    this.times = times;
    this.random = new SplittableRandom(seed);
  }

  /**
   * Records what clients see, some of them at each of the addresses.
   *
   * @param goesOn whether they begin anything else
   */
  List<Acquisition> record(BooleanSupplier goesOn, InetSocketAddress... servers) {
    List<LockWorkload> workloads = new ArrayList<>();
    for (int i = 0; i < CLIENTS; i++) {
      InetSocketAddress server = servers[i % servers.length];
      workloads.add(new LockWorkload(namespace, server, LOCKS, times, clients, random.split()));
    }
    List<Acquisition> history = new ArrayList<>();
    try (ExecutorService threads = Executors.newFixedThreadPool(CLIENTS)) {
      List<Future<List<Acquisition>>> ends =
          workloads.stream().map(one -> threads.submit(() -> one.run(goesOn))).toList();
      for (Future<List<Acquisition>> end : ends) {
        history.addAll(end.get());
      }
    } catch (ExecutionException e) {
      throw new AssertionError(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    } finally {
      workloads.forEach(LockWorkload::close);
    }
    return history;
  }

  /** Fails if no lock manager may have done that, or if it was too little to tell. */
  static void check(String which, List<Acquisition> history) {
    Map<End, Integer> ends = new EnumMap<>(End.class);
    history.forEach(one -> ends.merge(one.end(), 1, Integer::sum));
    long waited =
        history.stream()
            .filter(one -> one.wasGranted() && one.queued() != Acquisition.NEVER)
            .count();
    System.out.printf(
        "  %s: %d acquisitions, %d had to wait, %s%n", which, history.size(), waited, ends);
    assertThat(LockHistoryChecker.check(history)).as(which).isEmpty();
    assertThat(ends)
        .containsKeys(End.RELEASED, End.CANCELLED, End.REFUSED, End.TIMEOUT, End.UNKNOWN);
    assertThat(waited).as("that had to wait").isGreaterThan(50);
  }
}
