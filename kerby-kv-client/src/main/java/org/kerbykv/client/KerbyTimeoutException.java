package org.kerbykv.client;

/** No reply in time. The call may be repeated: what it does, it may do twice. */
public final class KerbyTimeoutException extends KerbyException {
  KerbyTimeoutException(String message, Throwable cause) {
    super(message, cause);
  }
}
