package org.kerbykv.server.lock;

import io.netty.buffer.ByteBuf;

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

  private LockMessage() {}

  /** Returns whether a datagram's content is a request to a lock manager of this version. */
  static boolean isRequest(ByteBuf content) {
    int start = content.readerIndex();
    return content.readableBytes() == BYTES
        && content.getUnsignedShort(start) == MAGIC_NUMBER
        && content.getByte(start + VERSION) == PROTOCOL
        && content.getByte(start + STATUS) == REQUEST;
  }
}
