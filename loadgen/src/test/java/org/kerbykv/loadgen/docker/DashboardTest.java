package org.kerbykv.loadgen.docker;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.FutureTask;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.loadgen.engine.Arrivals;
import org.kerbykv.loadgen.engine.LoadCounts;
import org.kerbykv.loadgen.engine.LoadResult;
import org.kerbykv.loadgen.report.LoadMetrics;
import org.kerbykv.loadgen.topology.Target;
import org.kerbykv.loadgen.topology.VethTopology;

/** What Grafana shows and Prometheus reads, against what is really served. */
@RequiresBPF
class DashboardTest {
  private static final Path DASHBOARD = Cli.ROOT.resolve("docker/grafana/dashboards/kerby-kv.json");
  private static final Pattern METRIC = Pattern.compile("\\bkerby_\\w+");

  private static final List<String> LOCKS = List.of("--lock-port", "11311");

  @TempDir private Path directory;

  private static List<String> expressions() throws IOException {
    JsonNode dashboard = new ObjectMapper().readTree(DASHBOARD.toFile());
    List<String> expressions = dashboard.findValuesAsText("expr");
    assertThat(expressions).hasSizeGreaterThan(20);
    return expressions;
  }

  private static Set<String> metricsIn(String text) {
    return new TreeSet<>(METRIC.matcher(text).results().map(MatchResult::group).toList());
  }

  private static String read(URI page) throws IOException {
    try (InputStream in = page.toURL().openStream()) {
      return new String(in.readAllBytes(), UTF_8);
    }
  }

  private static String serversPage() throws Exception {
    FutureTask<String> task =
        new FutureTask<>(
            () -> {
              try (VethTopology veth = new VethTopology(2)) {
                veth.enterLoadSide();
                veth.startServer(Target.KERBY, List.of(0), LOCKS, System.err);
                return read(URI.create("http://" + VethTopology.metricsAddress() + "/metrics"));
              }
            });
    Thread.ofPlatform().start(task); // of its own, for it moves to another namespace
    return task.get();
  }

  private static String loadsPage() throws Exception {
    try (LoadMetrics metrics = new LoadMetrics(0)) {
      metrics.second(
          1,
          new LoadResult(
              "socket",
              Duration.ofSeconds(1),
              new Arrivals.Closed(1),
              LoadCounts.ZERO,
              new Histogram(3)));
      return read(URI.create("http://127.0.0.1:" + metrics.port() + "/metrics"));
    }
  }

  @Test
  void everyMetricShownIsServed() throws Exception {
    Set<String> served = metricsIn(serversPage() + loadsPage());
    assertThat(served).contains("kerby_kv_requests_total", "kerby_load_sent_total");
    assertThat(served).containsAll(metricsIn(String.join(" ", expressions())));
  }

  @Test
  void prometheusUnderstandsItsConfigurationAndEveryExpression() throws Exception {
    assumeTrue(
        Cli.run(Map.of(), List.of("sh", "-c", "command -v promtool")).exitCode() == 0,
        "there is no promtool (Debian package prometheus)");
    StringBuilder rules = new StringBuilder("groups:\n- name: dashboard\n  rules:\n");
    int number = 0;
    for (String expression : expressions()) {
      String runnable = expression.replace("$__rate_interval", "1m").replace("'", "''");
      rules.append("  - record: panel:%d\n    expr: '%s'\n".formatted(number++, runnable));
    }
    Path file = Files.writeString(directory.resolve("rules.yml"), rules);
    Cli.succeed(Map.of(), List.of("promtool", "check", "rules", file.toString()));
    Cli.succeed(Map.of(), List.of("promtool", "check", "config", "docker/prometheus.yml"));
  }
}
