package org.kerbykv.bpf.programs;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * An Ethernet frame. Made well-formed and then spoiled by the methods, each of which returns a
 * changed copy. Checksums are not adjusted unless asked for, and one character of a text is one
 * byte.
 */
final class Frame {
  // Offsets in an untagged IPv4 frame without options, in bytes; see Headers for the others.
  static final int MAC_DESTINATION = 0;
  static final int MAC_SOURCE = 6;
  static final int ETHER_TYPE = 12;
  static final int IP = 14;
  static final int IP_TOTAL_LENGTH = 16;
  static final int IP_FRAGMENT = 20;
  static final int IP_PROTOCOL = 23;
  static final int IP_CHECKSUM = 24;
  static final int IP_SOURCE = 26;
  static final int IP_DESTINATION = 30;
  static final int UDP = 34;
  static final int UDP_SOURCE = 34;
  static final int UDP_DESTINATION = 36;
  static final int UDP_LENGTH = 38;
  static final int UDP_CHECKSUM = 40;

  /** memcached's frame header: request id, sequence number, datagrams in all, reserved. */
  static final int REQUEST_ID = 42;

  static final int SEQUENCE = 44;
  static final int DATAGRAMS = 46;
  static final int RESERVED = 48;
  static final int TEXT = 50;

  static final int SERVER_IP = 0xc6120001; // 198.18.0.1
  static final int CLIENT_IP = 0xc6120002;

  /** 2001:2::1 and 2001:2::2, of the addresses for tests of networks. */
  static final long IP6_PREFIX = 0x2001_0002_0000_0000L;

  static final int SERVER_IP6 = 1;
  static final int CLIENT_IP6 = 2;

  /** Priority 3, VLAN 5. */
  static final int TAG = 0x6005;

  static final int SERVER_PORT = 11211;
  static final int CLIENT_PORT = 40000;

  /** Of lo, which test runs take a packet to come from: to any other it is not for this host. */
  private static final long SERVER_MAC = 0;

  private static final long CLIENT_MAC = 0x02_6b_65_72_62_02L;
  private static final int ID = 0xbeef;

  private final Headers headers;
  private final byte[] bytes;

  private Frame(Headers headers, byte[] bytes) {
    this.headers = headers;
    this.bytes = bytes;
  }

  /** The same frame as a program left it. */
  Frame as(byte[] left) {
    return new Frame(headers, left.clone());
  }

  /** A request of {@code text}, as a client sends it; without UDP checksum. */
  static Frame request(String text) {
    return request(Headers.IP4, text);
  }

  /** A request of {@code text}, as a client sends it; over IPv4 without UDP checksum. */
  static Frame request(Headers headers, String text) {
    Frame frame = empty(headers, CLIENT_MAC, SERVER_MAC, text.length());
    if (headers.tagged) {
      frame = frame.set16(headers.etherType - 2, TAG);
    }
    if (headers.ip6) {
      frame =
          frame
              .set32(headers.ip, 0x6ab_54321) // traffic class and flow label
              .set8(headers.ip + 7, 63) // hop limit
              .setIp6(headers.addresses(), CLIENT_IP6)
              .setIp6(headers.destination(), SERVER_IP6);
    } else {
      frame =
          frame
              .set16(headers.ip + 4, 0x1234) // identification
              .set16(headers.ip + 6, 0x4000)
              .set32(headers.addresses(), CLIENT_IP)
              .set32(headers.destination(), SERVER_IP);
    }
    frame =
        frame
            .set16(headers.udp, CLIENT_PORT)
            .set16(headers.udp + 2, SERVER_PORT)
            .set16(headers.requestId, ID)
            .set16(headers.requestId + 4, 1)
            .withText(text)
            .withIpChecksum();
    return headers.ip6 ? frame.withUdpChecksum() : frame;
  }

  /** The one datagram that answers this request with {@code text}. */
  Frame reply(String text) {
    Frame reply =
        empty(headers, get48(MAC_DESTINATION), get48(MAC_SOURCE), text.length())
            .copy(headers.addresses(), this, headers.destination(), headers.addressBytes())
            .copy(headers.destination(), this, headers.addresses(), headers.addressBytes())
            .set16(headers.udp, get16(headers.udp + 2))
            .set16(headers.udp + 2, get16(headers.udp))
            .set16(headers.requestId, get16(headers.requestId))
            .set16(headers.requestId + 4, 1)
            .withText(text);
    if (headers.tagged) {
      reply = reply.set16(headers.etherType - 2, get16(headers.etherType - 2));
    }
    return headers.ip6
        ? reply.withUdpChecksum()
        : reply.set16(headers.ip + 6, 0x4000).withIpChecksum();
  }

  /** A UDP frame with room for {@code textLength} bytes of text, and lengths that say so. */
  private static Frame empty(Headers headers, long macSource, long macDestination, int textLength) {
    int udpLength = headers.text - headers.udp + textLength;
    Frame frame =
        new Frame(headers, new byte[headers.text + textLength])
            .set48(MAC_DESTINATION, macDestination)
            .set48(MAC_SOURCE, macSource)
            .set16(ETHER_TYPE, Headers.ETHER_TYPE_TAG) // if there is one, else written over
            .set16(headers.udpLength, udpLength);
    return headers.ip6
        ? frame
            .set16(headers.etherType, Headers.ETHER_TYPE_IP6)
            .set32(headers.ip, 0x60000000)
            .set16(headers.ip + 4, udpLength)
            .set8(headers.ip + 6, 17)
            .set8(headers.ip + 7, 64) // hop limit
        : frame
            .set16(headers.etherType, Headers.ETHER_TYPE_IP4)
            .set16(headers.ip, 0x4500)
            .set16(headers.ip + 2, 20 + udpLength)
            .set8(headers.ip + 8, 64) // time to live
            .set8(headers.ip + 9, 17);
  }

  Headers headers() {
    return headers;
  }

  /** The same bytes, taken to have these headers. */
  Frame with(Headers other) {
    return new Frame(other, bytes);
  }

  /** What follows memcached's frame header. */
  String text() {
    return new String(bytes, headers.text, bytes.length - headers.text, ISO_8859_1);
  }

  /** A copy of the frame. */
  byte[] bytes() {
    return bytes.clone();
  }

  int length() {
    return bytes.length;
  }

  Frame set8(int at, int value) {
    return changed(copy -> copy.put(at, (byte) value));
  }

  Frame set16(int at, int value) {
    return changed(copy -> copy.putShort(at, (short) value));
  }

  Frame set32(int at, int value) {
    return changed(copy -> copy.putInt(at, value));
  }

  Frame set48(int at, long value) {
    return set16(at, (int) (value >>> 32)).set32(at + 2, (int) value);
  }

  /** An address of ours: the prefix, and {@code host} behind it. */
  Frame setIp6(int at, int host) {
    return changed(copy -> copy.putLong(at, IP6_PREFIX).putLong(at + Long.BYTES, host));
  }

  private Frame copy(int at, Frame from, int fromAt, int length) {
    return changed(copy -> copy.put(at, from.bytes, fromAt, length));
  }

  int get16(int at) {
    return Short.toUnsignedInt(ByteBuffer.wrap(bytes).getShort(at));
  }

  private int get32(int at) {
    return ByteBuffer.wrap(bytes).getInt(at);
  }

  private long get48(int at) {
    return (long) get16(at) << 32 | Integer.toUnsignedLong(get32(at + 2));
  }

  /** With {@code more} put in at {@code at}; no length is adjusted. */
  Frame insert(int at, int... more) {
    byte[] copy = new byte[bytes.length + more.length];
    System.arraycopy(bytes, 0, copy, 0, at);
    for (int i = 0; i < more.length; i++) {
      copy[at + i] = (byte) more[i];
    }
    System.arraycopy(bytes, at, copy, at + more.length, bytes.length - at);
    return new Frame(headers, copy);
  }

  /** With {@code length} bytes behind the datagram, as a device pads a short frame. */
  Frame padded(int length) {
    byte[] copy = Arrays.copyOf(bytes, bytes.length + length);
    Arrays.fill(copy, bytes.length, copy.length, (byte) 'P');
    return new Frame(headers, copy);
  }

  /** Cut off after {@code length} bytes. */
  Frame truncated(int length) {
    return new Frame(headers, Arrays.copyOf(bytes, length));
  }

  /** With the right IP checksum, whatever the header says; IPv6 has none. */
  Frame withIpChecksum() {
    if (headers.ip6) {
      return this;
    }
    int checksum = headers.ip + 10;
    Frame zero = set16(checksum, 0);
    return zero.set16(checksum, ~zero.sum(headers.ip, headers.udp, 0) & 0xffff);
  }

  /** With the right UDP checksum. */
  Frame withUdpChecksum() {
    Frame zero = set16(headers.udpChecksum, 0);
    int checksum = ~zero.sum(headers.udp, bytes.length, zero.pseudoHeaderSum()) & 0xffff;
    return zero.set16(headers.udpChecksum, checksum == 0 ? 0xffff : checksum);
  }

  /** With the UDP checksum of a packet that a socket has just sent: of the pseudo header alone. */
  Frame withPartialUdpChecksum() {
    return set16(headers.udpChecksum, fold(pseudoHeaderSum()));
  }

  private int pseudoHeaderSum() {
    int protocol = bytes[headers.ip + (headers.ip6 ? 6 : 9)] & 0xff;
    int end = headers.addresses() + 2 * headers.addressBytes();
    return sum(headers.addresses(), end, get16(headers.udpLength) + protocol);
  }

  /** The ones' complement sum of the bytes from..to, on top of {@code sum}. */
  private int sum(int from, int to, int sum) {
    for (int i = from; i < to; i++) {
      sum += (bytes[i] & 0xff) << ((i - from) % 2 == 0 ? 8 : 0);
    }
    return fold(sum);
  }

  private static int fold(int sum) {
    int folded = sum;
    while (folded > 0xffff) {
      folded = (folded & 0xffff) + (folded >>> 16);
    }
    return folded;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Frame frame && Arrays.equals(bytes, frame.bytes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bytes);
  }

  /** A dump, 16 bytes a line. */
  @Override
  public String toString() {
    StringBuilder dump = new StringBuilder(bytes.length + " bytes");
    for (int i = 0; i < bytes.length; i++) {
      dump.append(i % 16 == 0 ? "\n%04x ".formatted(i) : "").append(" %02x".formatted(bytes[i]));
    }
    return dump.toString();
  }

  private Frame withText(String text) {
    return changed(copy -> copy.put(headers.text, text.getBytes(ISO_8859_1)));
  }

  private Frame changed(Consumer<ByteBuffer> change) {
    ByteBuffer copy = ByteBuffer.wrap(bytes());
    change.accept(copy);
    return new Frame(headers, copy.array());
  }
}
