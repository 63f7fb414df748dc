package org.kerbykv.client;

/** The server has answered, and the lock is not held. */
public abstract sealed class KerbyLockException extends KerbyException
    permits KerbyLockLostException, KerbyLockRefusedException, KerbyLockTimeoutException {

  KerbyLockException(String message) {
    super(message, null);
  }
}
