package org.kerbykv.client;

/** The server did not let the caller wait. */
public final class KerbyLockRefusedException extends KerbyLockException {
  /** Why. */
  public enum Reason {
    /** As many wait for this lock as the server lets wait. */
    QUEUE_FULL,
    /** The server has no memory to wait in, or to share the lock in. */
    NO_ROOM,
    /** The server does not accept the request as this client makes it. */
    INVALID
  }

  private final Reason reason;

  KerbyLockRefusedException(Reason reason, String message) {
    super(message);
    this.reason = reason;
  }

  public Reason reason() {
    return reason;
  }
}
