package org.kerbykv.loadgen.lock;

import java.util.Arrays;
import org.kerbykv.loadgen.workload.Random64;

/**
 * What a load asks for: transactions, drawn beforehand and repeated. Immutable, but for the arrays
 * it is read from.
 */
public final class LockTransactions {
  /** Transactions times locks of each, at most. */
  private static final int DRAWN_MAX = 1 << 20;

  private static final int SHARED = 1 << 31;

  private final int[] drawn;
  private final int locksEach;

  /** Draws them: a power of two. */
  public LockTransactions(LockLoadSpec spec) {
    locksEach = spec.locksPerTransaction();
    int count = Integer.highestOneBit(DRAWN_MAX / locksEach);
    Random64 random = Random64.split(spec.seed(), 0);
    drawn = new int[count * locksEach];
    int[] locks = new int[locksEach];
    for (int i = 0; i < count; i++) {
      for (int j = 0; j < locksEach; j++) {
        locks[j] = spec.distribution().next(random, (long) i * locksEach + j);
        while (contains(locks, j)) {
          locks[j] = (locks[j] + 1) % spec.locks();
        }
      }
      Arrays.sort(locks);
      for (int j = 0; j < locksEach; j++) {
        boolean shared = random.nextDouble() < spec.sharedRatio();
        drawn[i * locksEach + j] = locks[j] | (shared ? SHARED : 0);
      }
    }
  }

  private static boolean contains(int[] locks, int count) {
    for (int i = 0; i < count; i++) {
      if (locks[i] == locks[count]) {
        return true;
      }
    }
    return false;
  }

  /** How many: a power of two. */
  public int count() {
    return drawn.length / locksEach;
  }

  /** The number of the {@code which}-th lock of a transaction. */
  public int lock(int transaction, int which) {
    return drawn[transaction * locksEach + which] & ~SHARED;
  }

  public boolean isShared(int transaction, int which) {
    return (drawn[transaction * locksEach + which] & SHARED) != 0;
  }

  /** All of them one after the other: each lock's number, with the highest bit set if shared. */
  public int[] words() {
    return drawn;
  }
}
