package org.kerbykv.server.store;

/**
 * Layout of {@code struct kv_slot}, one request through user space's door and its answer, and the
 * numbers of {@code kv_abi.h} that go with it. Offsets and sizes are bytes.
 */
final class KvSlot {
  static final long OP = 0;
  static final long COND = 1;
  static final long KEY_LEN = 2;
  static final long TIER = 3;
  static final long STATUS = 4;
  static final long FLAGS = 8;
  static final long EXPTIME = 12;
  static final long VALUE_LEN = 16;
  static final long OLD_TIER = 20;
  static final long CAS = 24;
  static final long TOKEN = 32;
  static final long OLD_TOKEN = 40;
  static final long VERSION = 48;
  static final long NEW_CAS = 56;
  static final long LAST_ACCESS = 64;
  static final long KEEP = 68;
  static final long STATE = 69;
  static final long CLEAR = 70;
  static final long KEY = 72;
  static final long SCRATCH = 328;
  static final long VALUE = 4424;
  static final long BYTES = 13384;

  static final int KEY_MAX = 250;
  static final int VALUE_MAX = 8960;

  static final byte NOP = 0;
  static final byte GET = 1;
  static final byte SET = 2;
  static final byte DELETE = 3;
  static final byte TOUCH = 4;
  static final byte REAP = 5;
  static final byte FLUSH = 6;

  static final byte IF_ANY = 0;
  static final byte IF_ABSENT = 1;
  static final byte IF_PRESENT = 2;
  static final byte IF_CAS = 3;
  static final byte IF_VERSION = 4;

  static final byte KEEP_EXPTIME = 1;
  static final byte KEEP_ITEM = 2;
  static final byte KEEP_ACCESS = 4;
  static final byte KEEP_STATE = 8;

  static final byte STALE = 1;
  static final byte WON = 2;
  static final byte FETCHED = 4;
  static final byte BINARY = 8;

  /** NEW_CAS: a number of the store's own sequence. */
  static final long CAS_NEXT = -1;

  static final int OK = 0;
  static final int MISS = 1;
  static final int EXISTS = 2;
  static final int BUSY = 3;
  static final int NOSPC = 4;
  static final int TOO_BIG = 5;
  static final int COLLISION = 6;
  static final int INVALID = 7;
  static final int USER = 8;

  static final byte TIER_KERNEL = 1;
  static final byte TIER_USER = 2;

  static final int EXPTIME_NEVER = 0;
  static final int EXPTIME_PAST = 1;

  private KvSlot() {}
}
