package org.kerbykv.server.net;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A network, in CIDR's notation: the addresses that begin with the same bits. IPv4 is within IPv6,
 * as ::ffff:a.b.c.d, but never in a network that is written as one of IPv6.
 *
 * @param high 64 bits of the first address
 * @param low the others
 * @param bits that all addresses share, 0 to 128: of IPv4, 96 more than are written
 */
public record Cidr(long high, long low, int bits) {
  /** Bytes of {@link #bytes}. */
  public static final int BYTES = 16;

  private static final int IP4_BITS = 96;
  private static final long IP4_LOW = 0xffffL;
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);

  public Cidr {
    high &= mask(bits);
    low &= mask(bits - Long.SIZE);
  }

  /**
   * Reads what is written like 10.0.0.0/8, 2001:db8::/32, or as one address.
   *
   * @throws IllegalArgumentException with one line, if it is something else
   */
  public static Cidr parse(String text) {
    int slash = text.indexOf('/');
    String prefix = slash < 0 ? "" : text.substring(slash + 1);
    try {
      InetAddress address = InetAddress.ofLiteral(slash < 0 ? text : text.substring(0, slash));
      int addressBits = address.getAddress().length * Byte.SIZE;
      int bits = slash < 0 ? addressBits : Integer.parseInt(prefix);
      if (bits >= 0 && bits <= addressBits && (slash < 0 || prefix.matches("[0-9]+"))) {
        return of(address, bits);
      }
    } catch (IllegalArgumentException _) {
      // Said below.
    }
    throw new IllegalArgumentException(
        "'%s' is not an address or a network like 10.0.0.0/8".formatted(text));
  }

  /**
   * Returns the network of an address.
   *
   * @param bits of the address that the network has: 0 to 32, or to 128 for IPv6
   */
  public static Cidr of(InetAddress address, int bits) {
    byte[] bytes = address.getAddress();
    return new Cidr(high(bytes), low(bytes), BYTES * Byte.SIZE - bytes.length * Byte.SIZE + bits);
  }

  /** Returns whether an address, of 4 or 16 bytes, is in this network. Allocates nothing. */
  boolean contains(byte[] address) {
    return contains(high(address), low(address), BYTES * Byte.SIZE);
  }

  /** Returns whether all of another network is in this one. */
  public boolean contains(Cidr other) {
    return contains(other.high, other.low, other.bits);
  }

  private boolean contains(long otherHigh, long otherLow, int otherBits) {
    return otherBits >= bits
        && (otherHigh & mask(bits)) == high
        && (otherLow & mask(bits - Long.SIZE)) == low
        && isIp4() == (otherBits >= IP4_BITS && isIp4(otherHigh, otherLow));
  }

  /** Returns whether this is of IPv4. */
  public boolean isIp4() {
    return bits >= IP4_BITS && isIp4(high, low);
  }

  private static boolean isIp4(long high, long low) {
    return high == 0 && low >>> Integer.SIZE == IP4_LOW;
  }

  /** Returns the first address, in 16 bytes. */
  public byte[] bytes() {
    return ByteBuffer.allocate(BYTES).putLong(high).putLong(low).array();
  }

  /** Returns the first address of IPv4 as a number. */
  public int ip4() {
    return (int) low;
  }

  /** Returns the mask of an IPv4 address as a number. */
  public int ip4Mask() {
    return (int) mask(bits - Long.SIZE);
  }

  private static long high(byte[] address) {
    return address.length == BYTES ? (long) LONG.get(address, 0) : 0;
  }

  private static long low(byte[] address) {
    return address.length == BYTES
        ? (long) LONG.get(address, Long.BYTES)
        : (IP4_LOW << Integer.SIZE) | Integer.toUnsignedLong((int) INT.get(address, 0));
  }

  /** The upper bits, of which there may be less than none or more than all. */
  private static long mask(int bits) {
    return bits <= 0 ? 0 : -1L << (Long.SIZE - Math.min(bits, Long.SIZE));
  }
}
