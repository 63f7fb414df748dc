package org.kerbykv.loadgen.docker;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Runs commands at the root of the source tree. */
final class Cli {
  static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

  /** How a command ended. */
  record Ended(int exitCode, String output) {}

  private Cli() {}

  /** Runs a command, with more environment variables, and returns what it printed. */
  static Ended run(Map<String, String> environment, List<String> command)
      throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(ROOT.toFile()).redirectErrorStream(true);
    builder.environment().putAll(environment);
    Process process = builder.start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);
    return new Ended(process.waitFor(), output.strip());
  }

  /** Runs a command that must succeed, and returns what it printed. */
  static String succeed(Map<String, String> environment, List<String> command)
      throws IOException, InterruptedException {
    Ended ended = run(environment, command);
    if (ended.exitCode() != 0) {
      throw new AssertionError(
          String.join(" ", command) + " ended with " + ended.exitCode() + ":\n" + ended.output());
    }
    return ended.output();
  }
}
