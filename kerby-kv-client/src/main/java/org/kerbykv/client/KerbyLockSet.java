package org.kerbykv.client;

import java.util.List;
import java.util.NoSuchElementException;

/** Several locks that were taken together, and are given back together. Thread-safe. */
public final class KerbyLockSet implements AutoCloseable {
  private final List<KerbyLock> locks;

  KerbyLockSet(List<KerbyLock> locks) {
    this.locks = List.copyOf(locks);
  }

  /** The locks, in the order of their numbers. */
  public List<KerbyLock> locks() {
    return locks;
  }

  /**
   * The lock of this number.
   *
   * @throws NoSuchElementException if it is none of these
   */
  public KerbyLock get(long id) {
    return locks.stream().filter(lock -> lock.id() == id).findFirst().orElseThrow();
  }

  /** Whether all of them are held, as {@link KerbyLock#isHeld} says it. */
  public boolean isHeld() {
    return locks.stream().allMatch(KerbyLock::isHeld);
  }

  /** Gives all of them back at the same time, each as {@link KerbyLock#close} does. */
  @Override
  @SuppressWarnings("FutureReturnValueIgnored") // close waits for it
  public void close() {
    locks.forEach(KerbyLock::releaseAsync);
    locks.forEach(KerbyLock::close);
  }
}
