package org.kerbykv.server.protocol;

/** What the commands that are not about keys need of the server. Thread-safe. */
public interface ServerCommands {
  /** Returns the reply to "version", with its line end. */
  byte[] version();

  /**
   * Returns the reply to "stats".
   *
   * @param topic what follows "stats", or empty
   * @return the lines with their ends and END, or null if there is no such topic
   */
  byte[] stats(String topic);

  /** Sets the counts of stats back to zero. */
  void resetStats();

  /**
   * Expires everything stored so far, now or later; a later call replaces one that is pending.
   *
   * @param exptime as the client sent it: 0 or less now; else as an item's expiry
   */
  void flushAll(int exptime);

  /** Sets how much is logged, 0 being least. */
  void setVerbosity(int level);

  /** Returns memcached's -I, bytes. */
  int itemSizeMax();
}
