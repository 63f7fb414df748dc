package org.kerbykv.client;

import io.netty.buffer.ByteBuf;

/**
 * A message of Kerby-Lock, request or reply: {@code struct lock_message} of {@code lock_abi.h}, in
 * network byte order.
 *
 * @param op {@link #ACQUIRE} to {@link #RENEW}
 * @param mode {@link LockMode#wire()}, or 0
 * @param status {@link #REQUEST} in a request, {@link #GRANTED} to {@link #INVALID} in a reply
 * @param waiting in a request how long to wait, in milliseconds; in a reply how many wait
 * @param lease in milliseconds; in a reply what is left of it
 */
record LockMessage(
    int op,
    int mode,
    int status,
    long lock,
    long client,
    long sequence,
    long token,
    long waiting,
    long lease) {
  static final int BYTES = 48;

  static final int ACQUIRE = 1;
  static final int RELEASE = 2;
  static final int CANCEL = 3;
  static final int QUERY = 4;
  static final int RENEW = 5;

  static final int REQUEST = 0;
  static final int GRANTED = 1;
  static final int QUEUED = 2;
  static final int RELEASED = 3;
  static final int EXPIRED = 4;
  static final int CANCELLED = 5;
  static final int TIMEOUT = 6;
  static final int BUSY = 7;
  static final int QUEUE_FULL = 8;
  static final int NO_ROOM = 9;
  static final int NOT_HOLDER = 10;
  static final int STALE = 11;
  static final int INVALID = 12;

  private static final int MAGIC = 0x4b4c; // "KL"
  private static final int VERSION = 1;

  static LockMessage request(
      int op, int mode, long lock, long client, long sequence, long waiting, long lease) {
    return new LockMessage(op, mode, REQUEST, lock, client, sequence, 0, waiting, lease);
  }

  void write(ByteBuf out) {
    out.writeShort(MAGIC)
        .writeByte(VERSION)
        .writeByte(op)
        .writeByte(mode)
        .writeByte(status)
        .writeShort(0)
        .writeLong(lock)
        .writeLong(client)
        .writeLong(sequence)
        .writeLong(token)
        .writeInt((int) waiting)
        .writeInt((int) lease);
  }

  /** Reads one; returns null if it is no message. */
  static LockMessage read(ByteBuf in) {
    if (in.readableBytes() != BYTES
        || in.readUnsignedShort() != MAGIC
        || in.readUnsignedByte() != VERSION) {
      return null;
    }
    int op = in.readUnsignedByte();
    int mode = in.readUnsignedByte();
    int status = in.readUnsignedByte();
    in.skipBytes(2);
    return new LockMessage(
        op,
        mode,
        status,
        in.readLong(),
        in.readLong(),
        in.readLong(),
        in.readLong(),
        in.readUnsignedInt(),
        in.readUnsignedInt());
  }

  /** Whether it is a reply as the server sends them. */
  boolean isReply() {
    return op >= ACQUIRE && op <= RENEW && status >= GRANTED && status <= INVALID;
  }

  static String statusName(int status) {
    return switch (status) {
      case GRANTED -> "granted";
      case QUEUED -> "queued";
      case RELEASED -> "released";
      case EXPIRED -> "expired";
      case CANCELLED -> "cancelled";
      case TIMEOUT -> "timeout";
      case BUSY -> "busy";
      case QUEUE_FULL -> "queue full";
      case NO_ROOM -> "no room";
      case NOT_HOLDER -> "not the holder";
      case STALE -> "stale";
      default -> "invalid";
    };
  }
}
