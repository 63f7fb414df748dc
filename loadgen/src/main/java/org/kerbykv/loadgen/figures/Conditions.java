package org.kerbykv.loadgen.figures;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Under what figures are measured: the machine, and the versions of what runs on it. */
final class Conditions {
  /** Set by the launcher: what is being measured, as git describes it. */
  private static final String VERSION_VARIABLE = "KERBY_VERSION";

  private static final int ANSWER_SECONDS_MAX = 5;
  private static final String UNKNOWN = "unknown";

  private Conditions() {}

  static Map<String, String> ofThisMachine() {
    Map<String, String> conditions = new LinkedHashMap<>();
    conditions.put("version", System.getenv().getOrDefault(VERSION_VARIABLE, UNKNOWN));
    conditions.put("processor", processor());
    conditions.put("cpus", Integer.toString(Runtime.getRuntime().availableProcessors()));
    conditions.put("memory", memory());
    conditions.put("kernel", firstLine("uname", "-srvm"));
    conditions.put("jdk", Runtime.version().toString());
    conditions.put("memcached", firstLine("memcached", "-V"));
    conditions.put("clang", firstLine("clang-19", "--version"));
    return conditions;
  }

  private static String processor() {
    return lineOf("/proc/cpuinfo", "model name").orElse(System.getProperty("os.arch"));
  }

  private static String memory() {
    return lineOf("/proc/meminfo", "MemTotal").orElse(UNKNOWN);
  }

  private static Optional<String> lineOf(String file, String name) {
    try (var lines = Files.lines(Path.of(file))) {
      return lines
          .filter(line -> line.startsWith(name))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static String firstLine(String... command) {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String output = new String(process.getInputStream().readAllBytes(), UTF_8);
      return process.waitFor(ANSWER_SECONDS_MAX, TimeUnit.SECONDS) && process.exitValue() == 0
          ? output.lines().findFirst().orElse(UNKNOWN)
          : UNKNOWN;
    } catch (IOException e) {
      return "not installed";
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return UNKNOWN;
    }
  }
}
