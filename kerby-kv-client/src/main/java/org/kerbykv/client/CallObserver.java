package org.kerbykv.client;

/** Is told how each call of a client ended, on the thread that ends it. */
@FunctionalInterface
interface CallObserver {
  /** How a call ended. */
  enum Outcome {
    /** A read that found a value. */
    HIT,
    /** A read, or a change of an item, that found none. */
    MISS,
    /** What was asked for was done. */
    DONE,
    /** An item's state did not allow it: it was there already, not there, or had changed. */
    NOT_STORED,
    /** The server's error line. */
    REFUSED,
    /** A value that the transcoder does not know. */
    UNDECODABLE,
    TIMEOUT,
    /** Must not run twice, and may have run. */
    UNKNOWN,
    NOT_CONNECTED,
    OVERLOADED,
    INVALID_REPLY,
    CLOSED,
    INTERRUPTED;

    static Outcome of(Reply reply) {
      return switch (reply.status()) {
        case END -> reply.value() == null ? MISS : HIT;
        case STORED, DELETED, TOUCHED, NUMBER, VERSION -> DONE;
        case NOT_STORED, EXISTS -> NOT_STORED;
        case NOT_FOUND -> MISS;
        case ERROR, CLIENT_ERROR, SERVER_ERROR -> REFUSED;
      };
    }

    static Outcome of(KerbyException failure) {
      return switch (failure) {
        case KerbyClosedException _ -> CLOSED;
        case KerbyConnectionException _ -> NOT_CONNECTED;
        case KerbyInterruptedException _ -> INTERRUPTED;
        case KerbyOverloadedException _ -> OVERLOADED;
        case KerbyProtocolException _ -> INVALID_REPLY;
        case KerbyServerException _, KerbyLockException _ -> REFUSED;
        case KerbyTimeoutException _ -> TIMEOUT;
        case KerbyUnknownOutcomeException _ -> UNKNOWN;
      };
    }
  }

  /** A call ended, {@code nanos} after it was made. */
  void ended(Command command, Outcome outcome, long nanos);

  /** One that tells this and another. */
  default CallObserver and(CallObserver other) {
    return (command, outcome, nanos) -> {
      ended(command, outcome, nanos);
      other.ended(command, outcome, nanos);
    };
  }
}
