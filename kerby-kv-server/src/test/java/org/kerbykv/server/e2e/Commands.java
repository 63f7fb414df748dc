package org.kerbykv.server.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs other programs to their end. */
final class Commands {
  private static final long SECONDS_MAX = 60;

  private Commands() {}

  /**
   * What a program left behind.
   *
   * @param exitCode -1 if it did not end in time and was ended
   */
  record Result(int exitCode, String output, String errors) {
    String all() {
      return output + errors;
    }
  }

  /** Runs a program that has to succeed; returns its standard output. */
  static String run(List<String> command) {
    Result result = execute(command);
    if (result.exitCode() != 0) {
      throw new AssertionError(
          "%s: exit code %d: %s"
              .formatted(String.join(" ", command), result.exitCode(), result.all()));
    }
    return result.output();
  }

  /** Runs a program, for a minute at most. */
  static Result execute(List<String> command) {
    Path output = null;
    Path errors = null;
    try {
      // Into files, so that a full pipe never holds the program up.
      output = Files.createTempFile("kerby-e2e", ".out");
      errors = Files.createTempFile("kerby-e2e", ".err");
      Process process =
          new ProcessBuilder(command)
              .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
              .redirectOutput(output.toFile())
              .redirectError(errors.toFile())
              .start();
      int exitCode = -1;
      try {
        if (process.waitFor(SECONDS_MAX, TimeUnit.SECONDS)) {
          exitCode = process.exitValue();
        }
      } finally {
        end(process);
      }
      return new Result(
          exitCode, Files.readString(output, ISO_8859_1), Files.readString(errors, ISO_8859_1));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(String.join(" ", command), e);
    } finally {
      delete(output);
      delete(errors);
    }
  }

  /** Ends a program that is still running, and waits for that. */
  static void end(Process process) {
    process.destroyForcibly();
    boolean interrupted = Thread.interrupted();
    process.onExit().join();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static void delete(Path file) {
    if (file != null) {
      try {
        Files.deleteIfExists(file);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
