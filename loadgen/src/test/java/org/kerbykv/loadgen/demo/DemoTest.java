package org.kerbykv.loadgen.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.kerbykv.bpf.NetDevice;
import org.kerbykv.bpf.NetworkNamespace;
import org.kerbykv.bpf.RequiresBPF;

/** The demonstration as a process of its own, with the server that it starts. */
@Timeout(120)
class DemoTest {
  private static final int FILES = 60;

  @TempDir private Path directory;
  @TempDir private Path output;
  private final List<Process> started = new ArrayList<>();

  @BeforeEach
  void writeFiles() throws IOException {
    Path below = Files.createDirectories(directory.resolve("below/it"));
    for (int i = 0; i < FILES; i++) {
      // From nothing to what needs TCP.
      byte[] content = new byte[i * i * i];
      java.util.Arrays.fill(content, (byte) i);
      Files.write(below.resolve("file" + i), content);
    }
    Files.write(directory.resolve("with blank"), new byte[10]);
    Files.write(directory.resolve("too-large"), new byte[(1 << 20) + 1]);
    Files.createSymbolicLink(directory.resolve("link"), below.resolve("file1"));
    Path deep = directory;
    for (int i = 0; i < 5; i++) {
      deep = Files.createDirectory(deep.resolve("d".repeat(60)));
    }
    Files.write(deep.resolve("long-path"), new byte[10]);
  }

  @AfterEach
  void endWhatAFailedTestLeft() {
    started.forEach(Process::destroyForcibly);
  }

  private record Run(Process process, Path out, Path err) {
    int exitCode() throws InterruptedException {
      assertThat(process.waitFor(100, TimeUnit.SECONDS)).isTrue();
      return process.exitValue();
    }

    String lastOut() throws IOException {
      return Files.readAllLines(out).getLast();
    }

    String messages() throws IOException {
      return Files.readString(err);
    }

    /** Waits until the load runs, and returns the server's process. */
    ProcessHandle serverUnderLoad() {
      Awaitility.await()
          .atMost(60, TimeUnit.SECONDS)
          .until(() -> messages().contains("load on the") || !process.isAlive());
      // What comes before java in the command line runs in the same process.
      List<ProcessHandle> children = process.descendants().toList();
      assertThat(children).hasSize(1);
      return children.getFirst();
    }
  }

  private Run start(List<String> prefix, String... arguments) throws IOException {
    String classPath = System.getProperty("java.class.path");
    String flags = "--enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow";
    List<String> command = new ArrayList<>(prefix);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(flags.split(" ")));
    command.addAll(List.of("-cp", classPath, Demo.class.getName()));
    command.addAll(List.of("--directory", directory.toString()));
    command.addAll(List.of(arguments));
    Path out = output.resolve("out");
    Path err = output.resolve("err");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
    builder.environment().put("KERBY_SERVER_CLASS_PATH", classPath);
    builder.environment().put("KERBY_JVM_FLAGS", flags);
    Run run = new Run(builder.start(), out, err);
    started.add(run.process());
    return run;
  }

  private static double figure(String json, String key) {
    Matcher matcher = Pattern.compile('"' + key + "\":([-0-9.]+)").matcher(json);
    assertThat(matcher.find()).as("%s in %s", key, json).isTrue();
    return Double.parseDouble(matcher.group(1));
  }

  private static void assertSound(Run run) throws Exception {
    assertThat(run.exitCode()).as(run.messages()).isZero();
    String json = run.lastOut();
    assertThat(figure(json, "verify_failed")).isZero();
    assertThat(figure(json, "items")).isEqualTo(FILES);
    assertThat(figure(json, "refused")).isEqualTo(3);
    assertThat(figure(json, "ops_per_s")).isPositive();
    assertThat(figure(json, "p99_us")).isPositive();
    assertThat(figure(json, "corrupt")).isZero();
    assertThat(run.messages())
        .contains("with blank: its path has a blank")
        .contains("too-large: 1048577 bytes are more than the server takes")
        .contains("long-path: its path has ")
        .doesNotContain("link");
  }

  @Test
  void runsToItsEndWithoutTheKernel() throws Exception {
    Run run = start(List.of(), "--seconds", "1", "--xdp", "off", "--json");
    assertSound(run);
    assertThat(figure(run.lastOut(), "kernel_get_share")).isZero();
    assertThat(figure(run.lastOut(), "value_bytes_kernel")).isZero();
    assertThat(figure(run.lastOut(), "items_user")).isEqualTo(FILES);
  }

  @Test
  void saysInOneLineWhyItCannotRun() throws Exception {
    try (java.net.ServerSocket taken =
        new java.net.ServerSocket(0, 1, java.net.InetAddress.ofLiteral("127.0.0.1"))) {
      Run run = start(List.of(), "--xdp", "off", "--port", Integer.toString(taken.getLocalPort()));
      assertThat(run.exitCode()).isEqualTo(1);
      assertThat(run.messages().lines().toList().getLast())
          .startsWith("kerby demo: the server ended with exit code 1: ")
          .contains(Integer.toString(taken.getLocalPort()));
      assertThat(Files.size(run.out())).isZero();
    }
    Run wrong = start(List.of(), "--seconds", "many");
    assertThat(wrong.exitCode()).isEqualTo(2);
    assertThat(wrong.messages().lines()).hasSize(1);
  }

  /** With eBPF, in a network namespace, so that nobody else's lo is touched. */
  @Nested
  @RequiresBPF
  class InTheKernel {
    @Test
    void theKernelAnswersAndNothingIsLeftBehind() throws Exception {
      try (NetworkNamespace namespace = NetworkNamespace.create("demo")) {
        for (int time = 1; time <= 2; time++) { // the second right after the first
          Run run = start(namespace.command(), "--seconds", "1", "--xdp", "generic", "--json");
          assertSound(run);
          String json = run.lastOut();
          assertThat(figure(json, "kernel_get_share")).isGreaterThanOrEqualTo(0.95);
          assertThat(figure(json, "pool_memory_bytes")).isPositive();
          assertThat(figure(json, "value_bytes_kernel")).isPositive();
          assertThat(figure(json, "items_kernel") + figure(json, "items_user")).isEqualTo(FILES);
          assertThat(xdpOfLoopback(namespace)).isFalse();
        }
      }
    }

    @ParameterizedTest
    @ValueSource(strings = {"INT", "TERM", "KILL"})
    void aSignalLeavesNothingBehind(String signal) throws Exception {
      try (NetworkNamespace namespace = NetworkNamespace.create("signal")) {
        // A shell's background job ignores INT, and so would what this JVM starts.
        List<String> prefix = new ArrayList<>(namespace.command("env", "--default-signal"));
        Run run = start(prefix, "--seconds", "60", "--xdp", "generic");
        ProcessHandle server = run.serverUnderLoad();
        assertThat(xdpOfLoopback(namespace)).isTrue();
        new ProcessBuilder("kill", "-" + signal, Long.toString(run.process().pid()))
            .start()
            .waitFor();
        assertThat(run.exitCode()).isNotZero();
        Awaitility.await().atMost(20, TimeUnit.SECONDS).until(() -> !server.isAlive());
        Awaitility.await().atMost(20, TimeUnit.SECONDS).until(() -> !xdpOfLoopback(namespace));
      }
    }

    private static boolean xdpOfLoopback(NetworkNamespace namespace) {
      return namespace.call(() -> NetDevice.xdp(NetDevice.index("lo")).isPresent());
    }
  }
}
