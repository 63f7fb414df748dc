package org.kerbykv.loadgen.lock;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.NetDevice;
import org.kerbykv.bpf.NetworkNamespace;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.XdpMode;
import org.kerbykv.loadgen.socket.LockSocketEngine;
import org.kerbykv.loadgen.testing.FaultyLockServer;
import org.kerbykv.loadgen.testing.FaultyLockServer.Harm;
import org.kerbykv.loadgen.workload.KeyDistribution;
import org.kerbykv.loadgen.xdp.LockXdpEngine;

/** What both engines send and count, against a lock manager that does known harm. */
@RequiresBPF
@Timeout(60)
class LockEnginesTest {
  private static final String SERVER_ADDRESS = "198.18.0.2";
  private static final int LOCKS = 5;
  private static final int CLIENTS = 20;

  private final List<AutoCloseable> opened = new ArrayList<>();
  private NetworkNamespace load;
  private NetworkNamespace server;

  @BeforeEach
  void join() {
    load = NetworkNamespace.create("lockload");
    opened.add(load);
    server = NetworkNamespace.create("lockserver");
    opened.add(server);
    load.joinByVeth("kv0", "198.18.0.1/30", server, SERVER_ADDRESS + "/30");
    // Packets that the kernel sends reach a socket if a program lets them pass.
    BPFProgram pass = BPFProgram.load(BPFProgram.class, "xdp_pass.bpf.o");
    opened.add(pass);
    server.run(() -> pass.xdpAttach("xdp_pass", NetDevice.index("kv0"), XdpMode.NATIVE));
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable one : opened.reversed()) {
      one.close();
    }
  }

  private FaultyLockServer serve(boolean rejects, FaultyLockServer.Fault fault) {
    FaultyLockServer faulty =
        server.call(
            () -> new FaultyLockServer(InetAddress.ofLiteral(SERVER_ADDRESS), rejects, fault));
    opened.add(faulty);
    return faulty;
  }

  private static LockLoadSpec spec(InetSocketAddress address, int locksEach, double sharedRatio) {
    return new LockLoadSpec(
        address,
        LOCKS,
        KeyDistribution.uniform(LOCKS),
        sharedRatio,
        locksEach,
        CLIENTS,
        Duration.ofNanos(10_000),
        Duration.ofSeconds(30),
        Duration.ofSeconds(30),
        Duration.ofMillis(200),
        BackOff.USUAL,
        Duration.ofMillis(50),
        Duration.ofMillis(1000),
        7);
  }

  private LockLoadResult run(String engine, LockLoadSpec spec) {
    return load.call(
        () -> (engine.equals("xdp") ? new LockXdpEngine(0) : new LockSocketEngine(2)).run(spec));
  }

  /** Every request is accounted for, once all have come to rest. */
  private static void assertComplete(LockLoadResult result) {
    LockCounts total = result.total();
    assertThat(result.unfinished()).isZero();
    assertThat(total.acquired()).as("%s", total).isPositive().isEqualTo(total.released());
    assertThat(total.sent())
        .as("%s", total)
        .isEqualTo(
            total.acquired()
                + total.released()
                + total.rejected()
                + total.timeouts()
                + total.expired()
                + total.errors()
                + total.lost()
                + total.polled());
    assertThat(result.counts().acquired()).isPositive().isLessThanOrEqualTo(total.acquired());
    assertThat(result.waits().getTotalCount()).isPositive();
    assertThat(result.longestNanos()).isPositive();
    assertThat(result.jain()).isBetween(0.0, 1.0);
  }

  @ParameterizedTest
  @ValueSource(strings = {"xdp", "socket"})
  void harmIsCountedAsInjected(String engine) {
    FaultyLockServer faulty =
        serve(
            false,
            request ->
                switch ((int) (request % 100)) {
                  case 7 -> Harm.DROP;
                  case 19, 56 -> Harm.DUPLICATE;
                  default -> Harm.NONE;
                });
    LockLoadResult result = run(engine, spec(faulty.address(), 1, 0.3));
    assertComplete(result);
    LockCounts total = result.total();
    assertThat(faulty.harmed(Harm.DROP)).isPositive();
    assertThat(total.lost()).isEqualTo(faulty.harmed(Harm.DROP));
    assertThat(total.duplicate()).isPositive().isEqualTo(faulty.harmed(Harm.DUPLICATE));
    // Who asks again while the grant is on its way hears of it twice.
    assertThat(total.late()).isLessThanOrEqualTo(total.polled());
    assertThat(total.foreign()).isZero();
    assertThat(total.waited()).isPositive();
    assertThat(result.isSound()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"xdp", "socket"})
  void aLockGrantedToTwoIsNoticed(String engine) {
    FaultyLockServer faulty =
        serve(false, request -> request % 50 == 7 ? Harm.GRANT_TO_TWO : Harm.NONE);
    LockLoadResult result = run(engine, spec(faulty.address(), 1, 0));
    assertThat(result.total().violations()).as("%s", result.total()).isPositive();
    assertThat(result.isSound()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"xdp", "socket"})
  void theRejectedTryAgain(String engine) {
    FaultyLockServer faulty = serve(true, _ -> Harm.NONE);
    LockLoadResult result = run(engine, spec(faulty.address(), 1, 0));
    assertComplete(result);
    assertThat(result.total().rejected()).isPositive();
    assertThat(result.total().waited()).isZero();
    assertThat(result.isSound()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"xdp", "socket"})
  void transactionsHoldAllTheirLocksAtOnce(String engine) {
    FaultyLockServer faulty = serve(false, _ -> Harm.NONE);
    LockLoadResult result = run(engine, spec(faulty.address(), 3, 0.5));
    assertComplete(result);
    assertThat(result.total().acquired() % 3).isZero();
    assertThat(result.total().lost()).isZero();
    assertThat(result.isSound()).isTrue();
  }
}
