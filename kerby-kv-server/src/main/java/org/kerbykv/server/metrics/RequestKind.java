package org.kerbykv.server.metrics;

import java.util.Locale;

/** Label {@code op} of {@code kerby_kv_requests_total}; the order is that of enum kv_op. */
public enum RequestKind {
  GET,
  SET,
  DELETE,
  TOUCH,
  OTHER;

  /** Returns the label's value. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
