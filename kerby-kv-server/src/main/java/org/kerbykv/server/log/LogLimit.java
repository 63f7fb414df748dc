package org.kerbykv.server.log;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Keeps what happens again and again from filling the log: of each kind a few lines at once, and
 * then one from time to time, which says how many were left out.
 *
 * <p>Thread-safe.
 */
final class LogLimit {
  /** Admitted: none was left out since the last one. */
  static final long ALL = 0;

  static final long REFUSED = -1;

  /** More kinds than the code has; what is beyond shares one limit. */
  private static final int KINDS_MAX = 256;

  private static final String OTHERS = "";

  private final int burst;
  private final long nanosPerLine;
  private final Map<String, Kind> kinds = new ConcurrentHashMap<>();

  /**
   * Makes a limit.
   *
   * @param burst lines of a kind at once, 1 or more
   * @param nanosPerLine after which there may be one more
   */
  LogLimit(int burst, long nanosPerLine) {
    this.burst = burst;
    this.nanosPerLine = nanosPerLine;
  }

  /** Returns {@link #REFUSED}, or how many of the kind were refused since one was admitted. */
  long admit(String kind, long nowNanos) {
    Kind found = kinds.get(kind);
    if (found == null) {
      String name = kinds.size() < KINDS_MAX ? kind : OTHERS;
      found = kinds.computeIfAbsent(name, _ -> new Kind(burst, nowNanos));
    }
    return found.admit(nowNanos, burst, nanosPerLine);
  }

  /** A bucket of tokens. */
  private static final class Kind {
    private int tokens;
    private long filledAt;
    private long refused;

    Kind(int tokens, long nowNanos) {
      this.tokens = tokens;
      this.filledAt = nowNanos;
    }

    synchronized long admit(long nowNanos, int burst, long nanosPerLine) {
      long fresh = (nowNanos - filledAt) / nanosPerLine;
      if (fresh > 0) {
        tokens = (int) Math.min(burst, tokens + fresh);
        filledAt += fresh * nanosPerLine;
      }
      if (tokens == 0) {
        refused++;
        return REFUSED;
      }
      tokens--;
      long before = refused;
      refused = 0;
      return before;
    }
  }
}
