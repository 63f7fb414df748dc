package org.kerbykv.server.lock;

/**
 * How locks are to be served.
 *
 * @param port of UDP; 0 is off, -1 any that is free
 * @param memoryBytes of kernel memory for locks, clients and waiters
 * @param queueMax most that wait for one lock, and that share one, 1 to {@link #QUEUE_MAX}
 * @param leaseMaxMillis longer leases are cut to this
 * @param waitMaxMillis longer wait limits are cut to this
 */
public record LockOptions(
    int port, long memoryBytes, int queueMax, int leaseMaxMillis, int waitMaxMillis) {
  /** LOCK_WALK_MAX of the programs: the most that they look through in one list. */
  public static final int QUEUE_MAX = 1024;

  /** Locks are not served. */
  public static final LockOptions OFF = new LockOptions(0, 64 << 20, 256, 3_600_000, 3_600_000);

  /** Returns the same with another port. */
  public LockOptions withPort(int other) {
    return new LockOptions(other, memoryBytes, queueMax, leaseMaxMillis, waitMaxMillis);
  }
}
