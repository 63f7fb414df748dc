package org.kerbykv.server.kernel;

/**
 * How the kernel is to serve.
 *
 * @param place of the doors
 * @param udpPort of the service, 1 to 65535
 * @param memoryLimitBytes of the pool and the index together
 * @param blockBytes of a block
 * @param datagramMax bytes of UDP payload of one reply, at most {@link #DATAGRAM_MAX}
 * @param replyRate most bytes of replies to a source in a second; 0 for no limit
 */
public record KernelConfig(
    DoorPlace place,
    int udpPort,
    long memoryLimitBytes,
    int blockBytes,
    int datagramMax,
    long replyRate) {

  /** What the kernel doors can put in a datagram: a jumbo frame. Larger ones user space sends. */
  public static final int DATAGRAM_MAX = 8960;
}
