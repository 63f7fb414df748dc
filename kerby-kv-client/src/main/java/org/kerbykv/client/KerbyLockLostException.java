package org.kerbykv.client;

/** The lease has ended: another may hold the lock by now. */
public final class KerbyLockLostException extends KerbyLockException {
  KerbyLockLostException(String message) {
    super(message);
  }
}
