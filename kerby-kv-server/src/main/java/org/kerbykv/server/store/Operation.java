package org.kerbykv.server.store;

/** What can be done to one key: memcached's commands, taken apart by key. */
public enum Operation {
  GET,
  GET_AND_TOUCH,
  /** A GET that may win an item because it expires soon. */
  RECACHE,
  /** A RECACHE that stores an empty item where there is none. */
  VIVIFY,
  SET,
  ADD,
  REPLACE,
  CAS,
  /** A CAS that also replaces a newer item, which is stale then. */
  CAS_OR_STALE,
  APPEND,
  PREPEND,
  INCR,
  DECR,
  DELETE,
  /** Marks an item as stale and gives it a new cas. */
  INVALIDATE,
  TOUCH;

  /** Whether the value that comes with it is needed beside what is found in the store. */
  boolean holdsValue() {
    return this == APPEND || this == PREPEND || this == CAS_OR_STALE;
  }
}
