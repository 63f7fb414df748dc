package org.kerbykv.server.lock;

import java.util.Locale;

/** Label {@code reason} of {@code kerby_lock_dropped_total}: datagrams that got no reply. */
public enum LockDropReason {
  /** The source is not in the allowlist. */
  NOT_ALLOWED,
  /** Not a request of the protocol's version. */
  MALFORMED,
  /** From the lock port: a reply of another server. */
  SOURCE,
  /** Others were at the lock all the time; the client asks again. */
  CONTENDED,
  /** More replies wait to be sent than the queue holds. */
  SEND_QUEUE;

  /** Returns the label's value. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
