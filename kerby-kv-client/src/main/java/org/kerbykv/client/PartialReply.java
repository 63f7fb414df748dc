package org.kerbykv.client;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;

/** The datagrams of a reply that has several, until all are there. */
final class PartialReply {
  private final Call<?> call;
  private final byte[][] parts;
  private int missing;

  PartialReply(Call<?> call, int total) {
    this.call = call;
    parts = new byte[total][];
    missing = total;
  }

  Call<?> call() {
    return call;
  }

  /**
   * Keeps a copy of the datagram's payload.
   *
   * @return false if this cannot be a part of the same reply: it was there already, so the request
   *     was executed twice, or the total differs
   */
  boolean add(int number, int total, ByteBuf payload) {
    if (total != parts.length || parts[number] != null) {
      return false;
    }
    parts[number] = new byte[payload.readableBytes()];
    payload.readBytes(parts[number]);
    missing--;
    return true;
  }

  boolean isComplete() {
    return missing == 0;
  }

  ByteBuf join() {
    return Unpooled.wrappedBuffer(parts);
  }
}
