package org.kerbykv.loadgen.engine;

/** A load could not be run; the message says why, in one line, for the person who asked for it. */
public final class LoadException extends Exception {
  public LoadException(String message) {
    super(message);
  }

  public LoadException(String message, Throwable cause) {
    super(message, cause);
  }
}
