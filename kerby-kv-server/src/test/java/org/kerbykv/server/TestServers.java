package org.kerbykv.server;

import java.net.InetAddress;
import java.util.Optional;
import org.kerbykv.server.lock.LockOptions;
import org.kerbykv.server.net.ConnectionLimits;

/** Configurations for tests. */
public final class TestServers {
  static final long MIB = 1 << 20;

  private TestServers() {}

  /** Returns a server without eBPF, on any free port of the loopback address. */
  public static ServerConfig userSpace() {
    return userSpace(2, 1400);
  }

  static ServerConfig userSpace(int threads, int datagramMax) {
    return config(InetAddress.getLoopbackAddress(), threads, datagramMax, 256 * MIB, 1024);
  }

  static ServerConfig withConnections(ConnectionLimits connections) {
    return config(InetAddress.getLoopbackAddress(), 2, 1400, 64 * MIB, connections);
  }

  /** Returns a server whose store is in the kernel, on any free port of 127.0.0.1. */
  public static ServerConfig kernel(String interfaceName, XdpChoice xdp) {
    return kernel(interfaceName, xdp, 64 * MIB, 256 * MIB, true);
  }

  /** Returns a server with so much memory; {@link XdpChoice#OFF} makes user space all of it. */
  public static ServerConfig kernel(
      String interfaceName,
      XdpChoice xdp,
      long memoryLimitBytes,
      long userMemoryBytes,
      boolean evicts) {
    return new ServerConfig(
        InetAddress.ofLiteral("127.0.0.1"),
        -1,
        -1,
        interfaceName,
        xdp,
        memoryLimitBytes,
        userMemoryBytes,
        evicts,
        (int) MIB,
        1400,
        192,
        Optional.empty(),
        -1,
        2,
        ConnectionLimits.of(1024),
        0,
        LockOptions.OFF,
        SecurityOptions.DEFAULT);
  }

  static ServerConfig config(
      InetAddress listen, int threads, int datagramMax, long userMemoryBytes, int connectionsMax) {
    return config(
        listen, threads, datagramMax, userMemoryBytes, ConnectionLimits.of(connectionsMax));
  }

  private static ServerConfig config(
      InetAddress listen,
      int threads,
      int datagramMax,
      long userMemoryBytes,
      ConnectionLimits connections) {
    return new ServerConfig(
        listen,
        -1,
        -1,
        "lo",
        XdpChoice.OFF,
        64 * MIB,
        userMemoryBytes,
        true,
        (int) MIB,
        datagramMax,
        128,
        Optional.empty(),
        -1,
        threads,
        connections,
        0,
        LockOptions.OFF,
        SecurityOptions.DEFAULT);
  }
}
