package org.kerbykv.server.metrics;

import java.util.Locale;

/** Label {@code path} of {@code kerby_kv_requests_total}; the order is that of enum kv_path. */
public enum RequestPath {
  XDP,
  TC,
  USER;

  /** Returns the label's value. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
