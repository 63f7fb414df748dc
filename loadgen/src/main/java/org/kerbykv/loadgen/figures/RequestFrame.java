package org.kerbykv.loadgen.figures;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/**
 * A frame with a request over UDP and IPv4, from 198.18.0.1 to 198.18.0.2, as it reaches an XDP
 * program, or with the reply. Immutable.
 */
final class RequestFrame {
  static final int SERVER_ADDRESS = 198 << 24 | 18 << 16 | 2;
  static final int PORT = 11211;

  /** An element of the programs' net_allow4: the network that all addresses are in. */
  static final long FROM_EVERYWHERE = 0;

  /** Of the longest frame: one page, as XDP has. */
  static final int LENGTH_MAX = 4096;

  /** Digits of a key that {@code xdp_bench.bpf.c} writes. */
  static final int DIGITS = 8;

  private static final int CLIENT_ADDRESS = SERVER_ADDRESS - 1;
  private static final int CLIENT_PORT = 40_000;
  private static final int ETHERNET_BYTES = 14;
  private static final int IP_BYTES = 20;
  private static final int UDP_BYTES = 8;
  private static final int MEMCACHED_BYTES = 8;

  /** Bytes before the payload. */
  static final int PAYLOAD = ETHERNET_BYTES + IP_BYTES + UDP_BYTES;

  private static final int TEXT = PAYLOAD + MEMCACHED_BYTES;

  /** Keys of 16 bytes, as the loads have. */
  private static final int KEY_BYTES = 16;

  private final byte[] bytes;
  private final int digitsAt;

  private RequestFrame(byte[] bytes, int digitsAt) {
    this.bytes = bytes;
    this.digitsAt = digitsAt;
  }

  static RequestFrame get() {
    return of("get k", "", "");
  }

  /** A get of a key that no {@link #set} is for. */
  static RequestFrame getAbsent() {
    return of("get a", "", "");
  }

  static RequestFrame set(int valueBytes) {
    return of("set k", " 0 0 " + valueBytes, "x".repeat(valueBytes) + "\r\n");
  }

  /** A set of any key; {@link #digitsAt} is of no meaning. */
  static RequestFrame set(String key, int valueBytes) {
    String line = "set " + key + " 0 0 " + valueBytes + "\r\n";
    return new RequestFrame(frame(line + "x".repeat(valueBytes) + "\r\n", true), 0);
  }

  /** A well-formed datagram with a command that no XDP program knows. */
  static RequestFrame unknown() {
    return of("quux k", "", "");
  }

  /** A request like {@link #get} as a cache before memcached sees it, and memcached's reply. */
  static RequestFrame get(int key) {
    return new RequestFrame(frame("get " + key(key) + "\r\n", true), 0);
  }

  static RequestFrame reply(int key, int valueBytes) {
    String line = "VALUE " + key(key) + " 0 " + valueBytes + "\r\n";
    return new RequestFrame(frame(line + "x".repeat(valueBytes) + "\r\nEND\r\n", false), 0);
  }

  private static String key(int key) {
    return "k" + String.format("%0" + (KEY_BYTES - 1) + "d", key);
  }

  private static RequestFrame of(String beforeDigits, String behindKey, String data) {
    String text = beforeDigits + "0".repeat(KEY_BYTES - 1) + behindKey + "\r\n" + data;
    return new RequestFrame(
        frame(text, true), TEXT + beforeDigits.length() + KEY_BYTES - 1 - DIGITS);
  }

  private static byte[] frame(String words, boolean isRequest) {
    byte[] text = words.getBytes(ISO_8859_1);
    ByteBuffer payload = ByteBuffer.allocate(MEMCACHED_BYTES + text.length);
    payload.putShort((short) 1).putShort((short) 0).putShort((short) 1).putShort((short) 0);
    return datagram(PORT, payload.put(text).array(), isRequest);
  }

  /**
   * A frame with any payload.
   *
   * @param port of the server
   * @param isRequest whether it is to the server, and not from it
   */
  static byte[] datagram(int port, byte[] payload, boolean isRequest) {
    ByteBuffer frame = ByteBuffer.allocate(PAYLOAD + payload.length);
    frame.putLong(0x02_00_00_00_00_02_02_00L).putInt(1).putShort((short) 0x0800);
    int ip = frame.position();
    frame.putShort((short) 0x4500).putShort((short) (frame.capacity() - ip));
    frame.putInt(0x4000).putInt(64 << 24 | 17 << 16);
    frame.putInt(isRequest ? CLIENT_ADDRESS : SERVER_ADDRESS);
    frame.putInt(isRequest ? SERVER_ADDRESS : CLIENT_ADDRESS);
    frame.putShort(ip + 10, checksum(frame, ip));
    frame.putShort((short) (isRequest ? CLIENT_PORT : port));
    frame.putShort((short) (isRequest ? port : CLIENT_PORT));
    // No UDP checksum, as the in-kernel load has none.
    frame.putShort((short) (frame.capacity() - ip - IP_BYTES)).putShort((short) 0);
    return frame.put(payload).array();
  }

  private static short checksum(ByteBuffer frame, int ip) {
    int sum = 0;
    for (int i = 0; i < IP_BYTES; i += Short.BYTES) {
      sum += Short.toUnsignedInt(frame.getShort(ip + i));
    }
    while (sum >>> 16 != 0) {
      sum = (sum & 0xffff) + (sum >>> 16);
    }
    return (short) ~sum;
  }

  /** Bytes of the frame. */
  int length() {
    return bytes.length;
  }

  /** Where the last {@link #DIGITS} digits of the key stand. */
  int digitsAt() {
    return digitsAt;
  }

  void copyTo(MemorySegment memory) {
    MemorySegment.copy(bytes, 0, memory, JAVA_BYTE, 0, bytes.length);
  }

  /** The text of a frame like this. */
  static String text(byte[] frame) {
    return new String(frame, TEXT, frame.length - TEXT, ISO_8859_1);
  }
}
