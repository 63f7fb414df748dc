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
  // Offsets in an untagged frame without IP options, in bytes.
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
  static final int SERVER_PORT = 11211;
  static final int CLIENT_PORT = 40000;

  /** Of lo, which test runs take a packet to come from: to any other it is not for this host. */
  private static final long SERVER_MAC = 0;

  private static final long CLIENT_MAC = 0x02_6b_65_72_62_02L;
  private static final int ID = 0xbeef;

  private final byte[] bytes;

  private Frame(byte[] bytes) {
    this.bytes = bytes;
  }

  /** A frame of these bytes, as a program left it. */
  static Frame of(byte[] bytes) {
    return new Frame(bytes.clone());
  }

  /** A request of {@code text}, as a client sends it; without UDP checksum. */
  static Frame request(String text) {
    return headers(CLIENT_MAC, SERVER_MAC, text.length())
        .set16(IP + 4, 0x1234) // identification
        .set16(IP_FRAGMENT, 0x4000)
        .set32(IP_SOURCE, CLIENT_IP)
        .set32(IP_DESTINATION, SERVER_IP)
        .set16(UDP_SOURCE, CLIENT_PORT)
        .set16(UDP_DESTINATION, SERVER_PORT)
        .set16(REQUEST_ID, ID)
        .set16(DATAGRAMS, 1)
        .withText(text)
        .withIpChecksum();
  }

  /** The one datagram that answers this request with {@code text}. */
  Frame reply(String text) {
    return headers(get48(MAC_DESTINATION), get48(MAC_SOURCE), text.length())
        .set16(IP_FRAGMENT, 0x4000)
        .set32(IP_SOURCE, get32(IP_DESTINATION))
        .set32(IP_DESTINATION, get32(IP_SOURCE))
        .set16(UDP_SOURCE, get16(UDP_DESTINATION))
        .set16(UDP_DESTINATION, get16(UDP_SOURCE))
        .set16(REQUEST_ID, get16(REQUEST_ID))
        .set16(DATAGRAMS, 1)
        .withText(text)
        .withIpChecksum();
  }

  /** An IPv4 UDP frame with room for {@code textLength} bytes of text. */
  private static Frame headers(long macSource, long macDestination, int textLength) {
    return new Frame(new byte[TEXT + textLength])
        .set48(MAC_DESTINATION, macDestination)
        .set48(MAC_SOURCE, macSource)
        .set16(ETHER_TYPE, 0x0800)
        .set16(IP, 0x4500)
        .set16(IP_TOTAL_LENGTH, TEXT - IP + textLength)
        .set8(IP + 8, 64) // time to live
        .set8(IP_PROTOCOL, 17)
        .set16(UDP_LENGTH, TEXT - UDP + textLength);
  }

  /** What follows memcached's frame header. */
  String text() {
    return new String(bytes, TEXT, bytes.length - TEXT, ISO_8859_1);
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
    return new Frame(copy);
  }

  /** With {@code length} bytes behind the datagram, as a device pads a short frame. */
  Frame padded(int length) {
    byte[] copy = Arrays.copyOf(bytes, bytes.length + length);
    Arrays.fill(copy, bytes.length, copy.length, (byte) 'P');
    return new Frame(copy);
  }

  /** Cut off after {@code length} bytes. */
  Frame truncated(int length) {
    return new Frame(Arrays.copyOf(bytes, length));
  }

  /** With the right IP checksum, whatever the header says. */
  Frame withIpChecksum() {
    Frame zero = set16(IP_CHECKSUM, 0);
    return zero.set16(IP_CHECKSUM, ~zero.sum(IP, IP + 20, 0) & 0xffff);
  }

  /** With the right UDP checksum. */
  Frame withUdpChecksum() {
    Frame zero = set16(UDP_CHECKSUM, 0);
    int checksum = ~zero.sum(UDP, bytes.length, zero.pseudoHeaderSum()) & 0xffff;
    return zero.set16(UDP_CHECKSUM, checksum == 0 ? 0xffff : checksum);
  }

  /** With the UDP checksum of a packet that a socket has just sent: of the pseudo header alone. */
  Frame withPartialUdpChecksum() {
    return set16(UDP_CHECKSUM, fold(pseudoHeaderSum()));
  }

  private int pseudoHeaderSum() {
    return sum(IP_SOURCE, IP_SOURCE + 8, get16(UDP_LENGTH) + bytes[IP_PROTOCOL]);
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
    return changed(copy -> copy.put(TEXT, text.getBytes(ISO_8859_1)));
  }

  private Frame changed(Consumer<ByteBuffer> change) {
    ByteBuffer copy = ByteBuffer.wrap(bytes());
    change.accept(copy);
    return new Frame(copy.array());
  }
}
