package org.kerbykv.loadgen.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.kerbykv.loadgen.report.ServerMetrics;

/** {@code docker compose up}, of the services whose image is the project's own. */
@RequiresDocker
class ComposeTest {
  private static final Duration SERVED_MAX = Duration.ofMinutes(1);
  private static final Pattern SCRAPED = Pattern.compile("\"(server|load):(\\d+)\"");

  private final Map<String, String> environment = new HashMap<>();
  private List<String> compose;

  @Test
  void theKernelServesLoadWithinAMinuteAndWhatPrometheusScrapesIsThere() throws Exception {
    compose = composeCommand();
    environment.put("KERBY_IMAGE", KerbyImage.build());
    environment.putAll(Map.of("KERBY_PORT", "", "KERBY_LOCK_PORT", "")); // any
    if (!KerbyImage.engineKnowsBpf()) {
      environment.put("KERBY_CAP_BPF", "SYS_ADMIN");
      environment.put("KERBY_CAP_PERFMON", "NET_BIND_SERVICE");
    }
    try {
      run("up", "-d", "server", "load");
      await().atMost(SERVED_MAX).untilAsserted(this::theKernelServesLoad);
    } finally {
      System.err.println(run("logs", "--no-color", "--tail", "20"));
      run("down", "-v");
    }
  }

  private void theKernelServesLoad() throws IOException, InterruptedException {
    Map<String, ServerMetrics> scraped = new HashMap<>();
    Matcher targets = SCRAPED.matcher(Files.readString(Cli.ROOT.resolve("docker/prometheus.yml")));
    while (targets.find()) {
      URI page =
          URI.create("http://" + address(targets.group(1)) + ":" + targets.group(2) + "/metrics");
      try {
        scraped.put(targets.group(1), ServerMetrics.read(page));
      } catch (IOException e) {
        throw new AssertionError("nothing to scrape at " + page, e);
      }
    }
    assertThat(scraped).containsOnlyKeys("server", "load");
    ServerMetrics load = scraped.get("load");
    assertThat(load.sum("kerby_load_answered_total")).isGreaterThan(1000);
    assertThat(load.sum("kerby_load_corrupt_total")).isZero();
    ServerMetrics server = scraped.get("server");
    assertThat(
            server.sum("kerby_kv_requests_total", "path=\"xdp\"", "result=\"hit\"")
                + server.sum("kerby_kv_requests_total", "path=\"tc\"", "result=\"hit\""))
        .isGreaterThan(1000);
  }

  private String address(String service) throws IOException, InterruptedException {
    return Cli.succeed(
        Map.of(),
        List.of(
            "docker",
            "inspect",
            "-f",
            "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
            run("ps", "-q", service)));
  }

  private String run(String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(compose);
    command.addAll(List.of("-p", "kerby-kv-test", "-f", "docker/compose.yml"));
    command.addAll(List.of(arguments));
    return Cli.succeed(environment, command);
  }

  /** Compose is a plugin of the client, or, before version 2, a program of its own. */
  private static List<String> composeCommand() throws InterruptedException {
    Optional<List<String>> found = Optional.empty();
    for (List<String> command : List.of(List.of("docker", "compose"), List.of("docker-compose"))) {
      List<String> version = new ArrayList<>(command);
      version.add("version");
      try {
        if (found.isEmpty() && Cli.run(Map.of(), version).exitCode() == 0) {
          found = Optional.of(command);
        }
      } catch (IOException _) {
        // there is no such program
      }
    }
    assumeTrue(RequiresDocker.REQUIRED || found.isPresent(), "there is no Docker Compose");
    return found.orElseThrow();
  }
}
