package org.kerbykv.server.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.client.KerbyLock;
import org.kerbykv.client.KerbyLockClient;
import org.kerbykv.client.KerbyLockConfig;
import org.kerbykv.client.KerbyLockSet;
import org.kerbykv.client.KerbyLockTimeoutException;
import org.kerbykv.client.LockMode;
import org.kerbykv.client.LockState;
import org.kerbykv.server.XdpChoice;

/** The Java client of locks, with the server as it is. */
@RequiresBPF
@Timeout(120)
class LockClientTest {
  private static final Duration WAIT = LockHolderProcess.WAIT;
  private static final Duration LEASE = Duration.ofSeconds(20);

  private static ServerUnderTest server;
  private static KerbyLockClient a;
  private static KerbyLockClient b;

  @TempDir Path folder;

  @BeforeAll
  static void start() {
    Topology topology = Topology.Kind.VETH_GENERIC.open();
    server = ServerUnderTest.startLocks(topology, topology.address(), false, XdpChoice.GENERIC);
    a = open();
    b = open();
  }

  private static KerbyLockClient open() {
    KerbyLockConfig config =
        KerbyLockConfig.builder()
            .server(server.locks().address())
            .timeout(Duration.ofSeconds(20))
            .build();
    return server.topology().client().call(() -> KerbyLockClient.open(config));
  }

  @AfterAll
  static void stop() {
    try {
      a.close();
      b.close();
    } finally {
      server.close();
    }
  }

  /** Runs a task in so many virtual threads, and waits for all of them. */
  private static void inThreads(int threads, Callable<?> task) throws Exception {
    try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> running = new ArrayList<>();
      for (int i = 0; i < threads; i++) {
        running.add(executor.submit(task));
      }
      for (Future<?> one : running) {
        one.get();
      }
    }
  }

  @Test
  void noCountIsLostBetweenTwoClients() throws Exception {
    Path file = folder.resolve("count");
    try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> running = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        KerbyLockClient client = i % 2 == 0 ? a : b;
        running.add(
            executor.submit(
                () -> {
                  for (int round = 0; round < 25; round++) {
                    LockHolderProcess.countUp(client, file);
                  }
                  return null;
                }));
      }
      for (Future<?> one : running) {
        one.get();
      }
    }
    assertThat(Files.readString(file)).isEqualTo("500");
  }

  private static Process startHolder(Path file, String... more) throws IOException {
    InetSocketAddress address = server.locks().address();
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                System.getProperty("java.class.path"),
                LockHolderProcess.class.getName(),
                address.getHostString(),
                Integer.toString(address.getPort()),
                file.toString()));
    command.addAll(List.of(more));
    return new ProcessBuilder(server.topology().client().command(command.toArray(String[]::new)))
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  @Test
  void noCountIsLostBetweenTwoPrograms() throws Exception {
    Path file = folder.resolve("count");
    Process one = startHolder(file, "count", "300");
    Process other = startHolder(file, "count", "300");
    try {
      for (Process process : List.of(one, other)) {
        assertThat(process.waitFor(90, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).isZero();
      }
    } finally {
      Commands.end(one);
      Commands.end(other);
    }
    assertThat(Files.readString(file)).isEqualTo("600");
  }

  /** Stopped for longer than its lease, a program goes on as if nothing had happened. */
  @Test
  void aFrozenProgramsWriteIsRefused() throws Exception {
    Path file = folder.resolve("cell");
    LockReadmeExamplesTest.FencedCell cell = new LockReadmeExamplesTest.FencedCell(file);
    Process frozen = startHolder(file, "hold");
    try (BufferedReader said = frozen.inputReader(UTF_8)) {
      String held = said.readLine();
      assertThat(held).startsWith("held ");
      Commands.run(List.of("kill", "-STOP", Long.toString(frozen.pid())));
      try (KerbyLock lock = a.acquire(LockHolderProcess.LOCK, LockMode.EXCLUSIVE, WAIT, LEASE)) {
        assertThat(lock.fencingToken()).isGreaterThan(Long.parseLong(held.substring(5)));
        assertThat(cell.write(lock.fencingToken(), 2)).isTrue();
      }
      frozen.outputWriter(UTF_8).append("go on\n").close();
      Commands.run(List.of("kill", "-CONT", Long.toString(frozen.pid())));
      assertThat(said.readLine()).isEqualTo("refused");
      assertThat(said.readLine()).isEqualTo("lost");
      assertThat(cell.read()).isEqualTo(2);
    } finally {
      Commands.end(frozen);
    }
  }

  @Test
  void aProgramThatIsNotFrozenWrites() throws Exception {
    Path file = folder.resolve("cell");
    Process holder = startHolder(file, "hold");
    try (BufferedReader said = holder.inputReader(UTF_8)) {
      assertThat(said.readLine()).startsWith("held ");
      // Longer than its lease, which renews itself.
      assertThatExceptionOfType(KerbyLockTimeoutException.class)
          .isThrownBy(
              () ->
                  a.acquire(
                      LockHolderProcess.LOCK,
                      LockMode.EXCLUSIVE,
                      LockHolderProcess.LEASE.multipliedBy(2),
                      LEASE));
      holder.outputWriter(UTF_8).append("go on\n").close();
      assertThat(said.readLine()).isEqualTo("written");
      assertThat(said.readLine()).isEqualTo("released");
    } finally {
      Commands.end(holder);
    }
  }

  @Test
  void readersShareAndAWriterWaitsForAllOfThem() throws Exception {
    List<KerbyLock> readers = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      readers.add((i % 2 == 0 ? a : b).acquire(5, LockMode.SHARED, WAIT, LEASE));
    }
    CompletableFuture<KerbyLock> writer = b.acquireAsync(5, LockMode.EXCLUSIVE, WAIT, LEASE);
    while (b.query(5).waiting() == 0) {
      Thread.sleep(1);
    }
    assertThat(a.query(5)).isEqualTo(new LockState(Optional.of(LockMode.SHARED), 1));
    assertThat(a.tryAcquire(5, LockMode.SHARED, LEASE)).as("nobody overtakes").isEmpty();
    for (KerbyLock reader : readers) {
      assertThat(writer).isNotDone();
      assertThat(reader.release()).isTrue();
    }
    assertThat(writer.get().release()).isTrue();
    assertThat(a.query(5)).isEqualTo(new LockState(Optional.empty(), 0));
  }

  @Test
  void aCancelledWaiterIsOutOfTheWay() throws Exception {
    KerbyLock lock = a.acquire(6, LockMode.EXCLUSIVE, WAIT, LEASE);
    CompletableFuture<KerbyLock> cancelled = b.acquireAsync(6, LockMode.EXCLUSIVE, WAIT, LEASE);
    while (a.query(6).waiting() == 0) {
      Thread.sleep(1);
    }
    CompletableFuture<KerbyLock> next = b.acquireAsync(6, LockMode.EXCLUSIVE, WAIT, LEASE);
    while (a.query(6).waiting() == 1) {
      Thread.sleep(1);
    }
    cancelled.cancel(true);
    while (a.query(6).waiting() == 2) {
      Thread.sleep(1);
    }
    lock.close();
    assertThat(next.get().release()).isTrue();
  }

  /** More than a session has numbers for, one of them held all the time. */
  @Test
  void oneProgramHoldsAThousandLocks() throws Exception {
    try (KerbyLockClient many = open()) {
      KerbyLock longHeld = many.acquire(10_000, LockMode.EXCLUSIVE, WAIT, LEASE);
      for (int round = 0; round < 5; round++) {
        List<CompletableFuture<KerbyLock>> calls = new ArrayList<>();
        for (int i = 1; i < 1000; i++) {
          calls.add(many.acquireAsync(10_000 + i, LockMode.EXCLUSIVE, WAIT, LEASE));
        }
        for (CompletableFuture<KerbyLock> call : calls) {
          call.get();
        }
        assertThat(a.tryAcquire(10_500, LockMode.SHARED, LEASE)).isEmpty();
        List<CompletableFuture<Boolean>> released = new ArrayList<>();
        for (CompletableFuture<KerbyLock> call : calls) {
          released.add(call.get().releaseAsync());
        }
        for (CompletableFuture<Boolean> one : released) {
          assertThat(one.get()).isTrue();
        }
      }
      assertThat(longHeld.release()).isTrue();
    }
  }

  /** Everybody wants three of seven, in an order of his own; all get them. */
  @Test
  void severalLocksDoNotEndInADeadlock() throws Exception {
    int[] uses = new int[7];
    inThreads(
        12,
        () -> {
          for (int round = 0; round < 20; round++) {
            long first = ThreadLocalRandom.current().nextInt(7);
            Map<Long, LockMode> three =
                Map.of(
                    900 + first, LockMode.EXCLUSIVE,
                    900 + (first + 2) % 7, LockMode.EXCLUSIVE,
                    900 + (first + 5) % 7, LockMode.EXCLUSIVE);
            try (KerbyLockSet locks = (round % 2 == 0 ? a : b).acquireAll(three, WAIT, LEASE)) {
              locks.locks().forEach(lock -> uses[(int) lock.id() - 900]++);
            }
          }
          return null;
        });
    int sum = 0;
    for (long lock = 900; lock < 907; lock++) {
      try (KerbyLock held = a.acquire(lock, LockMode.EXCLUSIVE, WAIT, LEASE)) {
        sum += uses[(int) held.id() - 900];
      }
    }
    assertThat(sum).as("guarded by locks alone").isEqualTo(12 * 20 * 3);
  }

  @Test
  void whatAClosedClientHeldIsFree() {
    try (KerbyLockClient closed = open()) {
      closed.acquire(8, LockMode.EXCLUSIVE, WAIT, LEASE);
      assertThat(a.tryAcquire(8, LockMode.EXCLUSIVE, LEASE)).isEmpty();
    }
    Optional<KerbyLock> lock = a.tryAcquire(8, LockMode.EXCLUSIVE, LEASE);
    assertThat(lock).isPresent();
    lock.get().close();
  }
}
