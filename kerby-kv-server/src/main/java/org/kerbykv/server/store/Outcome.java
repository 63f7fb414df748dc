package org.kerbykv.server.store;

/** How an {@link Operation} ended. */
public enum Outcome {
  /** GET, GET_AND_TOUCH: there is a value. */
  HIT,
  /** GET, GET_AND_TOUCH: there is none. */
  MISS,
  STORED,
  /** The condition of an ADD, REPLACE, APPEND or PREPEND did not hold. */
  NOT_STORED,
  /** CAS: there is a newer version. */
  EXISTS,
  NOT_FOUND,
  DELETED,
  TOUCHED,
  /** INCR, DECR: done; there is a number. */
  COUNTED,
  /** INCR, DECR: the value is not a number. */
  NON_NUMERIC,
  /** There is no memory for the value. */
  NO_MEMORY
}
