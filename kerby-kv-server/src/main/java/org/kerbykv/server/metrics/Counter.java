package org.kerbykv.server.metrics;

/** What each event loop counts beside requests; the names are those of memcached's stats. */
public enum Counter {
  CMD_GET,
  CMD_SET,
  CMD_FLUSH,
  CMD_TOUCH,
  CMD_META,
  GET_HITS,
  GET_MISSES,
  DELETE_MISSES,
  DELETE_HITS,
  INCR_MISSES,
  INCR_HITS,
  DECR_MISSES,
  DECR_HITS,
  CAS_MISSES,
  CAS_HITS,
  CAS_BADVAL,
  TOUCH_HITS,
  TOUCH_MISSES,
  STORE_TOO_LARGE,
  STORE_NO_MEMORY,
  TOTAL_ITEMS,
  BYTES_READ,
  BYTES_WRITTEN,
  TOTAL_CONNECTIONS,
  REJECTED_CONNECTIONS,
  LISTEN_DISABLED_NUM,
  IDLE_KICKS
}
