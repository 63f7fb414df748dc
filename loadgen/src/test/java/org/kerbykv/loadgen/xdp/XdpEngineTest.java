package org.kerbykv.loadgen.xdp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.NetDevice;
import org.kerbykv.bpf.NetworkNamespace;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.XdpMode;
import org.kerbykv.loadgen.engine.Arrivals;
import org.kerbykv.loadgen.engine.Engine;
import org.kerbykv.loadgen.engine.LoadCounts;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.engine.LoadResult;
import org.kerbykv.loadgen.engine.LoadSpec;
import org.kerbykv.loadgen.engine.Progress;
import org.kerbykv.loadgen.engine.Protocol;
import org.kerbykv.loadgen.socket.SocketEngine;
import org.kerbykv.loadgen.testing.FaultyServer;
import org.kerbykv.loadgen.workload.KeyDistribution;
import org.kerbykv.loadgen.workload.SizeDistribution;
import org.kerbykv.loadgen.workload.SyntheticWorkload;

/** What the kernel sends and counts, against servers that do known harm. */
@RequiresBPF
class XdpEngineTest {
  private static final int KEYS = 300;
  private static final int OUTSTANDING = 8;
  private static final Duration TIMEOUT = Duration.ofMillis(400);
  private static final String SERVER_ADDRESS = "198.18.0.2";
  private static final int REFLECTOR_PORT = 7777;

  private NetworkNamespace load;
  private NetworkNamespace server;

  @BeforeEach
  void join() {
    load = NetworkNamespace.create("load");
    server = NetworkNamespace.create("server");
    load.joinByVeth("kv0", "198.18.0.1/30", server, SERVER_ADDRESS + "/30");
  }

  @AfterEach
  void remove() {
    load.close();
    server.close();
  }

  private LoadSpec spec(InetSocketAddress address, Arrivals arrivals, double readRatio) {
    return new LoadSpec(
        address,
        Protocol.UDP,
        1,
        arrivals,
        new SyntheticWorkload(
            KEYS,
            SizeDistribution.etcKeys(),
            KeyDistribution.zipf(KEYS, 0.9),
            SizeDistribution.uniform(0, 1000)),
        true,
        Duration.ZERO,
        Duration.ofMillis(1200),
        LoadSpec.UNLIMITED,
        readRatio,
        7,
        true,
        false,
        TIMEOUT,
        1400);
  }

  private static LoadSpec limited(LoadSpec spec, long requests, boolean echo, Duration duration) {
    return new LoadSpec(
        spec.server(),
        spec.protocol(),
        spec.threads(),
        spec.arrivals(),
        spec.workload(),
        spec.populate() && !echo,
        spec.warmup(),
        duration,
        requests,
        spec.readRatio(),
        spec.seed(),
        spec.verify(),
        echo,
        spec.timeout(),
        spec.maxDatagram());
  }

  private LoadResult run(Engine engine, LoadSpec spec) {
    return load.call(() -> engine.run(spec, Progress.NONE));
  }

  private LoadResult run(LoadSpec spec) {
    return run(new XdpEngine(0), spec);
  }

  /** A server on sockets, which packets that the kernel sends reach if a program lets them pass. */
  private FaultyServer faulty(long delayMillis, FaultyServer.Fault fault) {
    return server.call(
        () -> new FaultyServer(InetAddress.ofLiteral(SERVER_ADDRESS), delayMillis, fault));
  }

  private BPFProgram pass() {
    BPFProgram pass = BPFProgram.load(BPFProgram.class, "xdp_pass.bpf.o");
    server.run(() -> pass.xdpAttach("xdp_pass", NetDevice.index("kv0"), XdpMode.NATIVE));
    return pass;
  }

  private BPFProgram reflector() {
    BPFProgram reflector =
        BPFLoader.open(BPFProgram.class, "xdp_reflect.bpf.o")
            .constant(
                "reflect_port", Short.toUnsignedInt(Short.reverseBytes((short) REFLECTOR_PORT)))
            .load();
    server.run(() -> reflector.xdpAttach("xdp_reflect", NetDevice.index("kv0"), XdpMode.NATIVE));
    return reflector;
  }

  @Test
  void harmIsCountedAsInjected() {
    FaultyServer.Fault fault =
        request ->
            request < KEYS
                ? FaultyServer.Harm.NONE
                : switch ((int) (request % 50)) {
                  case 7 -> FaultyServer.Harm.DROP;
                  case 17, 27 -> FaultyServer.Harm.DUPLICATE;
                  case 2, 6, 11, 16, 21, 26, 31, 36, 39, 46 -> FaultyServer.Harm.CORRUPT_ANYWHERE;
                  case 41 -> FaultyServer.Harm.FOREIGN;
                  default -> FaultyServer.Harm.NONE;
                };
    try (BPFProgram _ = pass();
        FaultyServer faulty = faulty(0, fault)) {
      LoadResult result = run(spec(faulty.address(), new Arrivals.Closed(OUTSTANDING), 0.5));
      LoadCounts counts = result.counts();
      assertThat(counts.sent()).isGreaterThan(200).isLessThan(60_000);
      assertThat(counts.sent()).isEqualTo(counts.answered() + counts.lost());
      // Late are those that this machine, not the server, held up beyond the timeout.
      assertThat(counts.lost() - counts.late()).isEqualTo(faulty.count(FaultyServer.Harm.DROP));
      // An item that a corrupt answer was about is sound; every corrupt answer is told.
      assertThat(counts.corrupt()).isEqualTo(faulty.count(FaultyServer.Harm.CORRUPT_ANYWHERE));
      assertThat(counts.foreign()).isEqualTo(faulty.count(FaultyServer.Harm.FOREIGN));
      assertThat(counts.duplicate()).isEqualTo(faulty.count(FaultyServer.Harm.DUPLICATE));
      assertThat(counts.hits()).isPositive();
      assertThat(counts.stored()).isPositive();
      assertThat(counts.misses()).isZero();
      assertThat(counts.errors()).isZero();
      assertThat(counts.answered()).isEqualTo(counts.hits() + counts.stored() + counts.corrupt());
      assertThat(result.latency().getTotalCount()).isEqualTo(counts.answered());
    }
  }

  @Test
  void requestsAreThoseOfTheSocketEngineByteForByte() {
    List<List<String>> seen = new ArrayList<>();
    for (Engine engine : List.of(new SocketEngine(), new XdpEngine(0))) {
      try (BPFProgram _ = pass();
          FaultyServer sound = faulty(0, request -> FaultyServer.Harm.NONE)) {
        LoadSpec all = spec(sound.address(), new Arrivals.Closed(1), 0.5);
        LoadResult result = run(engine, limited(all, 1500, false, Duration.ofMinutes(1)));
        assertThat(result.counts().sent()).isEqualTo(1500);
        assertThat(result.counts().corrupt()).isZero();
        List<String> requests = sound.requests();
        seen.add(requests.subList(KEYS, KEYS + 1500));
      }
    }
    assertThat(seen.get(1)).isEqualTo(seen.get(0));
    assertThat(seen.get(0)).anyMatch(one -> one.startsWith("get "));
    assertThat(seen.get(0)).anyMatch(one -> one.startsWith("set ") && one.length() > 900);
    assertThat(seen.get(0)).anyMatch(one -> one.startsWith("set ") && one.length() < 60);
  }

  @Test
  void aDelayIsInTheLatencyAndADelayBeyondTheTimeoutIsLostAndLate() {
    try (BPFProgram _ = pass();
        FaultyServer slow = faulty(40, request -> delayed(request))) {
      LoadResult result = run(spec(slow.address(), new Arrivals.Closed(OUTSTANDING), 1));
      assertThat(result.counts().answered()).isPositive();
      assertThat(result.latency().getMinValue()).isBetween(39_000_000L, 400_000_000L);
    }
    try (BPFProgram _ = pass();
        FaultyServer tooSlow = faulty(600, request -> delayed(request))) {
      LoadCounts counts =
          run(spec(tooSlow.address(), new Arrivals.Closed(OUTSTANDING), 1)).counts();
      assertThat(counts.answered()).isZero();
      assertThat(counts.lost()).isEqualTo(counts.sent()).isPositive();
      assertThat(counts.late()).isPositive().isLessThanOrEqualTo(counts.lost());
    }
  }

  private static FaultyServer.Harm delayed(long request) {
    return request < KEYS ? FaultyServer.Harm.NONE : FaultyServer.Harm.DELAY;
  }

  @Test
  void noMoreThanTheWindowIsUnderWayAndTheLostMakeRoom() {
    try (BPFProgram _ = pass();
        FaultyServer mute =
            faulty(
                0, request -> request < KEYS ? FaultyServer.Harm.NONE : FaultyServer.Harm.DROP)) {
      LoadCounts counts = run(spec(mute.address(), new Arrivals.Closed(OUTSTANDING), 0.5)).counts();
      // A timeout of 400 ms ends at most twice before the 1200 ms are over.
      assertThat(counts.sent()).isBetween(2L * OUTSTANDING, 3L * OUTSTANDING);
      assertThat(counts.lost()).isEqualTo(counts.sent());
      assertThat(counts.answered()).isZero();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aReflectorAnswersEverythingWithItself(boolean twoCpus) {
    int[] cpus =
        twoCpus && Runtime.getRuntime().availableProcessors() > 1
            ? new int[] {0, 1}
            : new int[] {0};
    try (BPFProgram _ = reflector()) {
      InetSocketAddress address = new InetSocketAddress(SERVER_ADDRESS, REFLECTOR_PORT);
      LoadSpec all = spec(address, new Arrivals.Closed(64), 0.9);
      LoadSpec spec = limited(all, 100_001, true, Duration.ofMinutes(1));
      LoadResult result = run(new XdpEngine(cpus), spec);
      LoadCounts counts = result.counts();
      assertThat(counts.sent()).isEqualTo(100_001);
      assertThat(counts.answered() + counts.lost()).isEqualTo(100_001);
      assertThat(counts.hits() + counts.stored()).isEqualTo(counts.answered());
      assertThat((double) counts.stored() / counts.answered()).isBetween(0.08, 0.12);
    }
  }

  @Test
  void latencyCountsFromWhenARequestWasDue() {
    try (BPFProgram _ = reflector()) {
      InetSocketAddress address = new InetSocketAddress(SERVER_ADDRESS, REFLECTOR_PORT);
      LoadSpec all = spec(address, new Arrivals.Open(1e9, Arrivals.Gaps.FIXED), 1);
      LoadResult result = run(limited(all, 50_000, true, Duration.ofMinutes(1)));
      // 50,000 are due within 50 us, and no machine sends one in less than 20 ns.
      assertThat(result.counts().sent()).isEqualTo(50_000);
      assertThat(result.latency().getMaxValue()).isGreaterThan(1_000_000 - 50_000);
      assertThat(result.latencyMicros(50)).isGreaterThan(500 - 50);
    }
  }

  @Test
  void aScheduleIsKeptTo() {
    try (BPFProgram _ = reflector()) {
      InetSocketAddress address = new InetSocketAddress(SERVER_ADDRESS, REFLECTOR_PORT);
      for (Arrivals.Gaps gaps : Arrivals.Gaps.values()) {
        LoadSpec spec = spec(address, new Arrivals.Open(5000, gaps), 1);
        LoadResult result = run(limited(spec, 2500, true, Duration.ofMinutes(1)));
        LoadCounts counts = result.counts();
        assertThat(result.offeredPerSecond()).isEqualTo(5000);
        assertThat(counts.sent()).isEqualTo(2500);
        assertThat(counts.sent()).isEqualTo(counts.answered() + counts.lost());
        // Random gaps add up to more or less than 500 ms; being held up makes it longer.
        assertThat(result.elapsed())
            .isGreaterThan(Duration.ofMillis(gaps == Arrivals.Gaps.FIXED ? 499 : 430));
      }
    }
  }

  @Test
  void whatCannotBeSentIsRefused() {
    InetSocketAddress address = new InetSocketAddress(SERVER_ADDRESS, REFLECTOR_PORT);
    LoadSpec spec = spec(address, new Arrivals.Closed(1), 1);
    LoadSpec loopback =
        spec(new InetSocketAddress(InetAddress.getLoopbackAddress(), 1), new Arrivals.Closed(1), 1);
    assertThatExceptionOfType(LoadException.class)
        .isThrownBy(() -> new XdpEngine(0).run(loopback, Progress.NONE))
        .withMessageContaining("lo, where frames cannot be sent");
    assertThatExceptionOfType(LoadException.class)
        .isThrownBy(() -> new XdpEngine().run(spec, Progress.NONE))
        .withMessageContaining("from 1 to 8 CPUs");
  }
}
