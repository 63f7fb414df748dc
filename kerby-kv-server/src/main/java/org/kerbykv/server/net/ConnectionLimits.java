package org.kerbykv.server.net;

/**
 * What TCP connections may take.
 *
 * @param connectionsMax at once, 1 or more
 * @param idleSeconds without input after which a connection is closed; 0 for never
 * @param keepAliveSeconds of silence after which the peer is probed, and closed after as long again
 *     without an answer; 0 for never
 */
public record ConnectionLimits(int connectionsMax, int idleSeconds, int keepAliveSeconds) {
  /** Most bytes of replies that wait for all slow readers together. */
  private static final int WAITING_BYTES_MAX = 256 << 20;

  private static final int CONNECTION_BYTES_MIN = 32 << 10;
  private static final int CONNECTION_BYTES_MAX = 1 << 20;

  /** Unanswered probes that end a connection. */
  static final int PROBES = 6;

  /** Returns limits with memcached's defaults otherwise, and probes after a minute. */
  public static ConnectionLimits of(int connectionsMax) {
    return new ConnectionLimits(connectionsMax, 0, 60);
  }

  /** Returns the same for fewer connections. */
  ConnectionLimits withMax(int max) {
    return new ConnectionLimits(max, idleSeconds, keepAliveSeconds);
  }

  /** Returns the bytes of replies that may wait for one reader: its share. */
  int waitingBytesMax() {
    return Math.clamp(
        WAITING_BYTES_MAX / connectionsMax, CONNECTION_BYTES_MIN, CONNECTION_BYTES_MAX);
  }

  /** Returns the seconds between probes. */
  int probeSeconds() {
    return Math.max(1, keepAliveSeconds / PROBES);
  }
}
