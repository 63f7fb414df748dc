package org.kerbykv.loadgen.lock;

/**
 * The messages of Kerby-Lock on the wire, as lock_abi.h has them: offsets, operations, statuses.
 */
public final class LockMessages {
  public static final int BYTES = 48;
  public static final int MAGIC = 0x4b4c;
  public static final int PROTOCOL = 1;

  // Offsets. All numbers are in network byte order.
  public static final int AT_MAGIC = 0;
  public static final int AT_VERSION = 2;
  public static final int AT_OP = 3;
  public static final int AT_MODE = 4;
  public static final int AT_STATUS = 5;
  public static final int AT_LOCK = 8;
  public static final int AT_CLIENT = 16;
  public static final int AT_SEQUENCE = 24;
  public static final int AT_WAIT = 40;
  public static final int AT_LEASE = 44;

  // enum lock_op
  public static final byte ACQUIRE = 1;
  public static final byte RELEASE = 2;

  // enum lock_mode
  public static final byte SHARED = 1;
  public static final byte EXCLUSIVE = 2;

  // enum lock_status
  public static final byte GRANTED = 1;
  public static final byte QUEUED = 2;
  public static final byte RELEASED = 3;
  public static final byte EXPIRED = 4;
  public static final byte TIMEOUT = 6;
  public static final byte BUSY = 7;
  public static final byte QUEUE_FULL = 8;
  public static final byte NO_ROOM = 9;

  private LockMessages() {}
}
