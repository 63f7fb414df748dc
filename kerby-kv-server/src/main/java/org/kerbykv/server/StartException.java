package org.kerbykv.server;

/** The server cannot run as it was asked to; the message is one line for its operator. */
public final class StartException extends Exception {
  public StartException(String message) {
    super(message);
  }

  public StartException(String message, Throwable cause) {
    super(message, cause);
  }
}
