package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.programs.LockAbi.Mode;
import org.kerbykv.bpf.programs.LockAbi.Op;
import org.kerbykv.bpf.programs.LockAbi.Status;
import org.kerbykv.bpf.programs.LockMessage;
import org.kerbykv.server.XdpChoice;
import org.kerbykv.server.lock.LockOptions;
import org.kerbykv.server.lock.LockStats;

/** Locks from one socket to another, through whichever doors there are. */
@RequiresBPF
class LockServingTest {
  private static final long LOCK = 7;

  /** Where, whether with Kerby-KV on the same interface, and by which doors. */
  static Stream<Arguments> servers() {
    List<Arguments> servers = new ArrayList<>();
    for (Topology.Kind kind : Topology.Kind.values()) {
      servers.add(Arguments.of(kind, true, kind.xdp()));
      servers.add(Arguments.of(kind, false, kind.xdp()));
    }
    servers.add(Arguments.of(Topology.Kind.VETH_GENERIC, false, XdpChoice.OFF));
    return servers.stream();
  }

  /** Starts one with three clients, closes it, and makes sure that nothing is left. */
  private static final class Locks implements AutoCloseable {
    final ServerUnderTest server;
    final LockUdp a;
    final LockUdp b;
    final LockUdp c;

    Locks(Topology.Kind kind, boolean besideKv, XdpChoice xdp) {
      this(kind.open(), besideKv, xdp);
    }

    Locks(Topology topology, boolean besideKv, XdpChoice xdp) {
      this(ServerUnderTest.startLocks(topology, topology.address(), besideKv, xdp));
    }

    Locks(ServerUnderTest server) {
      this.server = server;
      a = server.locker(1);
      b = server.locker(2);
      c = server.locker(3);
    }

    long counted(LockStats.Path path, LockStats.Op op, LockStats.Result result) {
      return server.locks().stats().requests(path, op, result);
    }

    @Override
    public void close() {
      server.close();
    }
  }

  @ParameterizedTest
  @MethodSource("servers")
  void locksAreServed(Topology.Kind kind, boolean besideKv, XdpChoice xdp) {
    try (Locks locks = new Locks(kind, besideKv, xdp)) {
      aLockGoesFromOneToTheNext(locks);
      assertPaths(locks, xdp);
      if (besideKv) {
        assertKvServes(locks.server);
      }
      theQueueMovesOnWhenAHolderIsDeadAndNobodyAsks(locks);
      whoWaitsLongEnoughIsToldSo(locks);
      oneReleaseGrantsManyReaders(locks);
    }
  }

  private static void aLockGoesFromOneToTheNext(Locks locks) {
    LockMessage first = locks.a.ask(locks.a.acquire(Mode.EXCLUSIVE, LOCK, 1));
    assertThat(first.status()).isEqualTo(Status.GRANTED);
    for (LockUdp waiter : List.of(locks.b, locks.c)) {
      assertThat(waiter.ask(waiter.acquire(Mode.EXCLUSIVE, LOCK, 1)).status())
          .isEqualTo(Status.QUEUED);
    }
    assertThat(locks.server.locks().stats().waiting()).isEqualTo(2);
    assertThat(locks.a.ask(locks.a.request(Op.RELEASE, LOCK, 1)).status())
        .isEqualTo(Status.RELEASED);
    LockMessage second = locks.b.granted(1);
    assertThat(second.token()).isGreaterThan(first.token());
    assertThat(locks.b.ask(locks.b.request(Op.RELEASE, LOCK, 1)).status())
        .isEqualTo(Status.RELEASED);
    assertThat(locks.c.granted(1).token()).isGreaterThan(second.token());
    assertThat(locks.c.ask(locks.c.request(Op.RELEASE, LOCK, 1)).status())
        .isEqualTo(Status.RELEASED);
  }

  /** What only its sender hears of is XDP's, what somebody else has to be told of TC's. */
  private static void assertPaths(Locks locks, XdpChoice xdp) {
    boolean off = xdp == XdpChoice.OFF;
    LockStats.Path first = off ? LockStats.Path.USER : LockStats.Path.XDP;
    LockStats.Path second = off ? LockStats.Path.USER : LockStats.Path.TC;
    assertThat(locks.counted(first, LockStats.Op.ACQUIRE, LockStats.Result.GRANTED)).isEqualTo(1);
    assertThat(locks.counted(first, LockStats.Op.ACQUIRE, LockStats.Result.QUEUED)).isEqualTo(2);
    if (!off) {
      assertThat(locks.counted(first, LockStats.Op.RELEASE, LockStats.Result.PASSED)).isEqualTo(2);
      assertThat(locks.counted(first, LockStats.Op.RELEASE, LockStats.Result.RELEASED))
          .isEqualTo(1);
    }
    assertThat(locks.counted(second, LockStats.Op.RELEASE, LockStats.Result.RELEASED))
        .isEqualTo(off ? 3 : 2);
  }

  private static void assertKvServes(ServerUnderTest server) {
    UdpClient kv = server.udp();
    ServerUnderTest.Counts before = server.counts();
    kv.exchange(Requests.set("key", new byte[10]));
    kv.exchange("get key\r\n");
    assertThat(server.counts().since(before))
        .containsExactlyInAnyOrder("xdp set stored 1", "xdp get hit 1");
  }

  private static void theQueueMovesOnWhenAHolderIsDeadAndNobodyAsks(Locks locks) {
    long start = System.nanoTime();
    locks.a.ask(locks.a.acquire(Mode.EXCLUSIVE, LOCK + 1, 2, 0, 300));
    // Each of them dies as well.
    locks.b.ask(locks.b.acquire(Mode.EXCLUSIVE, LOCK + 1, 2, LockUdp.LONG_MILLIS, 200));
    locks.c.ask(locks.c.acquire(Mode.EXCLUSIVE, LOCK + 1, 2));
    locks.b.granted(2);
    assertThat(System.nanoTime() - start).isGreaterThan(Duration.ofMillis(300).toNanos());
    locks.c.granted(2);
    assertThat(System.nanoTime() - start).isGreaterThan(Duration.ofMillis(500).toNanos());
    assertThat(locks.a.ask(locks.a.request(Op.RELEASE, LOCK + 1, 2)).status())
        .as("too late")
        .isEqualTo(Status.EXPIRED);
  }

  private static void whoWaitsLongEnoughIsToldSo(Locks locks) {
    locks.a.ask(locks.a.acquire(Mode.EXCLUSIVE, LOCK + 2, 3));
    locks.b.ask(locks.b.acquire(Mode.EXCLUSIVE, LOCK + 2, 3, 250, 1000));
    // Impatient, behind the one who would wait longer: user space has to hear of it.
    locks.c.ask(locks.c.acquire(Mode.EXCLUSIVE, LOCK + 2, 3, 50, 1000));
    locks.c.await(it -> it.status() == Status.TIMEOUT);
    locks.b.await(it -> it.status() == Status.TIMEOUT);
    assertThat(locks.server.locks().stats().waiting()).isZero();
  }

  /** One operation leads to eight notices at most; the rest of the readers must not wait longer. */
  private static void oneReleaseGrantsManyReaders(Locks locks) {
    locks.a.ask(locks.a.acquire(Mode.EXCLUSIVE, LOCK + 3, 4));
    long others = locks.server.locks().stats().held() - 1;
    List<LockUdp> readers = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      LockUdp reader = locks.server.locker(10 + i);
      readers.add(reader);
      reader.ask(reader.acquire(Mode.SHARED, LOCK + 3, 4));
    }
    locks.a.ask(locks.a.request(Op.RELEASE, LOCK + 3, 4));
    readers.forEach(reader -> reader.granted(4));
    assertThat(locks.server.locks().stats().held()).isEqualTo(others + 30);
    readers.forEach(
        reader ->
            assertThat(reader.ask(reader.request(Op.RELEASE, LOCK + 3, 4)).status())
                .isEqualTo(Status.RELEASED));
  }

  /** A client that asks from another address is reached there. */
  @Test
  void allAddressesAreServedAndRepliesComeFromTheOneThatWasAsked() throws Exception {
    Topology topology = Topology.Kind.VETH_GENERIC.open();
    topology.server().ip("address", "add", "198.18.77.9/24", "dev", topology.interfaceName());
    InetAddress any = InetAddress.getByName("0.0.0.0");
    for (XdpChoice xdp : List.of(XdpChoice.GENERIC, XdpChoice.OFF)) {
      try (Locks locks =
          new Locks(ServerUnderTest.startLocks(topology, any, false, xdp).keepTopology())) {
        int port = locks.server.locks().address().getPort();
        InetSocketAddress other = new InetSocketAddress("198.18.77.9", port);
        try (LockUdp d = new LockUdp(topology.client(), other, 4)) {
          locks.a.ask(locks.a.acquire(Mode.EXCLUSIVE, LOCK, 1));
          assertThat(d.ask(d.acquire(Mode.EXCLUSIVE, LOCK, 1)).status()).isEqualTo(Status.QUEUED);
          locks.a.ask(locks.a.request(Op.RELEASE, LOCK, 1));
          d.granted(1);
        }
      }
    }
    topology.close();
  }

  @Test
  void locksAreServedOverIpv6() {
    InetAddress loopback = InetAddress.ofLiteral("::1");
    for (XdpChoice xdp : List.of(XdpChoice.GENERIC, XdpChoice.OFF)) {
      Topology topology = Topology.Kind.LO_GENERIC.open();
      try (Locks locks = new Locks(ServerUnderTest.startLocks(topology, loopback, false, xdp))) {
        aLockGoesFromOneToTheNext(locks);
        assertPaths(locks, xdp);
        theQueueMovesOnWhenAHolderIsDeadAndNobodyAsks(locks);
      }
    }
  }

  @Test
  void whatIsNoRequestGetsNoReplyAndIsCounted() {
    try (Locks locks = new Locks(Topology.Kind.VETH_GENERIC, false, XdpChoice.GENERIC)) {
      locks.a.send(new byte[3]);
      byte[] ofAnotherVersion = locks.a.acquire(Mode.EXCLUSIVE, LOCK, 1).bytes();
      ofAnotherVersion[2]++;
      locks.a.send(ofAnotherVersion);
      await()
          .atMost(LockUdp.SOON)
          .untilAsserted(
              () ->
                  assertThat(locks.server.metrics())
                      .contains("kerby_lock_dropped_total{reason=\"malformed\"} 2.0"));
      assertThat(locks.a.receive(_ -> true, Duration.ofMillis(100))).isEmpty();
      assertThat(locks.a.ask(locks.a.acquire(Mode.EXCLUSIVE, LOCK, 0)).status())
          .isEqualTo(Status.INVALID);
    }
  }

  @Test
  void metricsAndStatsTellWhatTheDoorsCount() {
    try (Locks locks = new Locks(Topology.Kind.VETH_GENERIC, true, XdpChoice.GENERIC)) {
      locks.a.ask(locks.a.acquire(Mode.EXCLUSIVE, LOCK, 1));
      locks.b.ask(locks.b.acquire(Mode.EXCLUSIVE, LOCK, 1));
      assertThat(locks.server.metrics())
          .contains(
              "kerby_lock_requests_total{op=\"acquire\",path=\"xdp\",result=\"granted\"} 1.0",
              "kerby_lock_requests_total{op=\"acquire\",path=\"xdp\",result=\"queued\"} 1.0",
              "kerby_lock_held 1.0",
              "kerby_lock_waiting 1.0",
              "kerby_lock_blocks_in_use 1.0",
              "kerby_kv_items{tier=\"kernel\"} 0.0");
      assertThat(locks.server.tcp().lines("stats kerby\r\n"))
          .contains(
              "STAT kerby_lock_held 1",
              "STAT kerby_lock_waiting 1",
              "STAT kerby_lock_requests_xdp_acquire_granted 1");
    }
  }

  /** The kernel's doors find no room in the table, user space says so and makes some. */
  @Test
  void locksThatAreFreeMakeRoomForOthers() {
    Topology topology = Topology.Kind.VETH_GENERIC.open();
    LockOptions few = new LockOptions(-1, 1, 10, 60_000, 60_000);
    try (Locks locks = new Locks(ServerUnderTest.startLocks(topology, few))) {
      LockUdp a = locks.a;
      int refused = 0;
      for (int sequence = 1; sequence <= 300; sequence++) {
        Status status = a.ask(a.acquire(Mode.EXCLUSIVE, 1000 + sequence, sequence)).status();
        if (status == Status.GRANTED) {
          a.ask(a.request(Op.RELEASE, 1000 + sequence, sequence));
        } else {
          assertThat(status).isEqualTo(Status.NO_ROOM);
          refused++;
          sequence--;
        }
      }
      assertThat(refused).isPositive();
      // What is held stays.
      a.ask(a.acquire(Mode.EXCLUSIVE, LOCK, 301));
    }
  }

  /** A lock and a client that nobody uses any more do not stay. */
  @Test
  void aLeaseThatNobodyAsksForEndsAndTheLockGoes() {
    try (Locks locks = new Locks(Topology.Kind.VETH_GENERIC, false, XdpChoice.GENERIC)) {
      locks.a.ask(locks.a.acquire(Mode.EXCLUSIVE, LOCK, 1, 0, 50));
      assertThat(locks.server.locks().stats().held()).isEqualTo(1);
      await()
          .atMost(Duration.ofSeconds(40))
          .untilAsserted(() -> assertThat(locks.server.locks().stats().held()).isZero());
      await()
          .atMost(Duration.ofSeconds(60))
          .untilAsserted(() -> assertThat(locks.server.locks().audit().locks()).isZero());
    }
  }
}
