package org.kerbykv.server.store;

/**
 * The one authority for what is stored.
 *
 * <p>Thread-safe; each key is linearizable over all doors.
 */
public interface Store extends AutoCloseable {
  /** Opens a door for one thread; it is the caller's to close. */
  StoreDoor openDoor();

  /** Takes everything stored so far for expired (memcached's flush_all, without delay). */
  void flushAll();

  /**
   * Does a bounded part of the store's upkeep: gives the memory of expired items back. To be called
   * about once a second, by one thread.
   */
  void upkeep();

  /** Returns the store's figures now. */
  StoreFigures figures();

  @Override
  void close();
}
