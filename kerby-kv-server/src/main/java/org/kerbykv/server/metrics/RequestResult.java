package org.kerbykv.server.metrics;

import java.util.Locale;

/**
 * Label {@code result} of {@code kerby_kv_requests_total}; the order is that of enum kv_result.
 *
 * <p>Commands that look nothing up and succeed count as HIT; a condition that did not hold, and
 * every error reply, as ERROR.
 */
public enum RequestResult {
  HIT,
  MISS,
  STORED,
  DELETED,
  NOT_FOUND,
  ERROR,
  PASSED;

  /** Returns the label's value. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
