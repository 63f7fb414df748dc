package org.kerbykv.server.kernel;

import java.net.InetAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.kerbykv.bpf.XdpMode;

/**
 * How the kernel is to serve.
 *
 * @param interfaceName whose packets the doors see
 * @param addresses that are served, all on that interface
 * @param udpPort of the service, 1 to 65535
 * @param mode in which XDP is attached
 * @param memoryLimitBytes of the pool and the index together
 * @param blockBytes of a block
 * @param datagramMax bytes of UDP payload of one reply, at most {@link #DATAGRAM_MAX}
 * @param pinDirectory where maps and links are pinned, to survive this process
 */
public record KernelConfig(
    String interfaceName,
    List<InetAddress> addresses,
    int udpPort,
    XdpMode mode,
    long memoryLimitBytes,
    int blockBytes,
    int datagramMax,
    Optional<Path> pinDirectory) {

  /** What the kernel doors can put in a datagram: a jumbo frame. Larger ones user space sends. */
  public static final int DATAGRAM_MAX = 8960;

  public KernelConfig {
    addresses = List.copyOf(addresses);
  }
}
