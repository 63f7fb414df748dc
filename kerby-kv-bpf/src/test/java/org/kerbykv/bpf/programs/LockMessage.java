package org.kerbykv.bpf.programs;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.kerbykv.bpf.programs.LockAbi.Mode;
import org.kerbykv.bpf.programs.LockAbi.Op;
import org.kerbykv.bpf.programs.LockAbi.Status;

/**
 * struct lock_message, a request or a reply.
 *
 * @param waiting milliseconds in an ACQUIRE, how many wait in a reply
 * @param lease milliseconds
 */
public record LockMessage(
    Op op,
    Mode mode,
    Status status,
    long lock,
    long client,
    long sequence,
    long token,
    int waiting,
    int lease) {
  public static final int BYTES = 48;
  private static final short MAGIC = 0x4b4c;
  private static final byte VERSION = 1;

  /** A request to acquire. */
  public static LockMessage acquire(
      Mode mode, long lock, long client, long sequence, int waitMillis, int leaseMillis) {
    return new LockMessage(
        Op.ACQUIRE, mode, Status.REQUEST, lock, client, sequence, 0, waitMillis, leaseMillis);
  }

  /** A request of another kind, which needs no more than this. */
  public static LockMessage of(Op op, long lock, long client, long sequence) {
    return new LockMessage(op, Mode.FREE, Status.REQUEST, lock, client, sequence, 0, 0, 0);
  }

  public static LockMessage renew(long lock, long client, long sequence, int leaseMillis) {
    return of(Op.RENEW, lock, client, sequence).withLease(leaseMillis);
  }

  LockMessage withLease(int leaseMillis) {
    return new LockMessage(op, mode, status, lock, client, sequence, token, waiting, leaseMillis);
  }

  /** The reply to this. */
  LockMessage reply(Status result, Mode shown, long grantToken, int waiting, int left) {
    return new LockMessage(op, shown, result, lock, client, sequence, grantToken, waiting, left);
  }

  /** As it is sent. */
  public byte[] bytes() {
    return ByteBuffer.allocate(BYTES)
        .putShort(MAGIC)
        .put(VERSION)
        .put((byte) KvAbi.number(op))
        .put((byte) KvAbi.number(mode))
        .put((byte) KvAbi.number(status))
        .putShort((short) 0)
        .putLong(lock)
        .putLong(client)
        .putLong(sequence)
        .putLong(token)
        .putInt(waiting)
        .putInt(lease)
        .array();
  }

  /** Reads those of a datagram from a server: whole ones, no more than it may hold. */
  public static List<LockMessage> readAll(byte[] bytes) {
    if (bytes.length == 0
        || bytes.length % BYTES != 0
        || bytes.length > LockAbi.MESSAGES_MAX * BYTES) {
      throw new AssertionError("not messages of Kerby-Lock, of " + bytes.length + " bytes");
    }
    List<LockMessage> messages = new ArrayList<>();
    for (int at = 0; at < bytes.length; at += BYTES) {
      messages.add(read(Arrays.copyOfRange(bytes, at, at + BYTES)));
    }
    return messages;
  }

  /** Reads one, which has to be whole. */
  public static LockMessage read(byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes);
    if (bytes.length != BYTES || in.getShort() != MAGIC || in.get() != VERSION) {
      throw new AssertionError("not a message of Kerby-Lock, of " + bytes.length + " bytes");
    }
    Op op = LockAbi.constant(Op.values(), in.get());
    Mode mode = LockAbi.constant(Mode.values(), in.get());
    Status status = LockAbi.constant(Status.values(), in.get());
    if (in.getShort() != 0) {
      throw new AssertionError("a message whose reserved bytes are not 0");
    }
    return new LockMessage(
        op,
        mode,
        status,
        in.getLong(),
        in.getLong(),
        in.getLong(),
        in.getLong(),
        in.getInt(),
        in.getInt());
  }
}
