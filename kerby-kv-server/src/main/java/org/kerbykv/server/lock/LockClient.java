package org.kerbykv.server.lock;

/** Offsets of {@code struct lock_session}, a value of map lock_sessions, whose key is a client. */
final class LockClient {
  static final int WORD = 0;
  static final int SEEN = 16;
  static final int BYTES = 928;

  private LockClient() {}
}
