package org.kerbykv.server.lock;

/**
 * Offsets of {@code struct lock_entry}, a value of map lock_table. lock_abi.h says what is what.
 */
final class LockEntry {
  static final int WORD = 0;
  static final int LOCK = 8;
  static final int EXPIRES = 24;
  static final int HEAD = 40;
  static final int MORE = 56;
  static final int WAITING = 64;
  static final int HOLDERS = 68;
  static final int FIRST_SEQUENCE = 88;
  static final int WATCHED = 112;
  static final int BYTES = 128;

  /** LOCK_NEVER, unsigned. */
  static final long NEVER = -1;

  private LockEntry() {}
}
