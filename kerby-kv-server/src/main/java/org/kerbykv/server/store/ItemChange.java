package org.kerbykv.server.store;

/**
 * How an item of an {@link ItemTable} is to be changed, in the words of {@link KvSlot}. One
 * thread's, which fills it anew for each change; the table keeps none.
 */
final class ItemChange {
  /** One of the IF numbers. */
  byte condition;

  /** IF_CAS: the cas, IF_VERSION: the version to be found. */
  long expected;

  /** 0 for the version's own number, CAS_NEXT likewise, else the number that clients chose. */
  long newCas;

  /** The KEEP bits. */
  byte keep;

  /** State bits to set. */
  byte state;

  /** State bits to take away, of those that are kept. */
  byte clear;

  /** Of a touch: boot seconds, or one of the EXPTIME numbers. */
  int exptime;

  boolean keeps(byte bit) {
    return (keep & bit) != 0;
  }

  /** Returns the cas of an item that is given a version. */
  long casOf(long version) {
    return newCas == 0 || newCas == KvSlot.CAS_NEXT ? version : newCas;
  }
}
