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
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.kerbykv.bpf.NetworkNamespace;

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
    int port = freePort();
    return start(new ProcessBuilder(command(port)), port, Callable::call);
  }

  /** Starts it with more options, of which the last of a kind counts; see {@link #start()}. */
  public static MemcachedProcess startWith(String... options) throws IOException {
    int port = freePort();
    List<String> command = new ArrayList<>(command(port));
    command.addAll(List.of(options));
    return start(new ProcessBuilder(command), port, Callable::call);
  }

  /** Starts it in a network namespace. */
  public static MemcachedProcess start(NetworkNamespace namespace) throws IOException {
    int port = namespace.call(MemcachedProcess::freePort);
    String[] command = command(port).toArray(String[]::new);
    return start(new ProcessBuilder(namespace.command(command)), port, namespace::call);
  }

  private interface Place {
    boolean call(Callable<Boolean> attempt) throws Exception;
  }

  private static MemcachedProcess start(ProcessBuilder builder, int port, Place place)
      throws IOException {
    assumeTrue(Files.isExecutable(BINARY), "Debian package memcached is not installed");
    Process process =
        builder.redirectOutput(Redirect.DISCARD).redirectError(Redirect.DISCARD).start();
    MemcachedProcess memcached = new MemcachedProcess(process, port);
    memcached.awaitListening(place);
    return memcached;
  }

  private static List<String> command(int port) {
    return List.of(
        BINARY.toString(),
        "-u",
        "nobody",
        "-l",
        "127.0.0.1",
        "-m",
        "256",
        "-t",
        "1",
        // Its background threads hold items now and then, which can be seen.
        "-o",
        "no_lru_maintainer,no_lru_crawler",
        "-p",
        "" + port,
        "-U",
        "" + port);
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

  private void awaitListening(Place place) {
    try {
      for (int tries = 0; tries < 100; tries++) {
        if (place.call(this::accepts)) {
          return;
        }
        Thread.sleep(50);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (Exception e) {
      close();
      throw new IllegalStateException(e);
    }
    close();
    throw new IllegalStateException("memcached does not listen on " + address);
  }

  private boolean accepts() {
    try (Socket socket = new Socket()) {
      socket.connect(address, 1000);
      return true;
    } catch (IOException e) {
      return false;
    }
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
