package org.kerbykv.server.history;

/**
 * What a client was answered.
 *
 * @param value HIT: the value, else {@link Value#EMPTY}
 * @param flags HIT: the flags, else 0
 * @param number HIT: the version, 0 if that was not asked for; COUNTED: the number; else 0
 */
public record Reply(Status status, Value value, long flags, long number) {
  /**
   * memcached's replies; a miss of a get is a NOT_FOUND, an {@code incr} of text a NOT_A_NUMBER.
   */
  public enum Status {
    HIT,
    STORED,
    NOT_STORED,
    EXISTS,
    NOT_FOUND,
    DELETED,
    TOUCHED,
    COUNTED,
    NOT_A_NUMBER,
    /** There was one, or not: the client does not know it. */
    UNSEEN
  }

  /** Nothing is known. */
  public static final Reply UNSEEN = of(Status.UNSEEN);

  /** Makes one that is only a word. */
  public static Reply of(Status status) {
    return new Reply(status, Value.EMPTY, 0, 0);
  }

  /**
   * Makes a HIT.
   *
   * @param version 0 if it was not asked for
   */
  public static Reply hit(Value value, long flags, long version) {
    return new Reply(Status.HIT, value, flags, version);
  }

  /** Makes a COUNTED. */
  public static Reply counted(long number) {
    return new Reply(Status.COUNTED, Value.EMPTY, 0, number);
  }

  /** Returns whether the key holds the same as before a request that was answered so. */
  boolean saysThatNothingChanged(Request.Verb verb) {
    return switch (status) {
      case HIT -> verb == Request.Verb.GET;
      case NOT_STORED, EXISTS, NOT_FOUND, NOT_A_NUMBER -> true;
      case STORED, DELETED, TOUCHED, COUNTED, UNSEEN -> false;
    };
  }

  /** Returns it as {@link #parse} reads it. */
  @Override
  public String toString() {
    return "%s %s %d %d".formatted(status, value, flags, number);
  }

  static Reply parse(String[] words, int at) {
    return new Reply(
        Status.valueOf(words[at]),
        Value.parse(words[at + 1]),
        Long.parseLong(words[at + 2]),
        Long.parseLong(words[at + 3]));
  }
}
