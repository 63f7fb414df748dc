package org.kerbykv.server.kernel;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;

/** Offsets of {@code struct kv_entry}, a value of map kv_index. kv_abi.h says what they mean. */
public final class KvEntry {
  public static final int WORD = 0;
  public static final int IDENTITY = 8;
  public static final int FIRST = 16;
  public static final int TOKEN = 24;
  public static final int FLAGS = 32;
  public static final int EXPTIME = 36;
  public static final int VALUE_LEN = 40;
  public static final int LAST_ACCESS = 44;
  public static final int BLOCKS = 48;
  public static final int KEY_LEN = 50;
  public static final int TIER = 51;
  public static final int STATE = 52;
  public static final int FETCHED = 53;
  public static final int LARGE = 54;
  public static final int CAS = 56;
  public static final int HEAD = 64;
  static final int HEAD_BYTES = 128;
  static final int LARGE_BYTES = 960;
  static final int KEY_MAX = 250;
  static final int VALUE_MAX = 8960;
  public static final int BYTES = HEAD + HEAD_BYTES;

  public static final int TIER_KERNEL = 1;
  public static final int TIER_USER = 2;

  private KvEntry() {}

  /** Returns the version of an entry. */
  public static long version(MemorySegment entry) {
    return entry.get(JAVA_LONG, WORD) >>> 1;
  }

  /** Returns whether a writer is at an entry. */
  public static boolean isHeld(MemorySegment entry) {
    return (entry.get(JAVA_LONG, WORD) & 1) != 0;
  }

  /** Returns whether an entry's time is up. */
  public static boolean isExpired(MemorySegment entry, int nowBootSeconds) {
    int exptime = entry.get(JAVA_INT, EXPTIME);
    return exptime != 0 && Integer.compareUnsigned(exptime, nowBootSeconds) <= 0;
  }

  static long first(MemorySegment entry) {
    return entry.get(JAVA_LONG, FIRST);
  }

  /** Returns the blocks of an entry's chain, its head included. */
  static int blocks(MemorySegment entry) {
    return Short.toUnsignedInt(entry.get(JAVA_SHORT, BLOCKS));
  }

  /** Returns whether the blocks of an entry's chain, but for its head, are large ones. */
  static boolean isLarge(MemorySegment entry) {
    return entry.get(JAVA_BYTE, LARGE) != 0;
  }

  /** Returns where an entry's value is: one of the TIER numbers. */
  public static int tier(MemorySegment entry) {
    return entry.get(JAVA_BYTE, TIER);
  }

  /** Returns what user space calls the value of an entry of the user tier. */
  public static long token(MemorySegment entry) {
    return entry.get(JAVA_LONG, TOKEN);
  }

  /** Returns the bytes of an entry's key. */
  public static int keyLength(MemorySegment entry) {
    return Byte.toUnsignedInt(entry.get(JAVA_BYTE, KEY_LEN));
  }

  /** Returns the boot second at which an item was last read or written. */
  public static int lastAccess(MemorySegment entry) {
    return entry.get(JAVA_INT, LAST_ACCESS);
  }

  /** Returns whether an item was read since it was written. */
  public static boolean wasFetched(MemorySegment entry) {
    return entry.get(JAVA_BYTE, FETCHED) != 0;
  }
}
