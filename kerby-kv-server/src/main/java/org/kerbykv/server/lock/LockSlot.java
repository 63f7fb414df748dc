package org.kerbykv.server.lock;

/**
 * Offsets of {@code struct lock_slot}, one request through user space's door, and the numbers of
 * lock_abi.h that go with it.
 */
final class LockSlot {
  static final int OP = 0;
  static final int STATUS = 4;
  static final int MESSAGE = 8;
  static final int FLOW = 56;
  static final int IFINDEX = 112;
  static final int NOTICES = 116;
  static final int NUMBER = 120;
  static final int SINCE = 128;
  static final int DUE = 136;
  static final int NOTICE = 200;
  static final int BYTES = 1096;

  // enum lock_slot_op
  static final int OP_NOP = 0;
  static final int OP_MESSAGE = 1;
  static final int OP_SWEEP = 2;
  static final int OP_REAP_LOCK = 3;
  static final int OP_REAP_CLIENT = 4;

  // enum lock_slot_status
  static final int DONE = 0;
  static final int AGAIN = 1;
  static final int FULL = 2;

  /** LOCK_BATCH_MAX. */
  static final int BATCH_MAX = 64;

  private LockSlot() {}
}
