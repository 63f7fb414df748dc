package org.kerbykv.server.lock;

import io.netty.buffer.ByteBuf;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.kerbykv.server.net.DatagramSender;

/**
 * {@code struct lock_notice}: what has become of an acquire, to be sent.
 *
 * @param message is the owner's to release
 * @param to the client
 * @param from the address that its last request was sent to
 */
record LockNotice(ByteBuf message, InetSocketAddress to, InetAddress from) {
  static final int MESSAGE = 0;
  static final int FLOW = 48;
  static final int BYTES = 112;

  /** Copies one out of a slot or an event. */
  static LockNotice read(MemorySegment memory, long at, DatagramSender sender) {
    ByteBuf message = sender.buffer(LockMessage.BYTES);
    LockMessage.write(memory, at + MESSAGE, message);
    return new LockNotice(
        message, LockFlow.source(memory, at + FLOW), LockFlow.destination(memory, at + FLOW));
  }

  /** Sends it, on the sender's event loop. */
  void send(DatagramSender sender) {
    sender.send(message, to, from);
  }
}
