package org.kerbykv.server.protocol;

import static java.nio.charset.StandardCharsets.US_ASCII;

import org.kerbykv.server.store.Outcome;

/** memcached's reply lines. */
public final class Replies {
  static final byte[] CRLF = line("");
  static final byte[] END = line("END");
  static final byte[] OK = line("OK");
  static final byte[] ERROR = line("ERROR");
  static final byte[] STORED = line("STORED");
  static final byte[] NOT_STORED = line("NOT_STORED");
  static final byte[] EXISTS = line("EXISTS");
  static final byte[] NOT_FOUND = line("NOT_FOUND");
  static final byte[] DELETED = line("DELETED");
  static final byte[] TOUCHED = line("TOUCHED");
  static final byte[] META_NO_OP = line("MN");
  static final byte[] META_MISS = line("EN");
  static final byte[] RESET = line("RESET");
  static final byte[] BAD_FORMAT = line("CLIENT_ERROR bad command line format");
  static final byte[] BAD_DELETE =
      line("CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]");
  static final byte[] BAD_EXPTIME = line("CLIENT_ERROR invalid exptime argument");
  static final byte[] BAD_DELTA = line("CLIENT_ERROR invalid numeric delta argument");
  static final byte[] BAD_TOKEN = line("CLIENT_ERROR bad token in command line format");
  static final byte[] BAD_KEY = line("CLIENT_ERROR error decoding key");
  static final byte[] BAD_META_DELTA = line("CLIENT_ERROR invalid numeric delta value");
  static final byte[] BAD_INITIAL = line("CLIENT_ERROR invalid numeric initial value");
  static final byte[] BAD_MODE_LENGTH = line("CLIENT_ERROR incorrect length for M token");
  static final byte[] BAD_SET_MODE = line("CLIENT_ERROR invalid mode for ms M token");
  static final byte[] BAD_ARITHMETIC_MODE = line("CLIENT_ERROR invalid mode for ma M token");
  static final byte[] INVALID_FLAG = line("CLIENT_ERROR invalid flag");
  static final byte[] DUPLICATE_FLAG = line("CLIENT_ERROR duplicate flag");
  static final byte[] BAD_FLAG = line("CLIENT_ERROR invalid or duplicate flag");
  static final byte[] TOO_MANY_GET_FLAGS = line("CLIENT_ERROR options flags are too long");
  static final byte[] TOO_MANY_FLAGS = line("CLIENT_ERROR options flags too long");
  static final byte[] OPAQUE_TOO_LONG = line("CLIENT_ERROR opaque token too long");
  static final byte[] BAD_DATA = line("CLIENT_ERROR bad data chunk");
  static final byte[] NON_NUMERIC =
      line("CLIENT_ERROR cannot increment or decrement non-numeric value");
  static final byte[] TOO_LARGE = line("SERVER_ERROR object too large for cache");
  static final byte[] NO_MEMORY = line("SERVER_ERROR out of memory storing object");
  static final byte[] NO_MEMORY_COUNTING = line("SERVER_ERROR Out of memory incrementing value");
  public static final byte[] REPLY_TOO_LARGE =
      line("SERVER_ERROR out of memory writing get response");
  static final byte[] SHUTDOWN_DISABLED = line("ERROR: shutdown not enabled");
  static final byte[] NO_REASSIGNMENT = line("CLIENT_ERROR slab reassignment disabled");
  static final byte[] NO_CRAWLER = line("CLIENT_ERROR lru crawler disabled");
  static final byte[] NO_WATCHERS = line("CLIENT_ERROR watch commands not allowed");
  static final byte[] NO_TLS = line("Error TLS not enabled");
  static final byte[] MEMORY_TOO_SMALL =
      line("MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m");
  static final byte[] MEMORY_FIXED =
      line("MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust");
  static final byte[] UNAUTHENTICATED = line("CLIENT_ERROR unauthenticated");
  static final byte[] AUTH_FAILURE = line("CLIENT_ERROR authentication failure");
  static final byte[] BAD_AUTH_FORMAT = line("CLIENT_ERROR bad authentication token format");
  static final byte[] BAD_TERMINATION = line("CLIENT_ERROR bad command line termination");
  static final byte[] STATS_OVER_UDP = line("CLIENT_ERROR stats not allowed over UDP");
  public static final byte[] TOO_MANY_CONNECTIONS = line("ERROR Too many open connections");

  private Replies() {}

  /** Returns the line for an outcome that has one of its own. */
  static byte[] of(Outcome outcome) {
    return switch (outcome) {
      case STORED -> STORED;
      case NOT_STORED -> NOT_STORED;
      case EXISTS -> EXISTS;
      case NOT_FOUND -> NOT_FOUND;
      case DELETED -> DELETED;
      case TOUCHED -> TOUCHED;
      case NON_NUMERIC -> NON_NUMERIC;
      case NO_MEMORY -> NO_MEMORY;
      case HIT, MISS, COUNTED, CREATED ->
          throw new IllegalArgumentException("no line for " + outcome);
    };
  }

  /** Returns the line for an error in the flags of mg or ms. */
  static byte[] of(MetaError error) {
    return switch (error) {
      case UNKNOWN_FLAG -> INVALID_FLAG;
      case DUPLICATE_FLAG -> DUPLICATE_FLAG;
      case KEY -> BAD_KEY;
      case TOKEN -> BAD_TOKEN;
      case MODE_LENGTH -> BAD_MODE_LENGTH;
      case DELTA -> BAD_META_DELTA;
      case INITIAL -> BAD_INITIAL;
      case CLIENT_FLAGS -> BAD_FORMAT;
    };
  }

  private static byte[] line(String text) {
    return (text + "\r\n").getBytes(US_ASCII);
  }
}
