package org.kerbykv.bpf.programs;

import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BTFLayout;

/**
 * The layouts of lock_abi.h as the compiler of the programs saw them, and its numbers: the
 * constants of the enumerations here are in the order of those in C, which {@link LockAbiTest}
 * checks.
 */
public final class LockAbi {
  /** The object with all programs of Kerby-Lock, beside {@link BPFProgram}. */
  static final String OBJECT = "lock.bpf.o";

  static final BTFLayout LAYOUT = BTFLayout.read(BPFProgram.class, OBJECT);
  static final BTFLayout.Struct ENTRY = LAYOUT.struct("lock_entry");
  static final BTFLayout.Struct HOLDER = LAYOUT.struct("lock_holder");
  static final BTFLayout.Struct NODE = LAYOUT.struct("lock_node");
  static final BTFLayout.Struct SESSION = LAYOUT.struct("lock_session");
  static final BTFLayout.Struct RECORD = LAYOUT.struct("lock_record");
  static final BTFLayout.Struct CTL = LAYOUT.struct("lock_ctl");
  static final BTFLayout.Struct SLOT = LAYOUT.struct("lock_slot");
  static final BTFLayout.Struct NOTICE = LAYOUT.struct("lock_notice");
  static final BTFLayout.Struct EVENT = LAYOUT.struct("lock_event");
  static final BTFLayout.Struct STATS = LAYOUT.struct("lock_stats");
  static final BTFLayout.Struct FLOW = LAYOUT.struct("net_flow");
  static final BTFLayout.Struct STATE = LAYOUT.struct("kerby_state");
  static final BTFLayout.Struct DOOR_ARGS = LAYOUT.struct("lock_door_args");

  static final int PORT = 11311;
  public static final int WINDOW = 56;
  static final int MESSAGES_MAX = 2;
  static final int NOTICES_MAX = 8;
  static final int SLOTS = 512;
  static final int BATCH_MAX = 64;
  static final long NEVER = -1;

  /** enum lock_op; no request has the first. */
  public enum Op {
    NONE,
    ACQUIRE,
    RELEASE,
    CANCEL,
    QUERY,
    RENEW
  }

  /** enum lock_mode. */
  public enum Mode {
    FREE,
    SHARED,
    EXCLUSIVE
  }

  /** enum lock_status. */
  public enum Status {
    REQUEST,
    GRANTED,
    QUEUED,
    RELEASED,
    EXPIRED,
    CANCELLED,
    TIMEOUT,
    BUSY,
    QUEUE_FULL,
    NO_ROOM,
    NOT_HOLDER,
    STALE,
    INVALID;

    /** Whether an acquisition stands so for good. */
    public boolean isOver() {
      return compareTo(RELEASED) >= 0 && compareTo(NO_ROOM) <= 0;
    }
  }

  /** enum lock_slot_op. */
  enum SlotOp {
    NOP,
    MESSAGE,
    SWEEP,
    REAP_LOCK,
    REAP_CLIENT
  }

  /** enum lock_slot_status. */
  enum SlotStatus {
    DONE,
    AGAIN,
    FULL,
    KEPT,
    UNKNOWN
  }

  /** enum lock_event_kind. */
  enum Event {
    NONE,
    WATCH,
    NOTICE
  }

  private LockAbi() {}

  /** The constant of that number in C. */
  static <E extends Enum<E>> E constant(E[] values, int number) {
    return values[number];
  }
}
