package org.kerbykv.loadgen.demo;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.net.DatagramSocket;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.report.ServerMetrics;

/**
 * The demonstration's server: a process of its own on the loopback interface. It ends when this is
 * closed, and, where the system can do that, when the demonstration is killed.
 */
final class DemoServer implements AutoCloseable {
  private static final InetAddress HOST = InetAddress.ofLiteral("127.0.0.1");

  /** Set by the launcher: where the server's classes are, and what its JVM must be told. */
  private static final String CLASS_PATH_VARIABLE = "KERBY_SERVER_CLASS_PATH";

  private static final String JVM_FLAGS_VARIABLE = "KERBY_JVM_FLAGS";

  /** Part of util-linux: lets a child end with its parent. */
  private static final Path SETPRIV = Path.of("/usr/bin/setpriv");

  private static final long START_SECONDS_MAX = 30;
  private static final long STOP_SECONDS_MAX = 15;
  private static final long POLL_MILLIS = 20;
  private static final int OUTPUT_LINES_MAX = 20;

  private final Process process;
  private final int port;
  private final int metricsPort;
  private final Deque<String> lastOutput = new ArrayDeque<>();

  private DemoServer(Process process, int port, int metricsPort) {
    this.process = process;
    this.port = port;
    this.metricsPort = metricsPort;
  }

  /**
   * Starts a server; {@link #awaitReady} waits for it.
   *
   * @param port for UDP and TCP, or 0 for any that is free
   * @param userMemoryMib memory for values outside the kernel
   * @param log where the server's own messages go
   */
  static DemoServer start(int port, String xdp, long userMemoryMib, PrintStream log)
      throws LoadException {
    String classPath = System.getenv(CLASS_PATH_VARIABLE);
    if (classPath == null) {
      throw new LoadException("run it as ./kerby demo, which says where the server is");
    }
    try {
      int ownPort = port == 0 ? freePort() : port;
      int metricsPort = freePort();
      List<String> command = new ArrayList<>();
      if (Files.isExecutable(SETPRIV)) {
        command.addAll(List.of(SETPRIV.toString(), "--pdeathsig", "SIGTERM", "--"));
      }
      command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      String flags = System.getenv().getOrDefault(JVM_FLAGS_VARIABLE, "");
      Arrays.stream(flags.split(" ")).filter(flag -> !flag.isEmpty()).forEach(command::add);
      command.addAll(
          List.of(
              "-cp",
              classPath,
              "org.kerbykv.server.Main",
              "server",
              "--port",
              Integer.toString(ownPort),
              "--udp-port",
              Integer.toString(ownPort),
              "--listen",
              HOST.getHostAddress(),
              "--interface",
              "lo",
              "--xdp",
              xdp,
              "--user-memory",
              Long.toString(userMemoryMib),
              "--metrics-port",
              Integer.toString(metricsPort)));
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      DemoServer server = new DemoServer(process, ownPort, metricsPort);
      Thread.ofVirtual().start(() -> server.follow(log));
      return server;
    } catch (IOException e) {
      throw new LoadException("the server cannot be started: " + e.getMessage(), e);
    }
  }

  /** A port that is free for TCP and UDP right now. */
  private static int freePort() throws IOException {
    while (true) {
      try (ServerSocket tcp = new ServerSocket(0, 1, HOST);
          DatagramSocket udp = new DatagramSocket(tcp.getLocalPort(), HOST)) {
        return udp.getLocalPort();
      } catch (java.net.BindException e) {
        // free for TCP alone: another
      }
    }
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
      }
    } catch (IOException e) {
      // The process has ended.
    }
  }

  /** Waits until the server says that it is ready. */
  void awaitReady() throws LoadException, InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS_MAX);
    while (!isHealthy()) {
      if (process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
        throw new LoadException(
            "the server ended with exit code " + process.exitValue() + lastLine());
      }
      if (System.nanoTime() - end > 0) {
        throw new LoadException("the server is not ready after " + START_SECONDS_MAX + " s");
      }
    }
  }

  private String lastLine() {
    synchronized (lastOutput) {
      return lastOutput.isEmpty() ? "" : ": " + lastOutput.getLast();
    }
  }

  private boolean isHealthy() {
    try {
      HttpURLConnection connection = (HttpURLConnection) page("/health").toURL().openConnection();
      connection.setConnectTimeout((int) TimeUnit.SECONDS.toMillis(1));
      connection.setReadTimeout((int) TimeUnit.SECONDS.toMillis(1));
      try {
        return connection.getResponseCode() == HttpURLConnection.HTTP_OK;
      } finally {
        connection.disconnect();
      }
    } catch (IOException e) {
      return false;
    }
  }

  private URI page(String path) {
    return URI.create("http://" + HOST.getHostAddress() + ":" + metricsPort + path);
  }

  InetSocketAddress address() {
    return new InetSocketAddress(HOST, port);
  }

  ServerMetrics metrics() throws LoadException {
    try {
      return ServerMetrics.read(page("/metrics"));
    } catch (IOException e) {
      throw new LoadException("the server gives no metrics: " + e.getMessage() + lastLine(), e);
    }
  }

  /** Ends the server, by force if it does not end by itself. May be called again. */
  @Override
  public void close() {
    process.destroy();
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
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
