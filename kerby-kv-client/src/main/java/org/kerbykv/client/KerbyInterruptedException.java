package org.kerbykv.client;

/**
 * The thread was interrupted while it waited. Its interrupt flag is set again; the call may have
 * been executed.
 */
public final class KerbyInterruptedException extends KerbyException {
  KerbyInterruptedException(String message, Throwable cause) {
    super(message, cause);
  }
}
