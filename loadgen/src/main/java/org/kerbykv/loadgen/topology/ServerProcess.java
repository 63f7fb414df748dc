package org.kerbykv.loadgen.topology;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.kerbykv.loadgen.engine.LoadException;

/**
 * A server that is a process of its own. It ends when this is closed, and, where the system can do
 * that, when this process is killed. Usable from any thread.
 */
public final class ServerProcess implements AutoCloseable {
  /** Set by the launcher: where the server's classes are, and what its JVM must be told. */
  private static final String CLASS_PATH_VARIABLE = "KERBY_SERVER_CLASS_PATH";

  private static final String JVM_FLAGS_VARIABLE = "KERBY_JVM_FLAGS";

  /** Part of util-linux: lets a child end with its parent. */
  private static final Path SETPRIV = Path.of("/usr/bin/setpriv");

  private static final long START_SECONDS_MAX = 120;
  private static final long STOP_SECONDS_MAX = 15;
  private static final long POLL_MILLIS = 20;
  private static final Duration LAST_WORDS_MAX = Duration.ofSeconds(1);
  private static final int OUTPUT_LINES_MAX = 20;

  private final Process process;
  private final Deque<String> lastOutput = new ArrayDeque<>();
  private final Thread follower;
  private volatile boolean saidReady;

  private ServerProcess(Process process, PrintStream log) {
    this.process = process;
    this.follower = Thread.ofPlatform().name("server-output").daemon().unstarted(() -> follow(log));
  }

  /**
   * Starts a process.
   *
   * @param around words before the command, such as nsenter and its options
   * @param log where the process's own messages go
   */
  public static ServerProcess start(List<String> around, List<String> command, PrintStream log)
      throws LoadException {
    List<String> words = new ArrayList<>();
    if (Files.isExecutable(SETPRIV)) {
      words.addAll(List.of(SETPRIV.toString(), "--pdeathsig", "SIGTERM", "--"));
    }
    words.addAll(around);
    words.addAll(command);
    try {
      ServerProcess server =
          new ServerProcess(new ProcessBuilder(words).redirectErrorStream(true).start(), log);
      server.follower.start();
      return server;
    } catch (IOException e) {
      throw new LoadException("the server cannot be started: " + e.getMessage(), e);
    }
  }

  /** The command that runs a class of the server's, with what its JVM must be told. */
  public static List<String> javaCommand(String mainClass, String... arguments)
      throws LoadException {
    String classPath = System.getenv(CLASS_PATH_VARIABLE);
    if (classPath == null) {
      throw new LoadException("run it by ./kerby, which says where the server is");
    }
    return classCommand(classPath, mainClass, arguments);
  }

  static List<String> classCommand(String classPath, String mainClass, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    String flags = System.getenv().getOrDefault(JVM_FLAGS_VARIABLE, "");
    Arrays.stream(flags.split(" ")).filter(flag -> !flag.isEmpty()).forEach(command::add);
    command.addAll(List.of("-cp", classPath, mainClass));
    command.addAll(List.of(arguments));
    return command;
  }

  private void follow(PrintStream log) {
    try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line; (line = lines.readLine()) != null; ) {
        log.println("server: " + line);
        synchronized (lastOutput) {
          lastOutput.add(line);
          if (lastOutput.size() > OUTPUT_LINES_MAX) {
            lastOutput.remove();
          }
        }
        if (line.startsWith("ready")) {
          saidReady = true;
        }
      }
    } catch (IOException e) {
      // The process has ended.
    }
  }

  /** Waits until the server has printed a line that begins with "ready". */
  public void awaitReady() throws LoadException, InterruptedException {
    awaitReady(() -> saidReady);
  }

  /** Waits until the server is ready. */
  public void awaitReady(BooleanSupplier isReady) throws LoadException, InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS_MAX);
    while (!isReady.getAsBoolean()) {
      if (process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
        throw new LoadException(
            "the server ended with exit code " + process.exitValue() + lastLine());
      }
      if (System.nanoTime() - end > 0) {
        throw new LoadException("the server is not ready after " + START_SECONDS_MAX + " s");
      }
    }
  }

  /** What the server said last, behind a colon; "" if nothing. */
  public String lastLine() {
    synchronized (lastOutput) {
      return lastOutput.isEmpty() ? "" : ": " + lastOutput.getLast();
    }
  }

  /** The process's number. */
  public long pid() {
    return process.pid();
  }

  /** Whether the server has said that it is ready. */
  public boolean isReady() {
    return saidReady;
  }

  /** Ends the server as the kernel would, without a last word, and waits until it is gone. */
  public void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** Ends the server, by force if it does not end by itself. May be called again. */
  @Override
  public void close() {
    process.toHandle().destroy(); // Process.destroy would also close what it still has to say
    boolean interrupted = false;
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(STOP_SECONDS_MAX);
    while (process.isAlive()) {
      try {
        if (!process.waitFor(end - System.nanoTime(), TimeUnit.NANOSECONDS)) {
          process.destroyForcibly();
          end = System.nanoTime() + TimeUnit.SECONDS.toNanos(STOP_SECONDS_MAX);
        }
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    try {
      follower.join(LAST_WORDS_MAX);
    } catch (InterruptedException e) {
      interrupted = true;
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
