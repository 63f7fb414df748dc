package org.kerbykv.client;

/** Too many calls are unanswered, see {@link BackPressure}. Nothing was sent. */
public final class KerbyOverloadedException extends KerbyException {
  KerbyOverloadedException(String message, Throwable cause) {
    super(message, cause);
  }
}
