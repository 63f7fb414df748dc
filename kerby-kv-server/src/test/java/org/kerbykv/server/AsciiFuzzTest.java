package org.kerbykv.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Jazzer on the ASCII protocol, {@link AsciiFuzz}, with the streams of the differential tests for a
 * beginning, and what it ever found. For five seconds, or {@code -Dkerby.fuzz.seconds=}; what it
 * finds is kept in {@code target/fuzz} and belongs to {@code src/test/fuzz/ascii} once it is
 * understood.
 */
class AsciiFuzzTest {
  private static final Path FOUND = Path.of("src/test/fuzz/ascii");
  private static final Path KEPT = Path.of("target/fuzz");
  private static final long SECONDS = Long.getLong("kerby.fuzz.seconds", 5);
  private static final int SEEDS = 200;
  private static final int REQUESTS = 6;

  /** Below the length at which memcached no longer waits for the end of a line. */
  private static final int INPUT_MAX = 2000;

  @TempDir private Path directory;

  @Test
  void whateverIsSentIsAnsweredHoweverItIsCut() throws Exception {
    Path seeds = Files.createDirectory(directory.resolve("seeds"));
    writeSeeds(seeds);
    Files.createDirectories(KEPT);
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-XX:+EnableDynamicAgentLoading",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                System.getProperty("java.class.path"),
                "com.code_intelligence.jazzer.Jazzer",
                "--target_class=" + AsciiFuzz.class.getName(),
                "--instrumentation_includes=org.kerbykv.**",
                // Netty may use Unsafe.
                "--disabled_hooks=com.code_intelligence.jazzer.sanitizers.UnsafeSanitizer",
                "--reproducer_path=" + directory,
                "-max_total_time=" + SECONDS,
                "-max_len=" + INPUT_MAX,
                "-timeout=10",
                "-artifact_prefix=" + KEPT.toAbsolutePath() + "/",
                Files.createDirectory(directory.resolve("corpus")).toString(),
                seeds.toString()));
    if (Files.isDirectory(FOUND)) {
      command.add(FOUND.toString());
    }
    String said = run(command);
    assertThat(said).contains("DONE");
    System.out.println(
        "AsciiFuzzTest: "
            + said.lines().filter(line -> line.startsWith("Done ")).findFirst().orElse(""));
  }

  private static void writeSeeds(Path directory) throws Exception {
    CommandStreams streams = new CommandStreams(new Random(1), "");
    for (int i = 0; i < SEEDS; i++) {
      StringBuilder input = new StringBuilder().append((char) (i % 50));
      for (int j = 0; j < REQUESTS; j++) {
        input.append(streams.next());
      }
      Files.write(directory.resolve("seed" + i), input.toString().getBytes(ISO_8859_1));
    }
  }

  private String run(List<String> command) throws Exception {
    Path output = directory.resolve("output");
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    boolean ended = process.waitFor(SECONDS + 120, TimeUnit.SECONDS);
    process.destroyForcibly().waitFor();
    String said = Files.readString(output, ISO_8859_1);
    assertThat(ended).as(said).isTrue();
    assertThat(process.exitValue()).as(said).isZero();
    return said;
  }
}
