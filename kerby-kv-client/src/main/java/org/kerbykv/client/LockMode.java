package org.kerbykv.client;

/** How a lock is held. */
public enum LockMode {
  /** Together with others that share it. */
  SHARED(1),
  /** Alone. */
  EXCLUSIVE(2);

  /** As on the wire, where 0 is a lock that nobody holds. */
  private final int wire;

  LockMode(int wire) {
    this.wire = wire;
  }

  int wire() {
    return wire;
  }

  /** The mode of this number on the wire; null for what is none. */
  static LockMode ofWire(int number) {
    return switch (number) {
      case 1 -> SHARED;
      case 2 -> EXCLUSIVE;
      default -> null;
    };
  }
}
