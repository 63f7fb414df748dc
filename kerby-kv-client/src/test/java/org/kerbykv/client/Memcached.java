package org.kerbykv.client;

import java.io.File;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/** A memcached of this machine, on one free port for TCP and UDP, while a test runs. */
public final class Memcached implements AutoCloseable {
  private static final int START_ATTEMPTS = 20;

  private final Process process;
  private final int port;

  private Memcached(Process process, int port) {
    this.process = process;
    this.port = port;
  }

  /** Starts one with further options; skips the test if it is not installed. */
  public static Memcached start(String... options) throws IOException, InterruptedException {
    Assumptions.assumeTrue(
        new File("/usr/bin/memcached").canExecute(), "Debian package memcached is not installed");
    for (int attempt = 0; attempt < START_ATTEMPTS; attempt++) {
      Memcached server = launch(freePort(), options);
      if (server.answers()) {
        return server;
      }
      server.close(); // somebody else was faster at this port
    }
    throw new IOException("memcached did not start");
  }

  /** Starts one on this port, which is free. */
  static Memcached startAt(int port) throws IOException, InterruptedException {
    Memcached server = launch(port);
    if (!server.answers()) {
      server.close();
      throw new IOException("memcached did not start on port " + port);
    }
    return server;
  }

  private static Memcached launch(int port, String... options) throws IOException {
    String number = Integer.toString(port);
    List<String> command =
        new ArrayList<>(
            List.of(
                "/usr/bin/memcached",
                "-l",
                "127.0.0.1",
                "-p",
                number,
                "-U",
                number,
                "-u",
                "nobody",
                "-m",
                "256"));
    command.addAll(List.of(options));
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    return new Memcached(process, port);
  }

  /** A port that is free for TCP and UDP right now. */
  static int freePort() throws IOException {
    InetAddress loopback = InetAddress.getLoopbackAddress();
    while (true) {
      try (ServerSocket tcp = new ServerSocket(0, 1, loopback);
          DatagramSocket udp = new DatagramSocket(tcp.getLocalPort(), loopback)) {
        return udp.getLocalPort();
      } catch (java.net.BindException e) {
        // taken for UDP: another
      }
    }
  }

  private boolean answers() throws InterruptedException {
    for (int i = 0; i < 100 && process.isAlive(); i++) {
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
        socket.setSoTimeout(1000);
        socket
            .getOutputStream()
            .write("version\r\n".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
        return socket.getInputStream().read() == 'V' && process.isAlive();
      } catch (IOException e) {
        Thread.sleep(20);
      }
    }
    return false;
  }

  /** Where it listens, for TCP and UDP. */
  public InetSocketAddress address() {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(5, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
