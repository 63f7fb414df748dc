package org.kerbykv.bpf.programs;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BTFLayout;

/**
 * The layouts of kv_abi.h as the compiler of the programs saw them, and its numbers: the constants
 * of the enumerations here are in the order of those in C, which {@link KvAbiTest} checks.
 */
final class KvAbi {
  /** The object with all programs of Kerby-KV, beside {@link BPFProgram}. */
  static final String OBJECT = "kv.bpf.o";

  static final BTFLayout LAYOUT = BTFLayout.read(BPFProgram.class, OBJECT);
  static final BTFLayout.Struct ENTRY = LAYOUT.struct("kv_entry");
  static final BTFLayout.Struct SLOT = LAYOUT.struct("kv_slot");
  static final BTFLayout.Struct CTL = LAYOUT.struct("kv_ctl");
  static final BTFLayout.Struct STATS = LAYOUT.struct("kv_stats");
  static final BTFLayout.Struct STATE = LAYOUT.struct("kerby_state");
  static final BTFLayout.Struct DOOR_ARGS = LAYOUT.struct("kv_door_args");

  static final int KEY_MAX = 250;
  static final int HEAD_BYTES = 128;
  static final int LARGE_BYTES = 960;
  static final int VALUE_MAX = 8960;
  static final int SLOTS = 512;
  static final int BATCH_MAX = 64;
  static final int EXPTIME_NEVER = 0;
  static final int EXPTIME_PAST = 1;

  /** enum kv_tier. */
  static final int TIER_KERNEL = 1;

  static final int TIER_USER = 2;

  /** Bits of enum kv_state. */
  static final int STALE = 1;

  static final int WON = 2;
  static final int FETCHED = 4;
  static final int BINARY = 8;

  /** Bits of enum kv_keep. */
  static final int KEEP_EXPTIME = 1;

  static final int KEEP_ITEM = 2;
  static final int KEEP_ACCESS = 4;
  static final int KEEP_STATE = 8;

  /** KV_CAS_NEXT. */
  static final long CAS_NEXT = -1;

  /** enum kv_slot_op. */
  enum Op {
    NOP,
    GET,
    SET,
    DELETE,
    TOUCH,
    REAP,
    FLUSH
  }

  /** enum kv_slot_cond. */
  enum Cond {
    ANY,
    ABSENT,
    PRESENT,
    CAS,
    VERSION
  }

  /** enum kv_status. */
  enum Status {
    OK,
    MISS,
    EXISTS,
    BUSY,
    NOSPC,
    TOO_BIG,
    COLLISION,
    INVALID,
    USER
  }

  /** enum kv_path. */
  enum Path {
    XDP,
    TC,
    USER
  }

  /** enum kv_op. */
  enum CountedOp {
    GET,
    SET,
    DELETE,
    TOUCH,
    OTHER
  }

  /** enum kv_result. */
  enum CountedResult {
    HIT,
    MISS,
    STORED,
    DELETED,
    NOT_FOUND,
    ERROR,
    PASSED
  }

  private KvAbi() {}

  /** The number that a constant of these enumerations has in C. */
  @SuppressWarnings("EnumOrdinal")
  static int number(Enum<?> constant) {
    return constant.ordinal();
  }

  /** An address as the programs keep it. */
  static int networkOrder(int address) {
    return ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN
        ? address
        : Integer.reverseBytes(address);
  }

  /** An IPv4 address as map kv_local has it. */
  static byte[] mapped(int address) {
    return ByteBuffer.allocate(16).putInt(8, 0xffff).putInt(12, address).array();
  }

  /** The status of that number. */
  @SuppressWarnings("EnumOrdinal")
  static Status status(int number) {
    return Status.values()[number];
  }
}
