package org.kerbykv.server.net;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.DefaultMaxMessagesRecvByteBufAllocator;

/**
 * Gives a UDP socket one buffer, over and over, that holds as many datagrams as one recvmmsg takes.
 *
 * <p>A datagram that was cut short cannot be told from a whole one, so there is room for the
 * longest that there is; only pages that are written to cost memory.
 */
final class DatagramBuffers extends DefaultMaxMessagesRecvByteBufAllocator {
  /** Most bytes of payload that a UDP datagram has. */
  static final int DATAGRAM_BYTES = 64 << 10;

  /** Datagrams per recvmmsg. */
  static final int DATAGRAMS = 32;

  /** Reads per readiness, so that TCP connections of the event loop get their turn. */
  private static final int READS_MAX = 4;

  private ByteBuf buffer;

  DatagramBuffers() {
    super(READS_MAX);
  }

  /** Gives the buffer back, once its socket is closed. */
  void release() {
    if (buffer != null) {
      buffer.release();
      buffer = null;
    }
  }

  @Override
  @SuppressWarnings("deprecation") // Netty's own allocators still implement it.
  public Handle newHandle() {
    return new OneBuffer();
  }

  /** A socket has one handle, so the buffer can be beside it. */
  private final class OneBuffer extends MaxMessageHandle {
    @Override
    public int guess() {
      return DATAGRAM_BYTES * DATAGRAMS;
    }

    @Override
    public ByteBuf allocate(ByteBufAllocator allocator) {
      if (buffer == null) {
        buffer = allocator.directBuffer(guess(), guess());
      } else if (buffer.refCnt() > 1) {
        // Somebody holds a datagram of the last read: leave that buffer to them.
        buffer.release();
        buffer = allocator.directBuffer(guess(), guess());
      }
      return buffer.clear().retain();
    }
  }
}
