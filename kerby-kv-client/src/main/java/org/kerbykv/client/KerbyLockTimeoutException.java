package org.kerbykv.client;

/** The lock did not become free within the wait limit. */
public final class KerbyLockTimeoutException extends KerbyLockException {
  KerbyLockTimeoutException(String message) {
    super(message);
  }
}
