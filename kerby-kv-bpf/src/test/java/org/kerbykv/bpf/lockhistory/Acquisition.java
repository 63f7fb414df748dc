package org.kerbykv.bpf.lockhistory;

/**
 * One acquisition as its client saw it. Times are nanoseconds of one clock, which all clients of a
 * history share; {@link #NEVER} is that of what has not happened.
 *
 * @param lock which
 * @param client who; with {@code sequence}, which acquisition
 * @param sequence which of the client's
 * @param exclusive whether it shares with nobody
 * @param requested before the first request was sent
 * @param queued after the first reply that it waits was received
 * @param granted after the first reply that it holds the lock was received
 * @param token the fencing token in that reply; 0 if there was none
 * @param heldUntil until when the client counted on it: before it sent its release, or when its
 *     lease may have ended; not before {@code granted}
 * @param ended after the reply was received that said how it ended
 * @param leaseEnd before when its lease cannot have ended: the sending of its first request and the
 *     lease, or of its last renewal that was granted
 * @param end how it ended
 */
public record Acquisition(
    long lock,
    long client,
    long sequence,
    boolean exclusive,
    long requested,
    long queued,
    long granted,
    long token,
    long heldUntil,
    long ended,
    long leaseEnd,
    End end) {
  /** It has not happened. */
  public static final long NEVER = Long.MAX_VALUE;

  /** How an acquisition ended, for its client. */
  public enum End {
    /** Released, and told so in time. */
    RELEASED,
    /** The lease had ended before its release came. */
    EXPIRED,
    /** Waited as long as it wanted to. */
    TIMEOUT,
    /** Given up by its client before it was granted. */
    CANCELLED,
    /** Did not want to wait, or there was no room for it. */
    REFUSED,
    /** Its client is dead, or never heard: anything may have become of it. */
    UNKNOWN,
    /** Its client still waits, and asks. */
    WAITING
  }

  public Acquisition {
    if ((granted == NEVER) != (token == 0) || (granted != NEVER && heldUntil < granted)) {
      throw new IllegalArgumentException("granted at " + granted + " with token " + token);
    }
  }

  /** Returns whether the client was told that it held the lock. */
  public boolean wasGranted() {
    return granted != NEVER;
  }
}
