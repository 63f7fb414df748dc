package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * libFuzzer on Kerby-KV's programs compiled for user space, {@code src/test/bpf/fuzz}: with the
 * frames of the fixtures for a beginning, and what it ever found. For five seconds, or {@code
 * -Dkerby.fuzz.seconds=}; what it finds is kept in {@code target/fuzz} and belongs to {@code
 * src/test/bpf/fuzz/found} once it is understood.
 */
class PacketFuzzTest {
  private static final Path SOURCE = Path.of("src/test/bpf/fuzz");
  private static final Path FOUND = SOURCE.resolve("found");
  private static final Path KEPT = Path.of("target/fuzz");
  private static final long SECONDS = Long.getLong("kerby.fuzz.seconds", 5);
  private static final int INPUT_MAX = 2000;

  // Choices, in an input's first byte.
  private static final int TC = 1;
  private static final int ROOM = 2;

  @TempDir private Path directory;

  @Test
  void nothingThatComesInViolatesAProperty() throws Exception {
    Path fuzzer = compile();
    Path seeds = Files.createDirectory(directory.resolve("seeds"));
    write(seeds);
    Files.createDirectories(KEPT);
    List<String> command =
        new ArrayList<>(
            List.of(
                fuzzer.toString(),
                "-max_total_time=" + SECONDS,
                "-max_len=" + INPUT_MAX,
                "-timeout=10",
                "-print_final_stats=1",
                "-artifact_prefix=" + KEPT.toAbsolutePath() + "/",
                Files.createDirectory(directory.resolve("corpus")).toString(),
                seeds.toString()));
    if (Files.isDirectory(FOUND)) {
      command.add(FOUND.toString());
    }
    String said = run(command, SECONDS + 120);
    System.out.println(
        "PacketFuzzTest: "
            + said.lines().filter(line -> line.startsWith("Done ")).findFirst().orElse(""));
  }

  private Path compile() throws Exception {
    String clang = System.getProperty("bpf.clang", "clang-19");
    Path fuzzer = directory.resolve("packet_fuzz");
    String runtime = run(List.of(clang, "-print-file-name=libclang_rt.fuzzer-x86_64.a"), 60);
    assumeTrue(
        !System.getProperty("os.arch").equals("amd64") || runtime.contains(File.separator),
        "libFuzzer is not installed: Debian package libclang-rt-19-dev");
    run(
        List.of(
            clang,
            "-g",
            "-O1",
            "-fsanitize=fuzzer,address,undefined",
            "-fno-sanitize=alignment", // which programs may do without
            "-fno-sanitize-recover=undefined",
            "-Wall",
            "-Werror",
            "-I" + SOURCE,
            "-Isrc/main/bpf",
            SOURCE.resolve("packet_fuzz.c").toString(),
            "-o",
            fuzzer.toString()),
        200);
    return fuzzer;
  }

  /** Each fixture's frame, for each door, with room behind it. */
  private static void write(Path seeds) throws IOException {
    int number = 0;
    for (PacketFixture fixture : fixtures()) {
      byte[] frame = fixture.frame(Headers.IP4).bytes();
      for (int choices : new int[] {ROOM, ROOM | TC}) {
        ByteArrayOutputStream input = new ByteArrayOutputStream();
        input.write(choices);
        input.writeBytes(frame);
        Files.write(seeds.resolve(Integer.toString(number++)), input.toByteArray());
      }
    }
    assertThat(number).isGreaterThan(1000);
  }

  private static List<PacketFixture> fixtures() {
    KvConfig config = KvConfig.of(128);
    return Stream.concat(
            RequestFixtures.of(config), Stream.of(HeaderFixtures.all(), OtherHeaderFixtures.all()))
        .flatMap(List::stream)
        .toList();
  }

  private static String run(List<String> command, long secondsMax) throws Exception {
    Path output = Files.createTempFile("kerby-fuzz", ".out");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
      boolean ended = process.waitFor(secondsMax, TimeUnit.SECONDS);
      process.destroyForcibly().waitFor();
      String said = Files.readString(output);
      assertThat(ended).as(said).isTrue();
      assertThat(process.exitValue()).as(said).isZero();
      return said;
    } finally {
      Files.delete(output);
    }
  }
}
