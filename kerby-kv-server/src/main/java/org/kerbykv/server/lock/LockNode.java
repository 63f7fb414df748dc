package org.kerbykv.server.lock;

/** Offsets of {@code struct lock_node}, a block of the pool. lock_abi.h says what is what. */
final class LockNode {
  static final int NEXT = 0;
  static final int LOCK = 16;
  static final int HELD = 65;
  static final int BYTES = 128;

  private LockNode() {}
}
