package org.kerbykv.client;

/**
 * There is no connection to the server: it could not be made, in which case nothing was executed,
 * or it was lost under a call that may be repeated safely.
 */
public final class KerbyConnectionException extends KerbyException {
  KerbyConnectionException(String message, Throwable cause) {
    super(message, cause);
  }
}
