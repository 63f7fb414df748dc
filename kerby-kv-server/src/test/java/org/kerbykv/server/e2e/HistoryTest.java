package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.kerbykv.bpf.NetworkNamespace;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.server.MemcachedProcess;
import org.kerbykv.server.e2e.RecordingClient.Way;
import org.kerbykv.server.history.History;
import org.kerbykv.server.history.LinearizabilityChecker;
import org.kerbykv.server.history.LinearizabilityChecker.Verdict;
import org.kerbykv.server.history.Operation;
import org.kerbykv.server.history.Reply.Status;
import org.kerbykv.server.store.StoreFigures;

/**
 * Every key is linearizable, whichever doors its operations go through: clients at once by UDP and
 * TCP, with and without faults of the network, on a store whose kernel pool is too small for it.
 *
 * <p>Longer: {@code -Dkerby.history.operations=100000}, for each client. Again as it was, but for
 * the scheduling: {@code -Dkerby.seed=N}. A history that is refused is kept in a file, for {@link
 * org.kerbykv.server.history.SavedHistoryTest}.
 */
@RequiresBPF
class HistoryTest {
  private static final int CLIENTS = 6;
  private static final int OPERATIONS = Integer.getInteger("kerby.history.operations", 1200);

  /** How often the kernel's pool is filled again: deleting and expiring make room. */
  private static final int FILLS = 3;

  private static final Duration PATIENCE = Duration.ofSeconds(20);

  /** Less than the network may be late. */
  private static final Duration FAULTY_PATIENCE = Duration.ofMillis(150);

  /** Longer than the short exptimes. */
  private static final long EXPIRY_MILLIS = 2100;

  private final long seed = Long.getLong("kerby.seed", System.nanoTime() & 0xffff_ffffL);

  @ParameterizedTest
  @EnumSource
  void keysAreLinearizableThroughAllDoors(Topology.Kind kind) {
    try (ServerUnderTest server = ServerUnderTest.startSmall(kind.open())) {
      ServerUnderTest.Counts before = server.counts();
      Topology topology = server.topology();
      History history = record("kerby " + kind, topology.client(), server.address(), true);
      List<String> counts = server.counts().since(before);
      System.out.println("  " + counts + ", " + server.figures());
      for (String door : List.of("xdp", "tc", "user")) {
        assertThat(counts).as("gets by " + door).anyMatch(it -> it.startsWith(door + " get hit "));
      }
      for (String used :
          List.of(
              "xdp set stored",
              "user set stored",
              "xdp delete deleted",
              "user delete deleted",
              "xdp touch hit",
              // For want of room.
              "xdp set passed")) {
        assertThat(counts).anyMatch(it -> it.startsWith(used + " "));
      }
      StoreFigures figures = server.figures();
      assertThat(figures.demoted()).as("demoted").isPositive();
      assertThat(figures.promoted()).as("promoted").isPositive();
      assertThat(figures.evicted()).as("evicted, which would explain misses").isZero();
      assertLinearizable(kind.name(), history);
    }
  }

  /** The reference passes as well: what the checker asks for is what memcached gives. */
  @Test
  void memcachedsKeysAreLinearizable() throws Exception {
    try (NetworkNamespace namespace = NetworkNamespace.create("memcached");
        MemcachedProcess memcached = MemcachedProcess.start(namespace)) {
      // Its clock is not the one that histories are recorded by.
      assertLinearizable("memcached", record("memcached", namespace, memcached.address(), false));
    }
  }

  private History record(
      String name, NetworkNamespace namespace, InetSocketAddress server, boolean expiring) {
    List<Operation> recorded = new ArrayList<>();
    String origin =
        "%s -Dkerby.seed=%d -Dkerby.history.operations=%d".formatted(name, seed, OPERATIONS);
    System.out.println("HistoryTest: " + origin);
    List<AutoCloseable> open = new ArrayList<>();
    try {
      FaultyNetwork network = new FaultyNetwork(namespace, server, seed);
      List<HistoryWorkload> clients = new ArrayList<>();
      SplittableRandom random = new SplittableRandom(seed);
      for (int i = 0; i < CLIENTS; i++) {
        UdpWay relayed =
            new UdpWay(
                "udp-faulty",
                namespace,
                network.address(),
                FAULTY_PATIENCE,
                request -> network.fate(request).copies());
        UdpWay direct = new UdpWay("udp", namespace, server, PATIENCE, _ -> 1);
        TcpClient tcp = new TcpClient(namespace, server);
        open.addAll(List.of(relayed, direct, tcp));
        List<Way> faultless = List.of(direct, new TcpWay(tcp));
        clients.add(new HistoryWorkload(i, List.of(relayed), faultless, random.split(), expiring));
      }
      inParallel(
          clients,
          client -> {
            for (int i = 0; i < FILLS; i++) {
              client.fill(CLIENTS);
              client.run(OPERATIONS / FILLS);
              client.contend(OPERATIONS / FILLS);
            }
          });
      network.close();
      System.out.println("  network: " + network);
      Thread.sleep(EXPIRY_MILLIS);
      inParallel(clients, HistoryWorkload::readAll);
      clients.forEach(client -> recorded.addAll(client.recorded()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    } finally {
      closeAll(open);
    }
    History history = new History(origin, recorded);
    assertThat(recorded).as("kinds of operations").anyMatch(lostIs(true)).anyMatch(lostIs(false));
    assertThat(recorded).anyMatch(it -> it.copies() == 2);
    assertThat(recorded)
        .map(it -> it.reply().status())
        .contains(
            Status.HIT,
            Status.STORED,
            Status.NOT_STORED,
            Status.EXISTS,
            Status.NOT_FOUND,
            Status.DELETED,
            Status.TOUCHED,
            Status.COUNTED);
    return history;
  }

  private static Predicate<Operation> lostIs(boolean lost) {
    return it -> (it.returned() == Operation.LOST) == lost;
  }

  private static void inParallel(List<HistoryWorkload> clients, Consumer<HistoryWorkload> work)
      throws InterruptedException {
    try (ExecutorService threads = Executors.newFixedThreadPool(clients.size())) {
      List<Future<?>> running = new ArrayList<>();
      clients.forEach(client -> running.add(threads.submit(() -> work.accept(client))));
      for (Future<?> one : running) {
        try {
          one.get();
        } catch (ExecutionException e) {
          throw new AssertionError(e.getCause());
        }
      }
    }
  }

  private static void closeAll(List<AutoCloseable> open) {
    for (AutoCloseable one : open) {
      try {
        one.close();
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private void assertLinearizable(String name, History history) {
    Verdict verdict = new LinearizabilityChecker().check(history);
    System.out.printf(
        "  %d operations on %d keys, %d lost, %d configurations%n",
        verdict.operations(),
        verdict.keys(),
        history.operations().stream().filter(lostIs(true)).count(),
        verdict.configurations());
    if (!verdict.isLinearizable()) {
      Path file = Path.of("target", "histories", name + "-" + seed + ".history");
      history.write(file);
      verdict.refused().forEach(System.out::println);
      verdict.undecided().forEach(System.out::println);
      throw new AssertionError(
          "%d keys are not linearizable, %d undecided; the history is in %s"
              .formatted(
                  verdict.refused().size(), verdict.undecided().size(), file.toAbsolutePath()));
    }
  }
}
