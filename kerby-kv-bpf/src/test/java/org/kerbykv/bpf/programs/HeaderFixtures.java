package org.kerbykv.bpf.programs;

import static org.kerbykv.bpf.programs.KvAbi.CountedOp.DELETE;
import static org.kerbykv.bpf.programs.KvAbi.CountedOp.GET;
import static org.kerbykv.bpf.programs.KvAbi.CountedOp.SET;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.DELETED;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.HIT;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.STORED;
import static org.kerbykv.bpf.programs.MemcachedText.delete;
import static org.kerbykv.bpf.programs.MemcachedText.get;
import static org.kerbykv.bpf.programs.MemcachedText.hit;
import static org.kerbykv.bpf.programs.MemcachedText.set;
import static org.kerbykv.bpf.programs.MemcachedText.value;
import static org.kerbykv.bpf.programs.PacketFixture.fixture;

import java.util.ArrayList;
import java.util.List;

/**
 * Good requests in frames of all sorts. The key k is stored: were a frame taken that is not to be,
 * there would be a reply.
 */
final class HeaderFixtures {
  private static final Frame GET_K = Frame.request(get("k"));

  private HeaderFixtures() {}

  static List<PacketFixture> all() {
    List<PacketFixture> all = new ArrayList<>();
    all.addAll(otherProtocols());
    all.addAll(otherDestinations());
    all.addAll(ip());
    all.addAll(lengths());
    all.addAll(truncated());
    all.addAll(udpChecksums());
    all.addAll(memcachedHeaders());
    return all;
  }

  private static PacketFixture up(String description, Frame frame) {
    return fixture(description).given(store -> store.set("k", "value")).frame(frame).goesUp();
  }

  private static PacketFixture silent(String description, Frame frame) {
    return fixture(description).given(store -> store.set("k", "value")).frame(frame).isSilent();
  }

  private static PacketFixture answered(String description, Frame frame) {
    return fixture(description)
        .given(store -> store.set("k", "value"))
        .frame(frame)
        .replies(hit("k", 0, "value"))
        .counted(GET, HIT);
  }

  private static List<PacketFixture> otherProtocols() {
    return List.of(
        up("ARP", GET_K.set16(Frame.ETHER_TYPE, 0x0806)),
        up("IPv6", GET_K.set16(Frame.ETHER_TYPE, 0x86dd).set8(Frame.IP, 0x60)),
        up("IPv6 by its type, IPv4 by what follows", GET_K.set16(Frame.ETHER_TYPE, 0x86dd)),
        up(
            "two VLAN tags",
            GET_K.insert(Frame.ETHER_TYPE, 0x88, 0xa8, 0x00, 0x05, 0x81, 0x00, 0x00, 0x06)),
        up("TCP", GET_K.set8(Frame.IP_PROTOCOL, 6).withIpChecksum()),
        up("ICMP", GET_K.set8(Frame.IP_PROTOCOL, 1).withIpChecksum()),
        up("UDP-Lite", GET_K.set8(Frame.IP_PROTOCOL, 136).withIpChecksum()));
  }

  private static List<PacketFixture> otherDestinations() {
    return List.of(
        up("broadcast frame", GET_K.set32(0, -1).set16(4, 0xffff)),
        up("multicast frame", GET_K.set8(0, 0x01).set8(1, 0x00).set8(2, 0x5e)),
        up("the group bit alone", GET_K.set8(Frame.MAC_DESTINATION, 0x03)),
        up("an address that is not the interface's", to(Frame.SERVER_IP + 1)),
        up("loopback address from outside", to(0x7f000001)),
        up("broadcast address", to(0xffffffff)),
        up("the port above", GET_K.set16(Frame.UDP_DESTINATION, Frame.SERVER_PORT + 1)),
        up("the port with its bytes swapped", GET_K.set16(Frame.UDP_DESTINATION, 0xcb2b)),
        silent("from our own port, as another server's reply", from(Frame.SERVER_PORT)),
        silent("from port 0", from(0)),
        silent("from the last privileged port", from(1023)),
        answered("from the first port of clients", from(1024)),
        answered("from the port below ours", from(Frame.SERVER_PORT - 1)));
  }

  private static Frame to(int address) {
    return GET_K.set32(Frame.IP_DESTINATION, address).withIpChecksum();
  }

  private static Frame from(int port) {
    return GET_K.set16(Frame.UDP_SOURCE, port);
  }

  private static List<PacketFixture> ip() {
    return List.of(
        up("IP version 6 in an IPv4 frame", GET_K.set8(Frame.IP, 0x65).withIpChecksum()),
        up("IP header of 16 bytes", GET_K.set8(Frame.IP, 0x44).withIpChecksum()),
        up(
            "IP options",
            GET_K
                .insert(Frame.UDP, 1, 1, 1, 0) // no-operation three times, end of list
                .set8(Frame.IP, 0x46)
                .set16(Frame.IP_TOTAL_LENGTH, GET_K.length() - Frame.IP + 4)
                .withIpChecksum()),
        up("first fragment", GET_K.set16(Frame.IP_FRAGMENT, 0x2000).withIpChecksum()),
        up("a middle fragment", GET_K.set16(Frame.IP_FRAGMENT, 0x2001).withIpChecksum()),
        up("last fragment", GET_K.set16(Frame.IP_FRAGMENT, 0x1fff).withIpChecksum()),
        up("IP checksum off by one", GET_K.set16(Frame.IP_CHECKSUM, ipChecksum() + 1)),
        up("IP checksum of zero", GET_K.set16(Frame.IP_CHECKSUM, 0)),
        up("time to live changed after the checksum", GET_K.set8(Frame.IP + 8, 63)),
        answered(
            "may be fragmented on its way", GET_K.set16(Frame.IP_FRAGMENT, 0).withIpChecksum()),
        answered("type of service, not echoed", GET_K.set8(Frame.IP + 1, 0xb8).withIpChecksum()),
        answered("time to live at its end", GET_K.set8(Frame.IP + 8, 1).withIpChecksum()),
        answered("another client", GET_K.set32(Frame.IP_SOURCE, 0xc613fffe).withIpChecksum()),
        answered("another MAC address", GET_K.set32(Frame.MAC_SOURCE, 0xfffefdfc)));
  }

  private static int ipChecksum() {
    return GET_K.get16(Frame.IP_CHECKSUM);
  }

  private static List<PacketFixture> lengths() {
    int ipLength = GET_K.get16(Frame.IP_TOTAL_LENGTH);
    int udpLength = GET_K.get16(Frame.UDP_LENGTH);
    return List.of(
        up("IP total length of one more than the frame", ipLength(GET_K, ipLength + 1)),
        up("IP total length of one less than UDP says", ipLength(GET_K.padded(9), ipLength - 1)),
        up("IP total length of one more than UDP says", ipLength(GET_K.padded(9), ipLength + 1)),
        up("IP total length of zero", ipLength(GET_K, 0)),
        up("IP total length of the IP header", ipLength(GET_K, 20)),
        up("IP total length of 65535", ipLength(GET_K, 0xffff)),
        up("UDP length of one more", GET_K.set16(Frame.UDP_LENGTH, udpLength + 1)),
        up("UDP length of one less", GET_K.set16(Frame.UDP_LENGTH, udpLength - 1)),
        up("UDP length of zero", GET_K.set16(Frame.UDP_LENGTH, 0)),
        up("UDP length of 65535", GET_K.set16(Frame.UDP_LENGTH, 0xffff)),
        up("a datagram of UDP's header alone", bothLengths(8)),
        up("a datagram with no text", bothLengths(16)),
        up("a datagram with a text of three letters", bothLengths(19)),
        up("a datagram with a text that ends before the line", bothLengths(udpLength - 1)),
        up("UDP length of seven", bothLengths(7)),
        answered("padded to the least frame of Ethernet", GET_K.padded(60 - GET_K.length())),
        answered("with an odd byte behind the datagram", GET_K.padded(1)),
        answered("padded to more than its reply", GET_K.padded(2000)),
        fixture("padded set: the padding is not stored")
            .frame(Frame.request(set("k", "v")).padded(5))
            .replies(MemcachedText.STORED)
            .counted(SET, STORED),
        fixture("padded delete")
            .given(store -> store.set("k", "value"))
            .frame(Frame.request(delete("k")).padded(7))
            .replies(MemcachedText.DELETED)
            .counted(DELETE, DELETED));
  }

  private static Frame ipLength(Frame frame, int length) {
    return frame.set16(Frame.IP_TOTAL_LENGTH, length).withIpChecksum();
  }

  private static Frame bothLengths(int udpLength) {
    return ipLength(GET_K.set16(Frame.UDP_LENGTH, udpLength), 20 + udpLength);
  }

  /** Cut off everywhere; below an IP header, test runs do not take a frame for TC. */
  private static List<PacketFixture> truncated() {
    List<PacketFixture> all = new ArrayList<>();
    for (int length = Frame.UDP; length < GET_K.length(); length++) {
      all.add(up("cut off after %d bytes".formatted(length), GET_K.truncated(length)));
      int udpLength = length - Frame.UDP;
      all.add(
          up(
              "cut off after %d bytes, with lengths that agree".formatted(length),
              bothLengths(udpLength).truncated(length)));
    }
    return all;
  }

  private static List<PacketFixture> udpChecksums() {
    List<PacketFixture> all = new ArrayList<>();
    all.add(answered("right UDP checksum", GET_K.withUdpChecksum()));
    all.add(answered("right UDP checksum before padding", paddedWithUdpChecksum()));
    all.add(answered("partial UDP checksum", GET_K.withPartialUdpChecksum()));
    all.add(answered("right UDP checksum that comes to zero", withZeroSum()));
    all.add(
        up(
            "one's complement of the partial UDP checksum",
            GET_K.set16(
                Frame.UDP_CHECKSUM,
                ~GET_K.withPartialUdpChecksum().get16(Frame.UDP_CHECKSUM) & 0xffff)));
    for (int at :
        new int[] {Frame.UDP_CHECKSUM + 1, Frame.REQUEST_ID, Frame.RESERVED, Frame.TEXT}) {
      all.add(up("wrong UDP checksum: bit turned at " + at, turned(GET_K, at)));
    }
    // The program sums 512 bytes at once; 33 go before and behind a value of three digits.
    for (int length : new int[] {1, 2, 100, 478, 479, 480, 481, 990, 991, 992, 993, 1300}) {
      Frame right = Frame.request(set("k", value(length))).withUdpChecksum();
      all.add(
          fixture("set of %d bytes with right UDP checksum".formatted(length))
              .frame(right)
              .replies(MemcachedText.STORED)
              .counted(SET, STORED));
      for (int at : new int[] {right.length() - 3, right.length() - 2 - length}) {
        all.add(
            up(
                "set of %d bytes with wrong UDP checksum: bit turned at %d".formatted(length, at),
                turned(right, at)));
      }
    }
    Frame delete = Frame.request(delete("k")).withUdpChecksum();
    all.add(up("delete with wrong UDP checksum", turned(delete, Frame.UDP_CHECKSUM)));
    return all;
  }

  private static Frame turned(Frame frame, int at) {
    Frame right = frame.withUdpChecksum();
    return right.set8(at, right.bytes()[at] ^ 0x10);
  }

  private static Frame paddedWithUdpChecksum() {
    return GET_K.withUdpChecksum().padded(5);
  }

  /** The request id makes the checksum 0, which is sent as 0xffff: 0 says that there is none. */
  private static Frame withZeroSum() {
    Frame zeroId = GET_K.set16(Frame.REQUEST_ID, 0).withUdpChecksum();
    return zeroId
        .set16(Frame.REQUEST_ID, zeroId.get16(Frame.UDP_CHECKSUM))
        .set16(Frame.UDP_CHECKSUM, 0xffff);
  }

  private static List<PacketFixture> memcachedHeaders() {
    return List.of(
        up("request in no datagrams", GET_K.set16(Frame.DATAGRAMS, 0)),
        up("request in two datagrams", GET_K.set16(Frame.DATAGRAMS, 2)),
        up("request in 256 datagrams", GET_K.set16(Frame.DATAGRAMS, 256)),
        up("request in 257 datagrams", GET_K.set16(Frame.DATAGRAMS, 257)),
        up("second datagram of a request", GET_K.set16(Frame.SEQUENCE, 1)),
        up("datagram 256 of a request", GET_K.set16(Frame.SEQUENCE, 256)),
        answered("request id 0", GET_K.set16(Frame.REQUEST_ID, 0)),
        answered("request id 65535", GET_K.set16(Frame.REQUEST_ID, 0xffff)),
        answered("request id with a low byte", GET_K.set16(Frame.REQUEST_ID, 1)),
        answered("reserved bytes, which memcached ignores", GET_K.set16(Frame.RESERVED, 0x1234)));
  }
}
