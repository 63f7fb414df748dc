package org.kerbykv.server.metrics;

import java.util.Locale;

/** Label {@code reason} of {@code kerby_kv_dropped_total}: datagrams that got no reply. */
public enum DropReason {
  /** Shorter than the frame header. */
  NO_HEADER,
  /** A request of several datagrams, which memcached does not support either. */
  MULTI_DATAGRAM,
  /** Ends before the end of a command line. */
  TRUNCATED,
  /** From port 0 or a privileged port below 1024, or from the server's own address and port. */
  SOURCE,
  /** The source is not in the allowlist. */
  NOT_ALLOWED,
  /** The source was sent more than {@code --reply-rate} lately. */
  RATE,
  /** The reply was dropped, because more replies wait to be sent than the queue holds. */
  SEND_QUEUE;

  /** Returns the label's value. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
