package org.kerbykv.loadgen.engine;

import java.net.InetSocketAddress;
import java.time.Duration;
import org.kerbykv.loadgen.workload.Workload;

/**
 * A load to run.
 *
 * @param server where to, resolved
 * @param threads each with a socket, or a CPU that sends, of its own; 1 or more
 * @param populate whether to store every item first
 * @param warmup time under load before anything is counted
 * @param duration time that is counted
 * @param requestsMax counted requests after which the load ends before its time
 * @param readRatio share of gets, 0 to 1; the others are sets
 * @param seed the same seed gives each thread the same stream of requests
 * @param verify whether to compare every value read with what was stored
 * @param echo whether the server is a reflector: the answer to a request is the request itself
 * @param timeout after which a request counts as lost
 * @param maxDatagram the longest UDP payload to send, in bytes
 */
public record LoadSpec(
    InetSocketAddress server,
    Protocol protocol,
    int threads,
    Arrivals arrivals,
    Workload workload,
    boolean populate,
    Duration warmup,
    Duration duration,
    long requestsMax,
    double readRatio,
    long seed,
    boolean verify,
    boolean echo,
    Duration timeout,
    int maxDatagram) {

  /** For {@link #requestsMax}: the time alone ends the load. */
  public static final long UNLIMITED = Long.MAX_VALUE;

  /** UDP frame header, "set ", " 0 0 ", digits of the length, two line ends. */
  private static final int SET_OVERHEAD_MAX = 8 + 4 + 5 + 10 + 4;

  /** The longest set request over UDP, in bytes, as an upper bound. */
  public int setDatagramMax() {
    return SET_OVERHEAD_MAX + workload.itemLengthMax();
  }

  /** This load with other arrivals. */
  public LoadSpec with(Arrivals otherArrivals) {
    return with(otherArrivals, populate);
  }

  /** This load with other arrivals, of items that are there. */
  public LoadSpec again(Arrivals otherArrivals) {
    return with(otherArrivals, false);
  }

  private LoadSpec with(Arrivals otherArrivals, boolean populated) {
    return new LoadSpec(
        server,
        protocol,
        threads,
        otherArrivals,
        workload,
        populated,
        warmup,
        duration,
        requestsMax,
        readRatio,
        seed,
        verify,
        echo,
        timeout,
        maxDatagram);
  }
}
