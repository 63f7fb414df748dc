package org.kerbykv.loadgen.lock;

/** What is counted of a load; see {@link LockCounts}. Named as in lock_load_abi.h. */
public enum LockCounter {
  SENT,
  ACQUIRED,
  RELEASED,
  WAITED,
  REJECTED,
  TIMEOUT,
  EXPIRED,
  ERRORS,
  LOST,
  POLLED,
  LATE,
  DUPLICATE,
  FOREIGN,
  VIOLATIONS
}
