package org.kerbykv.client;

/** A complete reply, as far as a call's result needs it. Valid until the reader's next reply. */
interface Reply {
  /** The line that ended the reply. */
  enum Status {
    /** The end of a retrieval; {@link #value()} tells a hit from a miss. */
    END,
    STORED,
    NOT_STORED,
    EXISTS,
    NOT_FOUND,
    DELETED,
    TOUCHED,
    NUMBER,
    VERSION,
    ERROR,
    CLIENT_ERROR,
    SERVER_ERROR;

    boolean isError() {
      return compareTo(ERROR) >= 0;
    }

    /** Whether text may follow the word. */
    boolean hasText() {
      return compareTo(VERSION) >= 0;
    }
  }

  Status status();

  /** The value of a hit, owned by the caller from now on; null if there is none. */
  byte[] value();

  int flags();

  /** Of a retrieval of several keys: the value of the key at this index, or null. */
  byte[] value(int index);

  /** Of a retrieval of several keys: the flags stored with the value at this index. */
  int flags(int index);

  long cas();

  /** The result of incr or decr, unsigned. */
  long number();

  /** The error line as sent. */
  String errorLine();
}
