package org.kerbykv.server.history;

/**
 * What a key may hold, as far as a history tells.
 *
 * @param version as clients have seen it, {@link #UNKNOWN} as long as none has
 * @param expiresFirst the first second from which it may be gone, {@link #NEVER} if it stays
 * @param expiresLast the second from which it must be gone, {@link #NEVER} if it need not be
 */
record Item(
    boolean present, Value value, long flags, long version, long expiresFirst, long expiresLast) {
  static final long UNKNOWN = 0;
  static final long NEVER = Long.MAX_VALUE;
  static final Item ABSENT = new Item(false, Value.EMPTY, 0, UNKNOWN, NEVER, NEVER);

  /** Returns what an operation leaves that stores this value, with its own exptime. */
  static Item storedBy(Operation operation) {
    Request request = operation.request();
    return new Item(true, request.value(), request.flags(), UNKNOWN, 0, 0).expiringAsSet(operation);
  }

  /**
   * Returns it with an operation's exptime. The server adds that to the second it reads on its
   * clock while it acts upon the request; when it has read it, nobody else knows better than that.
   */
  Item expiringAsSet(Operation operation) {
    int exptime = operation.request().exptime();
    long first;
    long last;
    if (exptime == 0) {
      first = NEVER;
      last = NEVER;
    } else if (exptime < 0) {
      first = Long.MIN_VALUE;
      last = Long.MIN_VALUE;
    } else {
      first = operation.firstSecond() + exptime;
      last = operation.isLost() ? NEVER : operation.lastSecond() + exptime;
    }
    return new Item(present, value, flags, version, first, last);
  }

  /** Returns another version of it. */
  Item withValue(Value newValue) {
    return new Item(present, newValue, flags, UNKNOWN, expiresFirst, expiresLast);
  }

  Item withUnobservedValue() {
    return new Item(present, Value.UNOBSERVED, 0, UNKNOWN, expiresFirst, expiresLast);
  }

  Item withVersion(long seen) {
    return new Item(present, value, flags, seen, expiresFirst, expiresLast);
  }

  boolean mayBeSeenBy(Operation operation) {
    return present && operation.firstSecond() < expiresLast;
  }

  /** Returns whether an operation may find nothing, be it for expiry. */
  boolean mayBeGoneFor(Operation operation) {
    return !present || (expiresFirst != NEVER && operation.lastSecond() >= expiresFirst);
  }

  @Override
  public String toString() {
    if (!present) {
      return "nothing";
    }
    StringBuilder text = new StringBuilder();
    if (value.equals(Value.UNOBSERVED)) {
      text.append("some value that is not seen any more");
    } else {
      text.append("%s flags %d".formatted(value, flags));
    }
    if (version != UNKNOWN) {
      text.append(" version ").append(version);
    }
    if (expiresFirst != NEVER) {
      text.append(" expiring from second ").append(expiresFirst);
      text.append(expiresLast == NEVER ? "" : " to " + expiresLast);
    }
    return text.toString();
  }
}
