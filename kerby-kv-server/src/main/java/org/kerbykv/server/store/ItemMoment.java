package org.kerbykv.server.store;

/**
 * What may change of an item while it is stored, as it was at one moment. One thread's, to be
 * filled by an {@link ItemTable}.
 */
final class ItemMoment {
  long version;
  long cas;

  /** Boot seconds, or one of KvSlot's EXPTIME numbers. */
  int exptime;

  /** Boot seconds when it was last written, or read by somebody who was to be noticed. */
  int lastAccess;

  /** KvSlot's state bits. */
  byte state;
}
