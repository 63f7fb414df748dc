package org.kerbykv.server.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;

/**
 * A request as it is sent, well framed or not.
 *
 * @param headerBytes 8, or fewer if it is shorter than its header
 * @param sequence number in its message, 0 where senders mean well
 * @param total datagrams in its message, likewise 1
 * @param reserved likewise 0
 * @param text a character for each byte
 * @param copies how often it is sent in a row
 */
record Datagram(int headerBytes, int sequence, int total, int reserved, String text, int copies) {
  /** Stands for a prefix of keys that no other stream of datagrams has; as long as it. */
  static final String PREFIX = "@@@@@@";

  static Datagram of(String text) {
    return new Datagram(UdpClient.HEADER, 0, 1, 0, text, 1);
  }

  /** Returns the same datagram for keys of their own. */
  Datagram withPrefix(String prefix) {
    if (prefix.length() != PREFIX.length()) {
      throw new IllegalArgumentException(prefix);
    }
    return new Datagram(
        headerBytes, sequence, total, reserved, text.replace(PREFIX, prefix), copies);
  }

  /** Returns what is in the UDP datagram. */
  ByteBuf payload(int id) {
    ByteBuf payload = Unpooled.buffer();
    payload.writeShort(id).writeShort(sequence).writeShort(total).writeShort(reserved);
    if (headerBytes < UdpClient.HEADER) {
      return payload.writerIndex(headerBytes);
    }
    return payload.writeBytes(text.getBytes(ISO_8859_1));
  }

  @Override
  public String toString() {
    String header =
        headerBytes < UdpClient.HEADER
            ? "%d bytes of header".formatted(headerBytes)
            : "%d/%d/%d".formatted(sequence, total, reserved);
    return "%n  %d x [%s] %s"
        .formatted(copies, header, Requests.abridged(text.getBytes(ISO_8859_1)));
  }
}
