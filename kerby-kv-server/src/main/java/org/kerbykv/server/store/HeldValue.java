package org.kerbykv.server.store;

import io.netty.buffer.ByteBuf;

/**
 * The rest of a value that a request found, to be read later. It stays what it was, whatever
 * becomes of its key meanwhile, and takes memory of the store until it is released.
 *
 * <p>Used by the thread of its door only.
 */
public final class HeldValue {
  private final StoreDoor door;
  private final long value;
  private final int end;
  private int at;

  HeldValue(StoreDoor door, long value, int at, int end) {
    this.door = door;
    this.value = value;
    this.at = at;
    this.end = end;
  }

  /** Returns the bytes that are still to be read. */
  public int remaining() {
    return end - at;
  }

  /** Appends as much of it to a buffer as that has room for. */
  public void read(ByteBuf target) {
    int length = Math.min(remaining(), target.writableBytes());
    door.readValue(value, at, target, length);
    at += length;
  }

  /** Ends its use. To be called once. */
  public void release() {
    door.releaseValue(value);
  }
}
