package org.kerbykv.loadgen.lock;

/**
 * What became of requests to a lock manager. When all virtual clients have come to rest, {@code
 * sent = acquired + released + rejected + timeouts + expired + errors + lost + polled}.
 *
 * @param sent requests, those that were sent again among them
 * @param acquired locks
 * @param released locks
 * @param waited acquisitions that were told to wait
 * @param rejected acquisitions that were rejected, and tried again after a pause
 * @param timeouts acquisitions that waited as long as the limit
 * @param expired leases that ended before their lock was released
 * @param errors replies that make no sense
 * @param lost requests that were sent again because nothing was heard in time
 * @param polled requests that were sent again after the client had been told to wait, and heard
 *     nothing else
 * @param late replies to a request that had been sent again, or that came when it was over
 * @param duplicate further replies to a request
 * @param foreign replies to nothing that was asked
 * @param violations locks granted that somebody held, as far as the generator knows
 */
public record LockCounts(
    long sent,
    long acquired,
    long released,
    long waited,
    long rejected,
    long timeouts,
    long expired,
    long errors,
    long lost,
    long polled,
    long late,
    long duplicate,
    long foreign,
    long violations) {

  public static final LockCounts ZERO = new LockCounts(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

  public LockCounts plus(LockCounts other) {
    return combine(other, 1);
  }

  public LockCounts minus(LockCounts other) {
    return combine(other, -1);
  }

  private LockCounts combine(LockCounts other, int sign) {
    return new LockCounts(
        sent + sign * other.sent,
        acquired + sign * other.acquired,
        released + sign * other.released,
        waited + sign * other.waited,
        rejected + sign * other.rejected,
        timeouts + sign * other.timeouts,
        expired + sign * other.expired,
        errors + sign * other.errors,
        lost + sign * other.lost,
        polled + sign * other.polled,
        late + sign * other.late,
        duplicate + sign * other.duplicate,
        foreign + sign * other.foreign,
        violations + sign * other.violations);
  }
}
