package org.kerbykv.loadgen.engine;

import java.net.InetSocketAddress;
import java.time.Duration;
import org.kerbykv.loadgen.workload.Workload;

/**
 * A load to run, in a closed loop: each of {@code threads * outstanding} places asks for something
 * again as soon as it has its answer.
 *
 * @param server where to, resolved
 * @param threads each with a socket of its own, 1 or more
 * @param outstanding requests of each thread under way at a time, 1 to 32768
 * @param populate whether to store every item first
 * @param warmup time under load before anything is counted
 * @param duration time that is counted
 * @param readRatio share of gets, 0 to 1; the others are sets
 * @param seed the same seed gives each thread the same stream of requests
 * @param verify whether to compare every value read with what was stored
 * @param timeout after which a request counts as lost
 * @param maxDatagram the longest UDP payload to send, in bytes
 */
public record LoadSpec(
    InetSocketAddress server,
    Protocol protocol,
    int threads,
    int outstanding,
    Workload workload,
    boolean populate,
    Duration warmup,
    Duration duration,
    double readRatio,
    long seed,
    boolean verify,
    Duration timeout,
    int maxDatagram) {

  /** UDP frame header, "set ", " 0 0 ", digits of the length, two line ends. */
  private static final int SET_OVERHEAD_MAX = 8 + 4 + 5 + 10 + 4;

  /** The longest set request over UDP, in bytes, as an upper bound. */
  public int setDatagramMax() {
    return SET_OVERHEAD_MAX + workload.itemLengthMax();
  }
}
