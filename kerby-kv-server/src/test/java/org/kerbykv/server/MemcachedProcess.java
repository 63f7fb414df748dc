package org.kerbykv.server;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Debian's memcached, the reference, on a free port of 127.0.0.1, TCP and UDP. */
public final class MemcachedProcess implements AutoCloseable {
  private static final Path BINARY = Path.of("/usr/bin/memcached");

  private final Process process;
  private final InetSocketAddress address;

  private MemcachedProcess(Process process, int port) {
    this.process = process;
    this.address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  /** Starts it; skips the test where it is not installed. */
  public static MemcachedProcess start() throws IOException {
    assumeTrue(Files.isExecutable(BINARY), "Debian package memcached is not installed");
    int port = freePort();
    Process process =
        new ProcessBuilder(
                List.of(
                    BINARY.toString(),
                    "-u",
                    "nobody",
                    "-l",
                    "127.0.0.1",
                    "-m",
                    "256",
                    "-t",
                    "1",
                    "-p",
                    "" + port,
                    "-U",
                    "" + port))
            .redirectOutput(Redirect.DISCARD)
            .redirectError(Redirect.DISCARD)
            .start();
    MemcachedProcess memcached = new MemcachedProcess(process, port);
    memcached.awaitListening();
    return memcached;
  }

  public InetSocketAddress address() {
    return address;
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

  private void awaitListening() {
    for (int tries = 0; tries < 100; tries++) {
      try (Socket socket = new Socket()) {
        socket.connect(address, 1000);
        return;
      } catch (IOException e) {
        try {
          Thread.sleep(50);
        } catch (InterruptedException interrupted) {
          Thread.currentThread().interrupt();
          break;
        }
      }
    }
    close();
    throw new IllegalStateException("memcached does not listen on " + address);
  }

  /** Returns a port that is free for TCP and UDP. */
  static int freePort() {
    for (int tries = 0; tries < 100; tries++) {
      try (ServerSocket tcp = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
          DatagramSocket udp =
              new DatagramSocket(tcp.getLocalPort(), InetAddress.getLoopbackAddress())) {
        return udp.getLocalPort();
      } catch (IOException e) {
        // The port is taken for UDP: another one.
      }
    }
    throw new UncheckedIOException(new IOException("no free port"));
  }
}
