package org.kerbykv.loadgen.lock;

import java.util.function.ToLongFunction;

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

  /** What a source has counted. */
  public static LockCounts of(ToLongFunction<LockCounter> source) {
    return new LockCounts(
        source.applyAsLong(LockCounter.SENT),
        source.applyAsLong(LockCounter.ACQUIRED),
        source.applyAsLong(LockCounter.RELEASED),
        source.applyAsLong(LockCounter.WAITED),
        source.applyAsLong(LockCounter.REJECTED),
        source.applyAsLong(LockCounter.TIMEOUT),
        source.applyAsLong(LockCounter.EXPIRED),
        source.applyAsLong(LockCounter.ERRORS),
        source.applyAsLong(LockCounter.LOST),
        source.applyAsLong(LockCounter.POLLED),
        source.applyAsLong(LockCounter.LATE),
        source.applyAsLong(LockCounter.DUPLICATE),
        source.applyAsLong(LockCounter.FOREIGN),
        source.applyAsLong(LockCounter.VIOLATIONS));
  }

  LockCounts minus(LockCounts other) {
    return new LockCounts(
        sent - other.sent,
        acquired - other.acquired,
        released - other.released,
        waited - other.waited,
        rejected - other.rejected,
        timeouts - other.timeouts,
        expired - other.expired,
        errors - other.errors,
        lost - other.lost,
        polled - other.polled,
        late - other.late,
        duplicate - other.duplicate,
        foreign - other.foreign,
        violations - other.violations);
  }
}
