package org.kerbykv.server.kernel;

import java.nio.ByteBuffer;
import java.util.List;
import org.kerbykv.server.net.Allowlist;
import org.kerbykv.server.net.Cidr;

/**
 * An Ethernet frame with one memcached datagram from 198.18.0.1:5555 to 198.18.0.2:11211, and to
 * the MAC address of lo, from which test runs take it to come.
 */
final class RequestFrame {
  /** A list that its source is on. */
  static final Allowlist ALLOWED = new Allowlist(List.of(Cidr.parse("198.18.0.1")));

  /** Where the text begins. */
  static final int TEXT = 14 + 20 + 8 + 8;

  private static final int IP = 14;

  private RequestFrame() {}

  static byte[] of(byte[] text) {
    ByteBuffer frame = ByteBuffer.allocate(TEXT + text.length);
    frame.put(new byte[] {0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1}).putShort((short) 0x0800);
    frame.putShort((short) 0x4500).putShort((short) (frame.capacity() - IP)).putInt(0x4000);
    frame.put((byte) 64).put((byte) 17).putShort((short) 0);
    frame.put(new byte[] {(byte) 198, 18, 0, 1, (byte) 198, 18, 0, 2});
    frame.putShort(IP + 10, (short) ~sum(frame));
    frame.putShort((short) 5555).putShort((short) 11211);
    frame.putShort((short) (8 + 8 + text.length)).putShort((short) 0);
    frame.putShort((short) 77).putShort((short) 0).putShort((short) 1).putShort((short) 0);
    return frame.put(text).array();
  }

  private static int sum(ByteBuffer frame) {
    int sum = 0;
    for (int at = IP; at < IP + 20; at += 2) {
      sum += Short.toUnsignedInt(frame.getShort(at));
    }
    return (sum & 0xffff) + (sum >> 16);
  }
}
