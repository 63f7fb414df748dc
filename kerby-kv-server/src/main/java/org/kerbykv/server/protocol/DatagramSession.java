package org.kerbykv.server.protocol;

import io.netty.buffer.ByteBuf;
import org.kerbykv.server.metrics.DropReason;

/**
 * memcached's UDP framing: a header of {@value #HEADER_BYTES} bytes, then requests in ASCII, whole
 * ones only. All replies to one datagram are one message.
 *
 * <p>The header's 16-bit fields, big-endian: request id, number of the datagram in its message,
 * datagrams in the message, and one reserved. Used by one event loop only.
 */
public final class DatagramSession {
  public static final int HEADER_BYTES = 8;

  private static final int TOTAL_AT = 4;

  private final Dispatcher dispatcher;
  private final ReplyOutput output;
  private final AsciiSession session;

  public DatagramSession(Dispatcher dispatcher, ReplyOutput output, ServerCommands server) {
    this.dispatcher = dispatcher;
    this.output = output;
    this.session = new AsciiSession(dispatcher, output, server);
  }

  /**
   * Takes a datagram. Its bytes are not needed afterwards.
   *
   * @param datagram all of the payload, from its reader index
   * @param envelope whatever the output needs to know where the reply goes
   */
  public void receive(ByteBuf datagram, Object envelope) {
    if (datagram.readableBytes() < HEADER_BYTES) {
      dispatcher.counters().count(DropReason.NO_HEADER);
      return;
    }
    int start = datagram.readerIndex();
    if (datagram.getUnsignedShort(start + TOTAL_AT) != 1) {
      dispatcher.counters().count(DropReason.MULTI_DATAGRAM);
      return;
    }
    dispatcher.beginMessage(output, envelope, datagram.getUnsignedShort(start));
    datagram.skipBytes(HEADER_BYTES);
    session.consume(datagram);
    if (!session.endDatagram(datagram)) {
      dispatcher.counters().count(DropReason.TRUNCATED);
    }
    dispatcher.endMessage(output);
  }

  /**
   * Writes a reply's header.
   *
   * @param requestId of the request, 16 bits
   * @param number of this datagram, from 0
   * @param total datagrams of the reply
   */
  public static void writeHeader(ByteBuf datagram, int requestId, int number, int total) {
    datagram.setShort(0, requestId);
    datagram.setShort(2, number);
    datagram.setShort(TOTAL_AT, total);
    datagram.setShort(6, 0);
  }
}
