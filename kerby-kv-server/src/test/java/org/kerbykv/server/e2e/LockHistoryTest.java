package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.lockhistory.Acquisition;
import org.kerbykv.server.XdpChoice;
import org.kerbykv.server.lock.LockStats;

/**
 * What clients of a lock server see is what a lock manager may do, whichever doors answer them,
 * over a network that loses, doubles and delays datagrams, with clients that die: exclusive is
 * exclusive, grants follow the queue, nobody starves and none is lost.
 *
 * <p>Longer: {@code -Dkerby.lock.millis=60000}. {@code -Dkerby.seed=N} is what is printed.
 */
@RequiresBPF
class LockHistoryTest {
  private static final long MILLIS = Long.getLong("kerby.lock.millis", 3000);

  private final long seed = Long.getLong("kerby.seed", System.nanoTime() & 0xffff_ffffL);

  @ParameterizedTest
  @EnumSource
  void locksAreLocks(Topology.Kind kind) {
    Topology topology = kind.open();
    try (ServerUnderTest server =
        ServerUnderTest.startLocks(topology, topology.address(), true, kind.xdp())) {
      run(kind.name(), server);
      LockStats stats = server.locks().stats();
      for (LockStats.Path path : List.of(LockStats.Path.XDP, LockStats.Path.TC)) {
        assertThat(stats.requests(path, LockStats.Op.RELEASE, LockStats.Result.RELEASED))
            .as("releases by %s", path)
            .isPositive();
      }
    }
  }

  @Test
  void locksAreLocksThroughUserSpace() {
    Topology topology = Topology.Kind.VETH_GENERIC.open();
    try (ServerUnderTest server =
        ServerUnderTest.startLocks(topology, topology.address(), false, XdpChoice.OFF)) {
      run("user space", server);
    }
  }

  /** Half of the clients by a faulty network, the others directly. */
  private void run(String which, ServerUnderTest server) {
    System.out.println("LockHistoryTest: " + which + " -Dkerby.seed=" + seed);
    InetSocketAddress direct =
        new InetSocketAddress(server.topology().address(), server.locks().address().getPort());
    LockHistories histories =
        new LockHistories(server.topology().client(), new LockWorkload.Times(400, 3000), seed);
    List<Acquisition> history;
    try (FaultyNetwork network =
        FaultyNetwork.unpredictable(server.topology().client(), direct, seed)) {
      long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(MILLIS);
      history = histories.record(() -> System.nanoTime() < end, direct, network.address());
      System.out.println("  network: " + network);
    }
    LockHistories.check(which, history);
  }
}
