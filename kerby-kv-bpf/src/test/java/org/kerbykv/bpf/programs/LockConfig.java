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
 * @param clones whether TC sends notices itself, and not user space
 */
record LockConfig(
    int queueMax,
    int holdersMax,
    int blocks,
    int locks,
    int clients,
    boolean manualClock,
    boolean clones) {
  static final int LEASE_MAX_MILLIS = 1_000_000;
  static final int WAIT_MAX_MILLIS = 2_000_000;

  /** Small enough for every limit to be met. */
  static LockConfig small() {
    return new LockConfig(6, 4, 24, 64, 64, true, false);
  }

  LockConfig withQueueMax(int waiters) {
    return new LockConfig(waiters, holdersMax, blocks, locks, clients, manualClock, clones);
  }

  LockConfig withHoldersMax(int holders) {
    return new LockConfig(queueMax, holders, blocks, locks, clients, manualClock, clones);
  }

  LockConfig withBlocks(int number) {
    return new LockConfig(queueMax, holdersMax, number, locks, clients, manualClock, clones);
  }

  LockConfig withClock() {
    return new LockConfig(queueMax, holdersMax, blocks, locks, clients, false, clones);
  }

  LockConfig withClones() {
    return new LockConfig(queueMax, holdersMax, blocks, locks, clients, manualClock, true);
  }
}
