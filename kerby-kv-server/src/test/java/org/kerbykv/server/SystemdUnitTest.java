package org.kerbykv.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The unit file is one that systemd takes without a word. */
class SystemdUnitTest {
  private static final Path UNIT = Path.of("src/main/systemd/kerby-kv.service");

  @TempDir private Path directory;

  @Test
  void systemdFindsNothingWrong() throws IOException, InterruptedException {
    Path tool = Path.of("/usr/bin/systemd-analyze");
    assumeThat(tool).exists();
    // It looks whether the program is there, which is installed elsewhere.
    String installed = "/opt/kerby/java/bin/java";
    String text = Files.readString(UNIT);
    assertThat(text).contains("ExecStart=" + installed + " ");
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    Path unit =
        Files.writeString(directory.resolve(UNIT.getFileName()), text.replace(installed, java));
    Process process =
        new ProcessBuilder(tool.toString(), "verify", unit.toString())
            .redirectErrorStream(true)
            .start();
    assertThat(new String(process.getInputStream().readAllBytes(), UTF_8)).isEmpty();
    assertThat(process.waitFor()).isZero();
  }
}
