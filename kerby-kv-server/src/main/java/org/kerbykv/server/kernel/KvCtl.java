package org.kerbykv.server.kernel;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * {@code struct kv_ctl}, the one value of map kv_ctl: what user space tells the running programs.
 * Thread-safe; a single field is written or read at a time.
 */
final class KvCtl {
  static final int LAYOUT_VERSION = 0;
  static final int HASH_KEY = 8;
  static final int FLUSH_VERSION = 24;
  static final int UNIX_MINUS_BOOT = 32;
  static final int EPOCH = 40;
  static final int NEXT_VERSION = 64;
  static final int BYTES = 128;

  /** KV_LAYOUT_VERSION of the kv_abi.h that this code was written for. */
  static final long CURRENT_LAYOUT = 3;

  private static final VarHandle LONG = JAVA_LONG.varHandle();
  private static final VarHandle INT = JAVA_INT.varHandle();

  private final MemorySegment memory;

  KvCtl(MemorySegment memory) {
    this.memory = memory;
  }

  /** Returns the layout version of the maps; 0 when they are new. */
  long layoutVersion() {
    return (long) LONG.getVolatile(memory, (long) LAYOUT_VERSION);
  }

  /** Sets the random key of the hash and then, as the last of the set-up, the version. */
  void initialize(long hashKey0, long hashKey1) {
    LONG.setVolatile(memory, (long) HASH_KEY, hashKey0);
    LONG.setVolatile(memory, HASH_KEY + (long) Long.BYTES, hashKey1);
    LONG.setVolatile(memory, (long) LAYOUT_VERSION, CURRENT_LAYOUT);
  }

  long flushVersion() {
    return (long) LONG.getVolatile(memory, (long) FLUSH_VERSION);
  }

  void setUnixMinusBoot(long seconds) {
    LONG.setVolatile(memory, (long) UNIX_MINUS_BOOT, seconds);
  }

  int epoch() {
    return (int) INT.getVolatile(memory, (long) EPOCH);
  }

  void setEpoch(int bootSeconds) {
    INT.setVolatile(memory, (long) EPOCH, bootSeconds);
  }
}
