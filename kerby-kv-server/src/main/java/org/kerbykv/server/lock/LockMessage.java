package org.kerbykv.server.lock;

import io.netty.buffer.ByteBuf;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** {@code struct lock_message}, in network byte order: a request, or a reply. */
final class LockMessage {
  static final int VERSION = 2;
  static final int STATUS = 5;
  static final int TOKEN = 32;
  static final int WAIT = 40;
  static final int LEASE = 44;
  static final int BYTES = 48;

  static final int MAGIC_NUMBER = 0x4b4c;
  static final int PROTOCOL = 1;

  // enum lock_status
  static final byte REQUEST = 0;
  static final byte NO_ROOM = 9;

  private static final ValueLayout.OfLong BIG_ENDIAN =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.BIG_ENDIAN);

  private LockMessage() {}

  /** Copies one out of a datagram, without an allocation. */
  static void read(ByteBuf datagram, MemorySegment to, long at) {
    for (int i = 0; i < BYTES; i += Long.BYTES) {
      to.set(BIG_ENDIAN, at + i, datagram.getLong(datagram.readerIndex() + i));
    }
  }

  /** Copies one into a datagram, likewise. */
  static void write(MemorySegment from, long at, ByteBuf datagram) {
    for (int i = 0; i < BYTES; i += Long.BYTES) {
      datagram.writeLong(from.get(BIG_ENDIAN, at + i));
    }
  }

  /** Returns whether a datagram's content is a request to a lock manager of this version. */
  static boolean isRequest(ByteBuf content) {
    int start = content.readerIndex();
    return content.readableBytes() == BYTES
        && content.getUnsignedShort(start) == MAGIC_NUMBER
        && content.getByte(start + VERSION) == PROTOCOL
        && content.getByte(start + STATUS) == REQUEST;
  }
}
