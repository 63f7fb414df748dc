package org.kerbykv.server.lock;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;

/** {@code struct net_flow}: where a client's last request came from, and where to. */
final class LockFlow {
  static final int SRC = 12;
  static final int DST = 28;
  static final int SPORT = 44;
  static final int DPORT = 46;
  static final int KIND = 52;
  static final int BYTES = 56;

  /** NET_IP6, a bit of the kind. */
  static final int IP6 = 2;

  private static final int IP4_BYTES = 4;
  private static final int IP6_BYTES = 16;

  private LockFlow() {}

  /**
   * Writes one at {@code flow}.
   *
   * @param to of the server; its address may be a wildcard, where the system did not say
   */
  static void write(
      MemorySegment slot, long flow, InetSocketAddress from, InetAddress to, int port) {
    for (int i = 0; i < BYTES; i += Long.BYTES) {
      slot.set(JAVA_LONG, flow + i, 0);
    }
    InetAddress source = from.getAddress();
    slot.set(JAVA_BYTE, flow + KIND, (byte) (source instanceof Inet6Address ? IP6 : 0));
    writeAddress(slot, flow + SRC, source);
    if (to.getClass() == source.getClass()) {
      writeAddress(slot, flow + DST, to);
    }
    slot.set(JAVA_SHORT, flow + SPORT, Short.reverseBytes((short) from.getPort()));
    slot.set(JAVA_SHORT, flow + DPORT, Short.reverseBytes((short) port));
  }

  private static void writeAddress(MemorySegment slot, long at, InetAddress address) {
    byte[] bytes = address.getAddress();
    MemorySegment.copy(bytes, 0, slot, JAVA_BYTE, at, bytes.length);
  }

  /** Returns the client's address. */
  static InetSocketAddress source(MemorySegment notice, long flow) {
    int port = Short.toUnsignedInt(Short.reverseBytes(notice.get(JAVA_SHORT, flow + SPORT)));
    return new InetSocketAddress(address(notice, flow, SRC), port);
  }

  /** Returns the address by which the client knows the server. */
  static InetAddress destination(MemorySegment notice, long flow) {
    return address(notice, flow, DST);
  }

  private static InetAddress address(MemorySegment notice, long flow, int at) {
    boolean ip6 = (notice.get(JAVA_BYTE, flow + KIND) & IP6) != 0;
    byte[] bytes = new byte[ip6 ? IP6_BYTES : IP4_BYTES];
    MemorySegment.copy(notice, JAVA_BYTE, flow + at, bytes, 0, bytes.length);
    try {
      return InetAddress.getByAddress(bytes);
    } catch (UnknownHostException e) {
      throw new AssertionError("an address of " + bytes.length + " bytes", e);
    }
  }
}
