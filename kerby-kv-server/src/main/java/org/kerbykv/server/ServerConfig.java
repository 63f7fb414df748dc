package org.kerbykv.server;

import java.net.InetAddress;
import java.nio.file.Path;
import java.util.Optional;
import org.kerbykv.server.lock.LockOptions;
import org.kerbykv.server.net.ConnectionLimits;

/**
 * How a server is to run. Ports: 0 is off, -1 any that is free.
 *
 * @param listen address to serve, perhaps a wildcard
 * @param port of TCP
 * @param udpPort of UDP
 * @param interfaceName network interface for the kernel doors
 * @param xdp whether and how to use eBPF
 * @param memoryLimitBytes of the kernel's pool
 * @param userMemoryBytes of values in user space
 * @param evicts whether full memory makes old items go (memcached without -M), or new ones be
 *     refused
 * @param itemSizeMax memcached's -I, bytes
 * @param datagramMax most bytes of UDP payload in a datagram of a reply
 * @param blockBytes size of a block of the kernel's pool
 * @param pinDirectory where programs and maps are pinned to survive a restart
 * @param metricsPort of HTTP for Prometheus
 * @param threads event loops
 * @param connections TCP connections
 * @param verbosity 0 to 2
 * @param locks Kerby-Lock
 * @param security who is served, and how much
 */
public record ServerConfig(
    InetAddress listen,
    int port,
    int udpPort,
    String interfaceName,
    XdpChoice xdp,
    long memoryLimitBytes,
    long userMemoryBytes,
    boolean evicts,
    int itemSizeMax,
    int datagramMax,
    int blockBytes,
    Optional<Path> pinDirectory,
    int metricsPort,
    int threads,
    ConnectionLimits connections,
    int verbosity,
    LockOptions locks,
    SecurityOptions security) {

  /** Bytes that a reply's header and its lines take beside one value. */
  private static final int REPLY_OVERHEAD_BYTES = 1024;

  private static final int DATAGRAM_NUMBERS = 65535;

  /** Returns whether memcached's protocol is served. */
  public boolean servesKv() {
    return port != 0 || udpPort != 0;
  }

  /**
   * Returns the most datagrams of a reply: as many as the largest item takes, for UDP must not make
   * one small request into any amount of traffic.
   */
  public int datagramsMax() {
    long most = ((long) itemSizeMax + REPLY_OVERHEAD_BYTES) / (datagramMax - 8) + 1;
    return (int) Math.min(DATAGRAM_NUMBERS, most);
  }
}
