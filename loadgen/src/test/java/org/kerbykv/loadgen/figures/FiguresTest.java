package org.kerbykv.loadgen.figures;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.kerbykv.bpf.RequiresBPF;

/** The figures' command as a process of its own, with few systems and short loads. */
@RequiresBPF
class FiguresTest {
  @TempDir private Path directory;

  private record Run(String out, String log) {
    String json() {
      return out.lines().toList().getLast();
    }
  }

  private Run runKv() throws IOException, InterruptedException {
    return run(
        "kv",
        "--program-times",
        "--duration=50",
        "--keys=2000",
        "--systems=kerby,reflector,dint1024");
  }

  private Run run(String... options) throws IOException, InterruptedException {
    Path out = directory.resolve("out");
    Path log = directory.resolve("log");
    String classPath = System.getProperty("java.class.path");
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                classPath,
                FiguresCommand.class.getName()));
    command.addAll(List.of(options));
    command.addAll(
        List.of("--quick", "--json", "--rounds=1", "--out=" + directory.resolve("figures")));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("KERBY_SERVER_CLASS_PATH", classPath);
    builder.environment().put("KERBY_JVM_FLAGS", "--enable-native-access=ALL-UNNAMED");
    Process process = builder.redirectOutput(out.toFile()).redirectError(log.toFile()).start();
    try {
      assertThat(process.waitFor(240, TimeUnit.SECONDS)).isTrue();
    } finally {
      process.destroyForcibly();
    }
    assertThat(process.exitValue()).as(() -> read(log)).isZero();
    return new Run(read(out), read(log));
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @Test
  void measuresDrawsAndGoesOnAfterAnInterruption() throws Exception {
    Run first = runKv();
    Path figures = directory.resolve("figures");
    assertThat(first.json())
        .startsWith("{\"ratios\":{\"get64_vs_memcached\":null,")
        .containsPattern("\"get64_vs_reflector\":0\\.\\d")
        .containsPattern("\"etc_memory_vs_slot1024\":\\d")
        .containsPattern("\"bytes_per_stored_byte\":\\d")
        .contains("\"pool\":\"hash\"")
        .containsPattern("\"get_vs_slot_max\":\\d")
        .containsPattern("\"set_vs_slot_max\":\\d");
    for (String name :
        List.of("throughput-uniform-get100", "memory-etc", "program-get", "program-stages")) {
      assertThat(figures.resolve(name + ".csv")).content().contains("_min");
      assertThat(figures.resolve(name + ".png")).isNotEmptyFile();
      assertThat(figures.resolve(name + ".svg")).isNotEmptyFile();
      assertThat(read(figures.resolve("index.html"))).contains("id=\"" + name + "-");
    }
    assertThat(figures.resolve("kv.csv")).content().startsWith("system,").contains("\nkerby,");
    assertThat(figures.resolve("results.json")).content().contains("\"kernel\"", "\"cells\"");
    assertThat(figures.resolve("index.html"))
        .content()
        .contains("Figure 1", "Figure 2", "Figure 3", "Program times", "not measured")
        .contains("./kerby figures kv ", "./kerby loadgen --topology veth ");

    // As if the first run had been killed while it wrote the last cell.
    Path file = figures.resolve("measurements.jsonl");
    String all = read(file);
    String whole = all.substring(0, all.lastIndexOf('\n', all.length() - 2) + 1);
    Files.writeString(file, all.substring(0, whole.length() + 10));
    Run second = runKv();
    long cells = all.lines().count() - 1;
    assertThat(read(file)).startsWith(whole);
    assertThat(read(file).lines().count()).isEqualTo(all.lines().count());
    assertThat(second.log())
        .contains("has " + (cells - 1) + " measurements; going on")
        .contains("[" + cells + "/" + cells + "] ")
        .doesNotContain("[" + (cells - 1) + "/" + cells + "] ");
  }

  @Test
  void lockManagersAreMeasuredAndDrawn() throws Exception {
    Run run = run("lock", "--duration=40");
    Path figures = directory.resolve("figures");
    assertThat(run.json())
        .containsPattern("\"contended_vs_dint\":\\d")
        .containsPattern("\"p999_wait_vs_dint\":\\d")
        .containsPattern("\"uncontended_vs_dint\":\\d")
        .containsPattern("\"jain\":[01]\\.\\d");
    for (String name :
        List.of(
            "locks-zipf-hold10-acquired",
            "locks-uniform-hold10-jain",
            "transactions-wait-p999",
            "engines-wait-longest",
            "memory-by-capacity")) {
      assertThat(figures.resolve(name + ".png")).isNotEmptyFile();
      assertThat(figures.resolve(name + ".svg")).isNotEmptyFile();
      assertThat(read(figures.resolve("index.html"))).contains("id=\"" + name + "-");
    }
    assertThat(figures.resolve("lock.csv"))
        .content()
        .startsWith("system,")
        .contains("\nkerby,", "\ndint,", "\nqueue,");
    assertThat(figures.resolve("results.json")).content().contains("\"kernel\"", "\"cells\"");
    assertThat(figures.resolve("index.html")).content().contains("Figure 4", "Figure 5");
  }
}
