package org.kerbykv.server.history;

/**
 * What a client asked of one key. A get of several keys is several requests: nothing says that it
 * sees all of them at one moment.
 *
 * @param value for those that store one, else {@link Value#EMPTY}
 * @param flags for those that store a value of their own, else 0
 * @param exptime as it was sent, relative: 0 never, negative at once, at most 30 days; else 0
 * @param number CAS: the version, from an earlier reply; INCR: by how much; else 0
 */
public record Request(Verb verb, Value value, long flags, int exptime, long number) {
  /** The commands, whichever protocol they were sent in. */
  public enum Verb {
    GET,
    GET_AND_TOUCH,
    SET,
    ADD,
    REPLACE,
    APPEND,
    PREPEND,
    CAS,
    INCR,
    DELETE,
    TOUCH;

    /** Returns whether a request can be left out when nobody saw its reply. */
    boolean changesNothing() {
      return this == GET;
    }

    /** Returns whether the new value is the request's. */
    boolean storesItsValue() {
      return this == SET || this == ADD || this == REPLACE || this == CAS;
    }

    /** Returns whether the new value, or the reply, depends on the old one. */
    boolean usesOldValue() {
      return this == APPEND || this == PREPEND || this == INCR;
    }
  }

  private static final int EXPTIME_MAX = 60 * 60 * 24 * 30;

  public Request {
    if (exptime > EXPTIME_MAX) {
      throw new IllegalArgumentException("not relative: exptime " + exptime);
    }
  }

  /** Makes one without parameters: GET or DELETE. */
  public static Request of(Verb verb) {
    return new Request(verb, Value.EMPTY, 0, 0, 0);
  }

  /** Makes one that stores. */
  public static Request store(Verb verb, Value value, long flags, int exptime) {
    return new Request(verb, value, flags, exptime, 0);
  }

  /** Makes a CAS. */
  public static Request cas(Value value, long flags, int exptime, long version) {
    return new Request(Verb.CAS, value, flags, exptime, version);
  }

  /** Makes an INCR. */
  public static Request incr(long delta) {
    return new Request(Verb.INCR, Value.EMPTY, 0, 0, delta);
  }

  /** Makes a TOUCH or a GET_AND_TOUCH. */
  public static Request touch(Verb verb, int exptime) {
    return new Request(verb, Value.EMPTY, 0, exptime, 0);
  }

  /** Returns it as {@link #parse} reads it. */
  @Override
  public String toString() {
    return "%s %s %d %d %d".formatted(verb, value, flags, exptime, number);
  }

  static Request parse(String[] words, int at) {
    return new Request(
        Verb.valueOf(words[at]),
        Value.parse(words[at + 1]),
        Long.parseLong(words[at + 2]),
        Integer.parseInt(words[at + 3]),
        Long.parseLong(words[at + 4]));
  }
}
