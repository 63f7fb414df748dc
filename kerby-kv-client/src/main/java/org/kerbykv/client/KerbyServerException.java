package org.kerbykv.client;

/**
 * The server refused the request with an error line, which is the message: {@code ERROR}, {@code
 * CLIENT_ERROR ...} or {@code SERVER_ERROR ...}.
 */
public final class KerbyServerException extends KerbyException {
  KerbyServerException(String line) {
    super(line, null);
  }
}
