package org.kerbykv.client;

/** Is told what becomes of a client's acquisitions, on the thread that notices. */
interface LockObserver {
  /** How an acquisition got its lock or did not. */
  enum Outcome {
    GRANTED,
    /** Did not want to wait. */
    BUSY,
    TIMEOUT,
    QUEUE_FULL,
    NO_ROOM,
    INVALID,
    /** Granted, and over before it was known. */
    LOST,
    /** The server did not answer. */
    NO_REPLY,
    OVERLOADED,
    INTERRUPTED,
    CLOSED;

    static Outcome of(KerbyException failure) {
      return switch (failure) {
        case KerbyLockTimeoutException _ -> TIMEOUT;
        case KerbyLockLostException _ -> LOST;
        case KerbyLockRefusedException refused -> valueOf(refused.reason().name());
        case KerbyOverloadedException _ -> OVERLOADED;
        case KerbyInterruptedException _ -> INTERRUPTED;
        case KerbyClosedException _ -> CLOSED;
        default -> NO_REPLY;
      };
    }
  }

  /** An acquisition was decided, {@code nanos} after it was asked for. */
  void decided(Outcome outcome, long nanos);

  /** A lock was given back or lost, {@code nanos} after it was granted. */
  void ended(boolean lost, long nanos);

  /** One that tells this and another. */
  default LockObserver and(LockObserver other) {
    LockObserver one = this;
    return new LockObserver() {
      @Override
      public void decided(Outcome outcome, long nanos) {
        one.decided(outcome, nanos);
        other.decided(outcome, nanos);
      }

      @Override
      public void ended(boolean lost, long nanos) {
        one.ended(lost, nanos);
        other.ended(lost, nanos);
      }
    };
  }
}
