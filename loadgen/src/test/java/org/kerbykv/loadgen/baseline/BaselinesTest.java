package org.kerbykv.loadgen.baseline;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.loadgen.cli.Main;

/**
 * Every target that keeps items, under a load that compares all it reads: none is damaged, none is
 * missing, and none of the requests is refused.
 */
@RequiresBPF
@Timeout(120)
class BaselinesTest {
  private static final int KEYS = 5000;
  private static final int REQUESTS = 20_000;

  /** As many as memcached's socket takes at once. */
  private static final int OUTSTANDING = 24;

  @TempDir private Path output;
  private Process process;

  @AfterEach
  void endWhatAFailedTestLeft() {
    if (process != null) {
      process.destroy();
    }
  }

  /** What a load printed. */
  private record Run(String target, String json, String messages) {
    long figure(String key) {
      Matcher matcher = Pattern.compile('"' + key + "\":([0-9]+)[,.}]").matcher(json);
      assertThat(matcher.find()).as("%s in %s", key, json).isTrue();
      return Long.parseLong(matcher.group(1));
    }

    /** How many items were stored in memcached because the kernel had no room. */
    long writtenBack() {
      Matcher matcher = Pattern.compile("wrote back ([0-9]+) items").matcher(messages);
      assertThat(matcher.find()).as(messages).isTrue();
      return Long.parseLong(matcher.group(1));
    }
  }

  private Run load(String engine, String target, String... more)
      throws IOException, InterruptedException {
    String classPath = System.getProperty("java.class.path");
    String flags = "--enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow";
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(flags.split(" ")));
    command.addAll(List.of("-cp", classPath, Main.class.getName()));
    command.addAll(List.of("--topology", "veth", "--target", target, "--engine", engine));
    command.addAll(List.of("--keys", Integer.toString(KEYS), "--read-ratio", "0.7", "--verify"));
    command.addAll(List.of("--outstanding", Integer.toString(OUTSTANDING)));
    command.addAll(
        List.of("--requests", Integer.toString(REQUESTS), "--duration", "60", "--timeout", "2000"));
    command.addAll(List.of("--json"));
    command.addAll(List.of(more));
    Path out = output.resolve("out");
    Path err = output.resolve("err");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
    builder.environment().put("KERBY_SERVER_CLASS_PATH", classPath);
    builder.environment().put("KERBY_JVM_FLAGS", flags);
    process = builder.start();
    assertThat(process.waitFor(100, TimeUnit.SECONDS)).isTrue();
    String messages = Files.readString(err);
    assertThat(process.exitValue()).as(messages).isZero();
    return new Run(target, Files.readAllLines(out).getLast(), messages);
  }

  private static void assertSound(Run run) {
    assertThat(run.figure("sent")).isEqualTo(REQUESTS);
    assertThat(run.figure("corrupt")).isZero();
    assertThat(run.figure("misses")).isZero();
    // DINT-KV rejects who finds a bucket's lock held, which is long only where a CPU that holds one
    // is taken away.
    long errors = run.figure("errors");
    assertThat(errors).isLessThanOrEqualTo(run.target().equals("dint") ? REQUESTS / 1000 : 0);
    assertThat(run.figure("hits") + run.figure("stored") + run.figure("lost") + errors)
        .isEqualTo(REQUESTS);
    assertThat(run.figure("stored")).isPositive();
  }

  @ParameterizedTest
  @CsvSource({
    "xdp, kerby",
    "socket, netty",
    "xdp, memcached",
    "socket, dint",
    "xdp, dint",
    "socket, bmc",
    "xdp, bmc"
  })
  void everyTargetKeepsWhatItIsGiven(String engine, String target) throws Exception {
    assertSound(load(engine, target, "--value-size", "0-1000"));
  }

  /** Five keys to a slot: most sets find their bucket full of what nobody has written yet. */
  @ParameterizedTest
  @CsvSource({"socket", "xdp"})
  void dintLosesNothingOfMoreThanItsSlotsHold(String engine) throws Exception {
    Run run =
        load(
            engine,
            "dint",
            "--value-size",
            "0-256",
            "--server-option=--slot-size",
            "--server-option=256",
            "--server-option=--slots",
            "--server-option=1000");
    assertSound(run);
    assertThat(run.writtenBack()).isGreaterThan(500);
  }

  /** The replies of socket clients, whose requests leave no room for them. */
  @Test
  void theLongestSlotIsReadThroughSockets() throws Exception {
    assertSound(
        load(
            "socket",
            "dint",
            "--value-size",
            "1024",
            "--server-option=--slot-size",
            "--server-option=1024"));
  }
}
