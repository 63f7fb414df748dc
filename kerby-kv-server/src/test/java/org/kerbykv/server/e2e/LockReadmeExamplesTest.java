package org.kerbykv.server.e2e;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.client.KerbyException;
import org.kerbykv.client.KerbyLock;
import org.kerbykv.client.KerbyLockClient;
import org.kerbykv.client.KerbyLockConfig;
import org.kerbykv.client.KerbyLockMetrics;
import org.kerbykv.client.KerbyLockSet;
import org.kerbykv.client.KerbyLockTimeoutException;
import org.kerbykv.client.LockMode;
import org.kerbykv.server.XdpChoice;

/** The examples on locks in the client's README.md: that they stand there, and that they work. */
@RequiresBPF
class LockReadmeExamplesTest {
  private static final Path MODULE = Path.of(System.getProperty("basedir", "."));
  private static final Duration WAIT = Duration.ofSeconds(20);
  private static final Duration LEASE = Duration.ofSeconds(20);

  private static ServerUnderTest server;
  private static KerbyLockClient client;

  @TempDir Path folder;

  @BeforeAll
  static void start() {
    Topology topology = Topology.Kind.LO_GENERIC.open();
    server = ServerUnderTest.startLocks(topology, topology.address(), false, XdpChoice.GENERIC);
    client = topology.client().call(() -> KerbyLockClient.open(config()));
  }

  private static KerbyLockConfig config() {
    return KerbyLockConfig.builder().server(server.locks().address()).build();
  }

  @AfterAll
  static void stop() {
    try {
      client.close();
    } finally {
      server.close();
    }
  }

  @Test
  void everyExampleInTheReadmeIsOneOfThese() throws IOException {
    String readme = Files.readString(MODULE.resolve("../kerby-kv-client/README.md"));
    String locks = readme.substring(readme.indexOf("\n## Locks\n"));
    String source =
        Files.readString(
            MODULE.resolve("src/test/java/org/kerbykv/server/e2e/LockReadmeExamplesTest.java"));
    int examples = 0;
    Matcher here = Pattern.compile(" // example\n(.*?)\n *// end", Pattern.DOTALL).matcher(source);
    while (here.find()) {
      examples++;
      String text = here.group(1).stripTrailing().stripIndent();
      assertThat(locks).contains("```java\n" + text + "\n```");
    }
    assertThat(examples).isEqualTo(locks.split("```java", -1).length - 1).isPositive();
  }

  // example
  static String alone(String host, int port) {
    KerbyLockConfig config = KerbyLockConfig.builder().server(host, port).build();
    Duration waitLimit = Duration.ofSeconds(10);
    Duration lease = Duration.ofSeconds(5);
    try (KerbyLockClient client = KerbyLockClient.open(config)) {
      long id = KerbyLockClient.lockId("reports/daily"); // or any number of your own
      try (KerbyLock lock = client.acquire(id, LockMode.EXCLUSIVE, waitLimit, lease)) {
        return "nobody else is here, token " + lock.fencingToken();
      } catch (KerbyLockTimeoutException e) {
        return "somebody else was here all the time";
      }
    }
  }

  // end

  @Test
  void firstSteps() {
    String host = server.locks().address().getHostString();
    int port = server.locks().address().getPort();
    String said = server.topology().client().call(() -> alone(host, port));
    assertThat(said).startsWith("nobody else is here, token 1");
    long id = KerbyLockClient.lockId("reports/daily");
    try (KerbyLock lock = client.acquire(id, LockMode.SHARED, WAIT, LEASE)) {
      assertThat(Long.parseLong(said.substring(said.lastIndexOf(' ') + 1)))
          .isLessThan(lock.fencingToken());
    }
  }

  // example
  /** Does the work if nobody else does it, and stops when the lock is lost. */
  static String nightly(KerbyLockClient client, Thread worker) {
    Optional<KerbyLock> free =
        client.tryAcquire(KerbyLockClient.lockId("nightly"), LockMode.EXCLUSIVE, LEASE);
    if (free.isEmpty()) {
      return "another one does it";
    }
    try (KerbyLock lock = free.get()) {
      lock.onLost(worker::interrupt);
      // ... the work, in steps: while (lock.isHeld()) { ... }
      return lock.release() ? "done" : "too slow";
    } catch (KerbyException e) { // no reply to the release: the lease will end it
      return "done, and the lock is free in " + LEASE.toSeconds() + " s";
    }
  }

  // end

  @Test
  void onlyOneDoesIt() {
    assertThat(nightly(client, Thread.currentThread())).isEqualTo("done");
    long id = KerbyLockClient.lockId("nightly");
    try (KerbyLock lock = client.acquire(id, LockMode.EXCLUSIVE, WAIT, LEASE)) {
      assertThat(lock.isHeld()).isTrue();
      assertThat(nightly(client, Thread.currentThread())).isEqualTo("another one does it");
    }
  }

  @Test
  void severalAndAsynchronous() throws Exception {
    // example
    Map<Long, LockMode> both = Map.of(17L, LockMode.EXCLUSIVE, 4L, LockMode.SHARED);
    long token;
    try (KerbyLockSet locks = client.acquireAll(both, WAIT, LEASE)) {
      token = locks.get(17).fencingToken();
    }

    CompletableFuture<Boolean> done =
        client
            .acquireAsync(17, LockMode.EXCLUSIVE, WAIT, LEASE)
            .thenCompose(lock -> lock.releaseAsync()); // false: it was lost before
    // end
    assertThat(done.get()).isTrue();
    assertThat(token).isPositive();
  }

  // example
  /** A number in a file; the file takes it only from who held the lock last. */
  record FencedCell(Path file) {
    /** Returns false, and writes nothing, if a holder of a later grant has written before. */
    boolean write(long token, long number) throws IOException {
      try (FileChannel channel = FileChannel.open(file, CREATE, READ, WRITE);
          FileLock _ = channel.lock()) { // the storage's own: one write at a time
        ByteBuffer cell = ByteBuffer.allocate(16);
        if (channel.read(cell, 0) == 16 && cell.getLong(0) > token) {
          return false;
        }
        channel.write(cell.clear().putLong(token).putLong(number).flip(), 0);
        return true;
      }
    }

    /** The number; 0 if none was written. */
    long read() throws IOException {
      return Files.exists(file) ? ByteBuffer.wrap(Files.readAllBytes(file)).getLong(8) : 0;
    }
  }

  // end

  // example
  /** Counts up; returns false if the lock was lost before the count was written. */
  static boolean countUp(KerbyLockClient client, FencedCell cell) throws IOException {
    try (KerbyLock lock = client.acquire(17, LockMode.EXCLUSIVE, WAIT, LEASE)) {
      return cell.write(lock.fencingToken(), cell.read() + 1);
    }
  }

  // end

  @Test
  void theFileRefusesALateWriter() throws Exception {
    FencedCell cell = new FencedCell(folder.resolve("cell"));
    long early;
    try (KerbyLock lock = client.acquire(17, LockMode.EXCLUSIVE, WAIT, LEASE)) {
      early = lock.fencingToken();
    }
    assertThat(countUp(client, cell)).isTrue();
    assertThat(countUp(client, cell)).isTrue();
    assertThat(cell.write(early, 100)).isFalse();
    assertThat(cell.read()).isEqualTo(2);
  }

  @Test
  void metrics() {
    MeterRegistry registry = new SimpleMeterRegistry();
    // example
    new KerbyLockMetrics(client, Tags.of("client", "orders")).bindTo(registry);
    // end
    client.acquire(18, LockMode.SHARED, WAIT, LEASE).close();
    assertThat(registry.get("kerby.lock.acquisitions").tag("outcome", "granted").timer().count())
        .isEqualTo(1);
  }
}
