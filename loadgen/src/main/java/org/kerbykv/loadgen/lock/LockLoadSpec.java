package org.kerbykv.loadgen.lock;

import java.net.InetSocketAddress;
import java.time.Duration;
import org.kerbykv.loadgen.workload.KeyDistribution;

/**
 * A load on a lock manager: a closed loop of virtual clients. Each takes the locks of a transaction
 * one after the other in ascending order, holds all of them for a time, releases them in reverse
 * order, and goes on to the next. Immutable.
 *
 * @param server where to, resolved
 * @param locks how many there are: numbers 0 to locks - 1
 * @param distribution which of them are asked for how often
 * @param sharedRatio share of the acquisitions that are shared, 0 to 1; the others are exclusive
 * @param locksPerTransaction 1 to {@link #TRANSACTION_LOCKS_MAX}, and no more than there are
 * @param clients virtual clients, each with a client id of its own
 * @param hold how long a transaction holds its locks
 * @param waitLimit how long an acquisition may wait in a queue; 0: not at all
 * @param lease of each acquisition
 * @param timeout after which a request of which nothing was heard is sent again
 * @param backOff after a rejection
 * @param warmup time under load before anything is counted
 * @param duration time that is counted
 * @param seed the same seed draws the same transactions
 */
public record LockLoadSpec(
    InetSocketAddress server,
    int locks,
    KeyDistribution distribution,
    double sharedRatio,
    int locksPerTransaction,
    int clients,
    Duration hold,
    Duration waitLimit,
    Duration lease,
    Duration timeout,
    BackOff backOff,
    Duration warmup,
    Duration duration,
    long seed) {

  public static final int TRANSACTION_LOCKS_MAX = 8;
  public static final int CLIENTS_MAX = 1 << 16;
  public static final int LOCKS_MAX = 1 << 20;

  public LockLoadSpec {
    require(locks >= 1 && locks <= LOCKS_MAX, "there must be 1 to " + LOCKS_MAX + " locks");
    require(sharedRatio >= 0 && sharedRatio <= 1, "the share of shared mode must be 0 to 1");
    require(
        locksPerTransaction >= 1 && locksPerTransaction <= Math.min(TRANSACTION_LOCKS_MAX, locks),
        "a transaction must have 1 to "
            + TRANSACTION_LOCKS_MAX
            + " locks, and no more than there are");
    require(clients >= 1 && clients <= CLIENTS_MAX, "virtual clients must be 1 to " + CLIENTS_MAX);
    require(isMillis(waitLimit, 0), "the wait limit must be 0 or more, and below 2^31 ms");
    require(isMillis(lease, 1), "the lease must be 1 ms or more, and below 2^31 ms");
  }

  private static boolean isMillis(Duration time, int least) {
    return time.toMillis() >= least && time.toMillis() <= Integer.MAX_VALUE;
  }

  private static void require(boolean holds, String text) {
    if (!holds) {
      throw new IllegalArgumentException(text);
    }
  }
}
