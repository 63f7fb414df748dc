package org.kerbykv.server.store;

/** What can be done to one key: memcached's commands, taken apart by key. */
public enum Operation {
  GET,
  GET_AND_TOUCH,
  SET,
  ADD,
  REPLACE,
  CAS,
  APPEND,
  PREPEND,
  INCR,
  DECR,
  DELETE,
  TOUCH;

  /** Whether it stores a value that the client sends. */
  public boolean isStorage() {
    return switch (this) {
      case SET, ADD, REPLACE, CAS, APPEND, PREPEND -> true;
      case GET, GET_AND_TOUCH, INCR, DECR, DELETE, TOUCH -> false;
    };
  }

  boolean extendsValue() {
    return this == APPEND || this == PREPEND;
  }
}
