package org.kerbykv.loadgen.demo;

import java.io.IOException;
import java.io.PrintStream;
import java.net.DatagramSocket;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.util.List;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.report.ServerMetrics;
import org.kerbykv.loadgen.topology.ServerProcess;

/**
 * The demonstration's server: a process of its own on the loopback interface. It ends when this is
 * closed, and, where the system can do that, when the demonstration is killed.
 */
final class DemoServer implements AutoCloseable {
  private static final InetAddress HOST = InetAddress.ofLiteral("127.0.0.1");

  private static final int HEALTH_MILLIS_MAX = 1000;

  private final ServerProcess process;
  private final int port;
  private final int metricsPort;

  private DemoServer(ServerProcess process, int port, int metricsPort) {
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
    try {
      int ownPort = port == 0 ? freePort() : port;
      int metricsPort = freePort();
      List<String> command =
          ServerProcess.javaCommand(
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
              Integer.toString(metricsPort));
      return new DemoServer(ServerProcess.start(List.of(), command, log), ownPort, metricsPort);
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

  /** Waits until the server says that it is ready. */
  void awaitReady() throws LoadException, InterruptedException {
    process.awaitReady(this::isHealthy);
  }

  private boolean isHealthy() {
    try {
      HttpURLConnection connection = (HttpURLConnection) page("/health").toURL().openConnection();
      connection.setConnectTimeout(HEALTH_MILLIS_MAX);
      connection.setReadTimeout(HEALTH_MILLIS_MAX);
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
      throw new LoadException(
          "the server gives no metrics: " + e.getMessage() + process.lastLine(), e);
    }
  }

  /** Ends the server. May be called again. */
  @Override
  public void close() {
    process.close();
  }
}
