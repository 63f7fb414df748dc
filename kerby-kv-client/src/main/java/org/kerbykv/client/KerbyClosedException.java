package org.kerbykv.client;

/**
 * The client was closed before the call ended. A call that may be repeated safely could still have
 * been executed.
 */
public final class KerbyClosedException extends KerbyException {
  KerbyClosedException(String message, Throwable cause) {
    super(message, cause);
  }
}
