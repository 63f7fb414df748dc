package org.kerbykv.bpf.programs;

/**
 * What the programs of Kerby-Lock are told before they are loaded.
 *
 * @param queueMax waiters of one lock
 * @param holdersMax holders that share one
 * @param blocks in the pool
 * @param locks in the table
 * @param clients with a session
 * @param manualClock whether the time is {@link LockManager#setNow}
 */
record LockConfig(
    int queueMax, int holdersMax, int blocks, int locks, int clients, boolean manualClock) {
  static final int LEASE_MAX_MILLIS = 1_000_000;
  static final int WAIT_MAX_MILLIS = 2_000_000;

  /** Small enough for every limit to be met. */
  static LockConfig small() {
    return new LockConfig(6, 4, 24, 64, 64, true);
  }

  LockConfig withQueueMax(int waiters) {
    return new LockConfig(waiters, holdersMax, blocks, locks, clients, manualClock);
  }

  LockConfig withHoldersMax(int holders) {
    return new LockConfig(queueMax, holders, blocks, locks, clients, manualClock);
  }

  LockConfig withBlocks(int number) {
    return new LockConfig(queueMax, holdersMax, number, locks, clients, manualClock);
  }

  LockConfig withClock() {
    return new LockConfig(queueMax, holdersMax, blocks, locks, clients, false);
  }
}
