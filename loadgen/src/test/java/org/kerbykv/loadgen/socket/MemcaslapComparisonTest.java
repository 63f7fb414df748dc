package org.kerbykv.loadgen.socket;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.kerbykv.client.Memcached;
import org.kerbykv.loadgen.engine.Arrivals;
import org.kerbykv.loadgen.engine.LoadResult;
import org.kerbykv.loadgen.engine.LoadSpec;
import org.kerbykv.loadgen.engine.Progress;
import org.kerbykv.loadgen.engine.Protocol;
import org.kerbykv.loadgen.workload.KeyDistribution;
import org.kerbykv.loadgen.workload.SizeDistribution;
import org.kerbykv.loadgen.workload.SyntheticWorkload;

/**
 * Beside libmemcached's load generator, against the same memcached: one thread, 32 requests under
 * way, nine gets to a set. How the throughputs compare is reported and decides nothing.
 */
class MemcaslapComparisonTest {
  private static final String MEMCASLAP = "/usr/bin/memcaslap";
  private static final Pattern TPS = Pattern.compile("TPS: (\\d+)");
  private static final int OUTSTANDING = 32;
  private static final int KEYS = 10_000;

  /** What memcaslap says when a reply to a request that it has given up arrives after all. */
  private static final String ENDS_ITSELF = "Assertion `req_id ==";

  private static final int ATTEMPTS = 5;

  @ParameterizedTest
  @EnumSource(Protocol.class)
  void bothLoadTheSameMemcached(Protocol protocol, TestReporter reporter) throws Exception {
    Assumptions.assumeTrue(
        new File(MEMCASLAP).canExecute(), "Debian package libmemcached-tools is not installed");
    try (Memcached server = Memcached.start()) {
      double theirs = memcaslap(server, protocol);
      LoadResult ours = loadgen(server, protocol);
      assertThat(theirs).isPositive();
      assertThat(ours.counts().answered()).isPositive();
      assertThat(ours.counts().corrupt()).isZero();
      assertThat(ours.counts().errors()).isZero();
      assertThat(ours.counts().misses()).isZero();
      reporter.publishEntry(
          String.format(
              Locale.ROOT,
              "%s: memcaslap %,.0f/s, loadgen %,.0f/s: %.2f times",
              protocol,
              theirs,
              ours.answeredPerSecond(),
              ours.answeredPerSecond() / theirs));
    }
  }

  private static double memcaslap(Memcached server, Protocol protocol) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                MEMCASLAP,
                "--servers=127.0.0.1:" + server.address().getPort(),
                "--threads=1",
                "--concurrency=" + OUTSTANDING,
                "--time=2s",
                "--fixed_size=64"));
    if (protocol == Protocol.UDP) {
      command.add("--udp");
    }
    for (int attempt = 1; ; attempt++) {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      Matcher tps = TPS.matcher(output);
      if (tps.find()) {
        return Double.parseDouble(tps.group(1));
      }
      assertThat(output).contains(ENDS_ITSELF);
      assertThat(attempt).as(output).isLessThan(ATTEMPTS);
    }
  }

  private static LoadResult loadgen(Memcached server, Protocol protocol) throws Exception {
    LoadSpec spec =
        new LoadSpec(
            server.address(),
            protocol,
            1,
            new Arrivals.Closed(OUTSTANDING),
            new SyntheticWorkload(
                KEYS,
                SizeDistribution.fixed(64),
                KeyDistribution.uniform(KEYS),
                SizeDistribution.fixed(64)),
            true,
            Duration.ofSeconds(1),
            Duration.ofSeconds(2),
            LoadSpec.UNLIMITED,
            0.9,
            1,
            true,
            false,
            Duration.ofMillis(500),
            1400);
    return new SocketEngine().run(spec, Progress.NONE);
  }
}
