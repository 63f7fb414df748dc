package org.kerbykv.client;

/**
 * A call that must not run twice was sent and not answered: it may have been executed or not. Read
 * the item to find out.
 */
public final class KerbyUnknownOutcomeException extends KerbyException {
  KerbyUnknownOutcomeException(String message, Throwable cause) {
    super(message, cause);
  }
}
