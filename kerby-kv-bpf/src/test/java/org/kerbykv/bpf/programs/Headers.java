package org.kerbykv.bpf.programs;

/**
 * What stands in front of a datagram's payload in a frame: IPv4 or IPv6, behind Ethernet with or
 * without one 802.1Q tag. No options, no extension headers.
 */
enum Headers {
  IP4(false, false),
  IP4_TAGGED(false, true),
  IP6(true, false),
  IP6_TAGGED(true, true);

  static final int ETHER_TYPE_IP4 = 0x0800;
  static final int ETHER_TYPE_IP6 = 0x86dd;
  static final int ETHER_TYPE_TAG = 0x8100;

  final boolean ip6;
  final boolean tagged;

  // Offsets in the frame, in bytes.

  /** Of the type of what follows the Ethernet header and the tag. */
  final int etherType;

  final int ip;
  final int udp;
  final int udpLength;
  final int udpChecksum;

  /** Of memcached's frame header: request id, sequence number, datagrams in all, reserved. */
  final int requestId;

  final int text;

  Headers(boolean ip6, boolean tagged) {
    this.ip6 = ip6;
    this.tagged = tagged;
    etherType = tagged ? 16 : 12;
    ip = etherType + 2;
    udp = ip + (ip6 ? 40 : 20);
    udpLength = udp + 4;
    udpChecksum = udp + 6;
    requestId = udp + 8;
    text = requestId + 8;
  }

  /** Where the addresses begin, the source's and then the destination's. */
  int addresses() {
    return ip + (ip6 ? 8 : 12);
  }

  /** Bytes of one address. */
  int addressBytes() {
    return ip6 ? 16 : 4;
  }

  int destination() {
    return addresses() + addressBytes();
  }
}
