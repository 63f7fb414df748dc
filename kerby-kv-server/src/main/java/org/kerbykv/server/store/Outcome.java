package org.kerbykv.server.store;

/** How an {@link Operation} ended. */
public enum Outcome {
  /** A retrieval: there is a value. */
  HIT,
  /** A retrieval: there is none. */
  MISS,
  STORED,
  /** The condition of an ADD, REPLACE, APPEND or PREPEND did not hold. */
  NOT_STORED,
  /** There is an item with another cas than the one asked for. */
  EXISTS,
  NOT_FOUND,
  DELETED,
  /** TOUCH, INVALIDATE. */
  TOUCHED,
  /** INCR, DECR: done; there is a number. */
  COUNTED,
  /** INCR, DECR: there was no item, and there is now, with the initial number. */
  CREATED,
  /** INCR, DECR: the value is not a number. */
  NON_NUMERIC,
  /** There is no memory for the value. */
  NO_MEMORY
}
