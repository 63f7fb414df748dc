package org.kerbykv.client;

/** What became of a compare-and-set. */
public enum CasResult {
  /** The item still had the given version and now has the new value. */
  STORED,
  /** Someone changed the item since it was read; nothing was stored. */
  EXISTS,
  /** The item is gone; nothing was stored. */
  NOT_FOUND
}
