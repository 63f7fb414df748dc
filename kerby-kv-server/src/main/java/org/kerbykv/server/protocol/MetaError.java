package org.kerbykv.server.protocol;

/** What can be wrong with the flags of a meta command. */
enum MetaError {
  UNKNOWN_FLAG,
  DUPLICATE_FLAG,
  /** A key that is not base64. */
  KEY,
  /** A time or a cas that is not a number. */
  TOKEN,
  MODE_LENGTH,
  DELTA,
  INITIAL,
  CLIENT_FLAGS
}
