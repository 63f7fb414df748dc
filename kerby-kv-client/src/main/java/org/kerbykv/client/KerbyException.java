package org.kerbykv.client;

/**
 * A call that gave no answer. The subclass says what the caller may conclude: only {@link
 * KerbyUnknownOutcomeException} leaves open whether the server changed something that must not be
 * changed twice.
 */
public abstract sealed class KerbyException extends RuntimeException
    permits KerbyClosedException,
        KerbyConnectionException,
        KerbyInterruptedException,
        KerbyLockException,
        KerbyOverloadedException,
        KerbyProtocolException,
        KerbyServerException,
        KerbyTimeoutException,
        KerbyUnknownOutcomeException {

  KerbyException(String message, Throwable cause) {
    super(message, cause);
  }
}
