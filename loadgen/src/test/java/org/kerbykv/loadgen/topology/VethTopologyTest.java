package org.kerbykv.loadgen.topology;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.loadgen.cli.Main;
import org.kerbykv.loadgen.engine.Arrivals;
import org.kerbykv.loadgen.engine.Engine;
import org.kerbykv.loadgen.engine.LoadCounts;
import org.kerbykv.loadgen.engine.LoadSpec;
import org.kerbykv.loadgen.engine.Progress;
import org.kerbykv.loadgen.engine.Protocol;
import org.kerbykv.loadgen.socket.SocketEngine;
import org.kerbykv.loadgen.workload.KeyDistribution;
import org.kerbykv.loadgen.workload.SizeDistribution;
import org.kerbykv.loadgen.workload.SyntheticWorkload;
import org.kerbykv.loadgen.xdp.XdpEngine;

@RequiresBPF
class VethTopologyTest {
  private static final PrintStream LOG = System.err;

  private static List<String> namespacesOf(long pid) throws IOException {
    Path directory = Path.of("/run/netns");
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    try (Stream<Path> names = Files.list(directory)) {
      return names
          .map(path -> path.getFileName().toString())
          .filter(name -> name.startsWith("kerby-load-" + pid + "-"))
          .toList();
    }
  }

  /** On a thread of its own, which the topology moves into a namespace. */
  private static <T> T apart(Callable<T> task) throws Exception {
    FutureTask<T> done = new FutureTask<>(task);
    Thread.ofPlatform().start(done);
    return done.get();
  }

  private static LoadSpec spec(boolean echo) {
    return new LoadSpec(
        VethTopology.serverAddress(),
        Protocol.UDP,
        1,
        new Arrivals.Closed(16),
        new SyntheticWorkload(
            500,
            SizeDistribution.fixed(16),
            KeyDistribution.uniform(500),
            SizeDistribution.uniform(0, 1000)),
        !echo,
        Duration.ZERO,
        Duration.ofMinutes(1),
        3000,
        0.8,
        1,
        true,
        echo,
        Duration.ofSeconds(2),
        1400);
  }

  private static LoadCounts run(Target target, boolean xdp) throws Exception {
    return apart(
        () -> {
          try (VethTopology veth = new VethTopology(2)) {
            veth.enterLoadSide();
            veth.letPass(target.isInKernel(), xdp);
            veth.startServer(target, List.of(0), List.of(), LOG);
            Engine engine = xdp ? new XdpEngine(0) : new SocketEngine();
            return engine.run(spec(target.isEcho()), Progress.NONE).counts();
          }
        });
  }

  @Test
  void bothEnginesReachTheReflectorAndMemcachedAndNothingIsLeft() throws Exception {
    for (Target target : List.of(Target.REFLECTOR, Target.MEMCACHED)) {
      for (boolean xdp : new boolean[] {false, true}) {
        LoadCounts counts = run(target, xdp);
        assertThat(counts.sent()).as(target + " " + xdp).isEqualTo(3000);
        assertThat(counts.hits() + counts.stored() + counts.lost()).isEqualTo(3000);
        assertThat(counts.hits()).isGreaterThan(2000);
        assertThat(counts.corrupt()).isZero();
        assertThat(namespacesOf(ProcessHandle.current().pid())).isEmpty();
      }
    }
  }

  @Test
  void whatAKilledRunLeavesIsRemovedByTheNext() throws Exception {
    List<String> command = new ArrayList<>();
    command.addAll(
        ServerProcess.classCommand(
            System.getProperty("java.class.path"),
            Main.class.getName(),
            "--topology",
            "veth",
            "--target",
            "reflector",
            "--engine",
            "xdp",
            "--duration",
            "100"));
    Process run = new ProcessBuilder(command).redirectErrorStream(true).start();
    List<ProcessHandle> children;
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(run.getInputStream(), StandardCharsets.UTF_8))) {
      String line;
      do {
        line = lines.readLine();
        assertThat(line).isNotNull();
      } while (!line.contains("  1 s  "));
      children = run.descendants().toList();
      run.destroyForcibly().waitFor();
    }
    assertThat(namespacesOf(run.pid())).hasSize(2);
    assertThat(children).isNotEmpty();
    Awaitility.await().until(() -> children.stream().noneMatch(ProcessHandle::isAlive));
    apart(
        () -> {
          new VethTopology(1).close();
          return null;
        });
    assertThat(namespacesOf(run.pid())).isEmpty();
  }
}
