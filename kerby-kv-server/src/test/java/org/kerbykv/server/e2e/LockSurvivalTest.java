package org.kerbykv.server.e2e;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.BPFPinnedMaps;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.TemporaryBPFFileSystem;
import org.kerbykv.bpf.lockhistory.Acquisition;
import org.kerbykv.bpf.programs.LockAbi.Mode;
import org.kerbykv.bpf.programs.LockAbi.Op;
import org.kerbykv.bpf.programs.LockAbi.Status;
import org.kerbykv.server.lock.LockAudit;

/**
 * A lock server with {@code --pin}: the kernel goes on granting however the server ends, and the
 * next one goes on with the same locks, queues and tokens.
 */
@RequiresBPF
class LockSurvivalTest {
  private static final long LOCK = 7;
  private static final int KILLS = Integer.getInteger("kerby.lock.kills", 4);

  private TemporaryBPFFileSystem pins;
  private Topology topology;
  private String pinDirectory;
  private InetSocketAddress address;

  @BeforeEach
  void prepare() {
    pins = TemporaryBPFFileSystem.create();
    topology = Topology.Kind.VETH_NATIVE.open();
    pinDirectory = pins.directory().resolve("kerby").toString();
    address = new InetSocketAddress(topology.address(), topology.freePort());
  }

  @AfterEach
  void remove() {
    try {
      pins.close();
    } finally {
      topology.close();
    }
  }

  private ServerProcess start(String... more) {
    return ServerProcess.start(topology, options(more));
  }

  private List<String> options(String... more) {
    String port = Integer.toString(address.getPort());
    return Stream.concat(Stream.of("--lock-port", port, "--pin", pinDirectory), Stream.of(more))
        .toList();
  }

  /** Locks alone. */
  private static final String[] ALONE = {"-p", "0", "-U", "0"};

  private LockUdp client(long number) {
    return new LockUdp(topology.client(), address, number);
  }

  @Test
  void theKernelGrantsOnAfterAKillAndTheNextServerDoesWhatIsDue() {
    survive(ALONE);
  }

  @Test
  void soItDoesBesideKerbyKv() {
    survive();
  }

  private void survive(String... options) {
    try (LockUdp a = client(1);
        LockUdp b = client(2);
        LockUdp c = client(3)) {
      long token;
      try (ServerProcess server = start(options)) {
        assertThat(server.readyLine()).endsWith(" xdp native");
        assertThat(server.lockAddress()).isEqualTo(address);
        token = a.ask(a.acquire(Mode.EXCLUSIVE, LOCK, 1)).token();
        b.ask(b.acquire(Mode.EXCLUSIVE, LOCK, 1, LockUdp.LONG_MILLIS, 100));
        c.ask(c.acquire(Mode.EXCLUSIVE, LOCK, 1));
        server.kill();
      }
      assertThat(a.ask(a.request(Op.RELEASE, LOCK, 1)).status()).isEqualTo(Status.RELEASED);
      long next = b.granted(1).token();
      assertThat(next).isEqualTo(token + 1);
      // Its lease ends, with nobody there who could tell the next.
      assertThat(c.receive(_ -> true, Duration.ofMillis(300))).isEmpty();
      try (ServerProcess server = start(options)) {
        assertThat(c.granted(1).token()).isEqualTo(next + 1);
        assertThat(b.ask(b.request(Op.RELEASE, LOCK, 1)).status()).isEqualTo(Status.EXPIRED);
        assertAudit("\"locks\":1,", "\"lock_held\":1,", "\"lock_waiting\":0,");
        assertThat(server.stop()).as("exit code after SIGTERM").isEqualTo(143);
      }
      assertThat(c.ask(c.request(Op.RELEASE, LOCK, 1)).status()).isEqualTo(Status.RELEASED);
    }
  }

  /** Audits from outside. */
  private void assertAudit(String... members) {
    Commands.Result audit =
        ServerProcess.run(topology, List.of("audit", "--pin", pinDirectory, "--json"));
    assertThat(audit.exitCode()).as(audit.all()).isZero();
    assertThat(audit.output().lines())
        .singleElement()
        .asString()
        .startsWith("{\"items\":0,")
        .contains(members)
        .endsWith(",\"ok\":true}");
  }

  @Test
  void killsAtRandomInstantsLoseNoGrantAndLeakNothing() throws Exception {
    long seed = Long.getLong("kerby.seed", System.nanoTime());
    System.out.println("LockSurvivalTest: -Dkerby.seed=" + seed);
    LockHistories histories =
        new LockHistories(topology.client(), new LockWorkload.Times(400, 3000), seed);
    AtomicBoolean over = new AtomicBoolean();
    List<Acquisition> history = new ArrayList<>();
    ServerProcess last = start(ALONE);
    try (ExecutorService recorder = Executors.newSingleThreadExecutor()) {
      Future<List<Acquisition>> recorded =
          recorder.submit(() -> histories.record(() -> !over.get(), address));
      try {
        last = killAgainAndAgain(last, new SplittableRandom(seed));
      } finally {
        over.set(true);
      }
      history.addAll(recorded.get());
    } finally {
      last.close();
    }
    LockHistories.check("kills", history);
    try (BPFPinnedMaps maps = BPFPinnedMaps.open(Path.of(pinDirectory, "lock"))) {
      assertThat(LockAudit.of(maps)).matches(LockAudit::ok);
    }
    assertAudit("\"lock_blocks_leaked\":0,");
  }

  /** Returns the server that runs at the end. */
  private ServerProcess killAgainAndAgain(ServerProcess first, SplittableRandom random)
      throws InterruptedException {
    ServerProcess server = first;
    for (int i = 0; i < KILLS; i++) {
      Thread.sleep(random.nextInt(600));
      server.kill();
      server.close();
      Thread.sleep(random.nextInt(200));
      server = start(ALONE);
    }
    return server;
  }

  @Test
  void pinnedLocksOfAnotherShapeOrLayoutAreRefusedInALine() {
    try (LockUdp a = client(1)) {
      try (ServerProcess server = start(ALONE)) {
        a.ask(a.acquire(Mode.EXCLUSIVE, LOCK, 1));
        server.kill();
      }
      assertRefused("cannot be adopted", "-p", "0", "-U", "0", "--lock-memory", "32");
      setLayout(99);
      assertRefused("has layout 99, this version needs 2", ALONE);
      setLayout(2);
      try (ServerProcess server = start(ALONE)) {
        assertThat(server.errors()).doesNotContain("cannot");
        assertThat(a.ask(a.acquire(Mode.EXCLUSIVE, LOCK, 1)).status()).isEqualTo(Status.GRANTED);
      }
    }
  }

  private void setLayout(long version) {
    try (BPFPinnedMaps maps = BPFPinnedMaps.open(Path.of(pinDirectory, "lock"))) {
      maps.mmap("lock_ctl").set(JAVA_LONG, 0, version);
    }
  }

  private void assertRefused(String said, String... options) {
    Commands.Result result = ServerProcess.runServer(topology, options(options));
    assertThat(result.exitCode()).as(result.all()).isEqualTo(1);
    assertThat(result.output()).isEmpty();
    assertThat(result.errors().lines())
        .singleElement()
        .asString()
        .startsWith("kerby: ")
        .contains(said, pinDirectory);
  }

  /**
   * The interface's one XDP program is the locks', then Kerby-KV's, which hands on to the locks'.
   */
  @Test
  void kerbyKvMayComeToTheLocks() {
    try (LockUdp a = client(1);
        LockUdp b = client(2)) {
      long token;
      try (ServerProcess server = start(ALONE)) {
        token = a.ask(a.acquire(Mode.EXCLUSIVE, LOCK, 1)).token();
        server.kill();
      }
      try (ServerProcess server = start();
          UdpClient kv = new UdpClient(topology.client(), server.address())) {
        assertThat(kv.exchange(Requests.set("key", new byte[10])))
            .isEqualTo(Requests.bytes("STORED\r\n"));
        assertThat(b.ask(b.acquire(Mode.EXCLUSIVE, LOCK, 1)).status()).isEqualTo(Status.QUEUED);
        server.kill();
        assertThat(kv.exchange(Requests.bytes("get key\r\n")))
            .isEqualTo(Requests.hit("key", 0, new byte[10]));
        assertThat(a.ask(a.request(Op.RELEASE, LOCK, 1)).status()).isEqualTo(Status.RELEASED);
        assertThat(b.granted(1).token()).isEqualTo(token + 1);
      }
    }
  }
}
