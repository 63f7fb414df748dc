package org.kerbykv.server.store;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The one authority for what is stored.
 *
 * <p>Thread-safe; each key is linearizable over all doors.
 */
public interface Store extends AutoCloseable {
  int COUNTS_BYTES = 2048;

  /** Opens a door for one thread; it is the caller's to close. */
  StoreDoor openDoor();

  /** Takes everything stored so far for expired (memcached's flush_all, without delay). */
  void flushAll();

  /**
   * Does a bounded part of the store's upkeep: gives the memory of expired items back. To be called
   * about once a second, by one thread.
   */
  void upkeep();

  /**
   * Returns memory for the counts of event loops, {@value #COUNTS_BYTES} bytes each, at first zero.
   * It lives as long as what is stored, so there may be more than asked for: of earlier processes
   * with more event loops.
   *
   * @param loops how many there are at least
   */
  List<MemorySegment> counts(int loops);

  /** Returns the store's figures now. */
  StoreFigures figures();

  @Override
  void close();
}
