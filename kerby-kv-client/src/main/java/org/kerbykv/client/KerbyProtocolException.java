package org.kerbykv.client;

/**
 * The server sent what is no reply to the request, or a value over the limit. The connection was
 * closed.
 */
public final class KerbyProtocolException extends KerbyException {
  KerbyProtocolException(String message, Throwable cause) {
    super(message, cause);
  }
}
