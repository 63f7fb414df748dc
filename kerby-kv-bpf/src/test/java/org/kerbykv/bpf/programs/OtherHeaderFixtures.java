package org.kerbykv.bpf.programs;

import static org.kerbykv.bpf.programs.KvAbi.CountedOp.GET;
import static org.kerbykv.bpf.programs.KvAbi.CountedOp.SET;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.HIT;
import static org.kerbykv.bpf.programs.KvAbi.CountedResult.STORED;
import static org.kerbykv.bpf.programs.MemcachedText.get;
import static org.kerbykv.bpf.programs.MemcachedText.hit;
import static org.kerbykv.bpf.programs.MemcachedText.set;
import static org.kerbykv.bpf.programs.MemcachedText.value;
import static org.kerbykv.bpf.programs.PacketFixture.fixture;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * As {@link HeaderFixtures}, for IPv6 and for frames with a tag. The key k is stored: were a frame
 * taken that is not to be, there would be a reply.
 */
final class OtherHeaderFixtures {
  private OtherHeaderFixtures() {}

  static List<PacketFixture> all() {
    List<PacketFixture> all = new ArrayList<>();
    for (Headers headers : Headers.values()) {
      if (headers.ip6) {
        all.addAll(ip6(headers));
        all.addAll(udpChecksums(headers));
      }
      if (headers.tagged) {
        all.addAll(tags(headers));
      }
      if (headers.tagged && !headers.ip6) {
        all.addAll(taggedIp4());
      }
      if (headers != Headers.IP4) {
        all.addAll(ports(headers));
        all.addAll(lengths(headers));
        all.addAll(truncated(headers));
        all.addAll(memcachedHeader(headers));
      }
    }
    return all;
  }

  private static Frame getK(Headers headers) {
    return Frame.request(headers, get("k"));
  }

  private static PacketFixture up(String description, Frame frame) {
    return fixture(frame.headers() + ": " + description)
        .given(store -> store.set("k", "value"))
        .frame(frame)
        .goesUp();
  }

  private static PacketFixture silent(String description, Frame frame) {
    return fixture(frame.headers() + ": " + description)
        .given(store -> store.set("k", "value"))
        .frame(frame)
        .isSilent();
  }

  private static PacketFixture answered(String description, Frame frame) {
    return fixture(frame.headers() + ": " + description)
        .given(store -> store.set("k", "value"))
        .frame(frame)
        .replies(hit("k", 0, "value"))
        .counted(GET, HIT);
  }

  private static List<PacketFixture> ip6(Headers headers) {
    Frame getK = getK(headers);
    int ip = headers.ip;
    List<PacketFixture> all = new ArrayList<>();
    for (int nextHeader : new int[] {0, 6, 43, 44, 50, 51, 58, 59, 60, 135, 136}) {
      // With the checksum of UDP, so that the next header alone is wrong.
      all.add(up("next header " + nextHeader, getK.set8(ip + 6, nextHeader)));
    }
    all.add(up("destination options before UDP", withExtension(getK, 60)));
    all.add(up("hop-by-hop options before UDP", withExtension(getK, 0)));
    all.add(up("a fragment that is all there is", withExtension(getK, 44)));
    all.add(up("IPv4 by its type", getK.set16(headers.etherType, 0x0800)));
    all.add(up("version 4", getK.set8(ip, 0x4a)));
    all.add(up("version 7", getK.set8(ip, 0x7a)));
    for (int at = headers.destination(); at < headers.udp; at++) {
      Frame other = getK.set8(at, getK.bytes()[at] ^ 0x40).withUdpChecksum();
      all.add(up("to another address: byte " + (at - headers.destination()), other));
    }
    int source = headers.addresses();
    int destination = headers.destination();
    all.add(up("to a group", getK.set8(destination, 0xff).withUdpChecksum()));
    all.add(up("from a group", getK.set8(source, 0xff).withUdpChecksum()));
    all.add(
        up(
            "to our IPv4 address in the form that the programs keep it in",
            getK.set32(destination, 0)
                .set32(destination + 4, 0)
                .set32(destination + 8, 0xffff)
                .set32(destination + 12, Frame.SERVER_IP)
                .withUdpChecksum()));
    all.add(up("multicast frame", getK.set16(0, 0x3333)));
    all.add(answered("another client", getK.setIp6(source, 0x00abcdef).withUdpChecksum()));
    all.add(answered("from our own address", getK.setIp6(source, 1).withUdpChecksum()));
    all.add(answered("traffic class and flow label, not echoed", getK.set32(ip, 0x6fffffff)));
    all.add(answered("no traffic class and flow label", getK.set32(ip, 0x60000000)));
    all.add(answered("hop limit at its end", getK.set8(ip + 7, 1)));
    return all;
  }

  /** With eight bytes of another header, which is then followed by UDP. */
  private static Frame withExtension(Frame frame, int nextHeader) {
    int ip = frame.headers().ip;
    return frame
        .insert(frame.headers().udp, 17, 0, 0, 0, 0, 0, 0, 0)
        .set8(ip + 6, nextHeader)
        .set16(ip + 4, frame.get16(ip + 4) + 8);
  }

  private static List<PacketFixture> udpChecksums(Headers headers) {
    Frame getK = getK(headers);
    List<PacketFixture> all = new ArrayList<>();
    all.add(up("no UDP checksum", getK.set16(headers.udpChecksum, 0)));
    all.add(answered("partial UDP checksum", getK.withPartialUdpChecksum()));
    all.add(answered("right UDP checksum before an odd byte", getK.padded(1)));
    all.add(answered("right UDP checksum that comes to zero", withZeroSum(getK)));
    all.add(answered("reply whose checksum comes to zero", withZeroSumOfReply(getK)));
    for (int at : new int[] {headers.destination() - 1, headers.udpChecksum, headers.text}) {
      all.add(up("wrong UDP checksum: bit turned at " + at, turned(getK, at)));
    }
    // The program sums 512 bytes at once; 33 go before and behind a value of three digits.
    for (int length : new int[] {1, 2, 478, 479, 480, 481, 992, 1300}) {
      Frame right = Frame.request(headers, set("k", value(length)));
      all.add(
          fixture(headers + ": set of %d bytes".formatted(length))
              .frame(right)
              .replies(MemcachedText.STORED)
              .counted(SET, STORED));
      all.add(
          up(
              "set of %d bytes, the last damaged".formatted(length),
              turned(right, right.length() - 3)));
    }
    // The reply is summed in the same pieces; 33 of its bytes are not the value's.
    for (int length : new int[] {0, 1, 2, 477, 478, 479, 480, 990, 991, 1340}) {
      all.add(
          fixture(headers + ": get of %d bytes".formatted(length))
              .given(store -> store.set("k", value(length)))
              .frame(getK)
              .replies(hit("k", 0, value(length)))
              .counted(GET, HIT));
    }
    return all;
  }

  private static Frame turned(Frame frame, int at) {
    return frame.set8(at, frame.bytes()[at] ^ 0x10);
  }

  /** The request id makes the checksum 0, which is sent as 0xffff: 0 says that there is none. */
  private static Frame withZeroSum(Frame frame) {
    Headers headers = frame.headers();
    Frame zeroId = frame.set16(headers.requestId, 0).withUdpChecksum();
    return zeroId
        .set16(headers.requestId, zeroId.get16(headers.udpChecksum))
        .set16(headers.udpChecksum, 0xffff);
  }

  /** The same for the reply, which has the request's id. */
  private static Frame withZeroSumOfReply(Frame frame) {
    Headers headers = frame.headers();
    Frame reply = frame.set16(headers.requestId, 0).reply(hit("k", 0, "value"));
    Frame request =
        frame.set16(headers.requestId, reply.get16(headers.udpChecksum)).withUdpChecksum();
    if (request.reply(hit("k", 0, "value")).get16(headers.udpChecksum) != 0xffff) {
      throw new AssertionError("the checksum does not come to zero");
    }
    return request;
  }

  private static List<PacketFixture> tags(Headers headers) {
    Frame getK = getK(headers);
    int tci = headers.etherType - 2;
    List<PacketFixture> all = new ArrayList<>();
    for (int tag : new int[] {0, 1, 0x0fff, 0x1000, 0xe000, 0xffff}) {
      all.add(answered("tag %04x, which stays".formatted(tag), getK.set16(tci, tag)));
    }
    all.add(up("service tag", getK.set16(Frame.ETHER_TYPE, 0x88a8)));
    all.add(up("tag of the first draft", getK.set16(Frame.ETHER_TYPE, 0x9100)));
    all.add(up("two tags", getK.insert(Frame.ETHER_TYPE, 0x81, 0x00, 0x00, 0x07)));
    all.add(up("service tag and tag", getK.insert(Frame.ETHER_TYPE, 0x88, 0xa8, 0x00, 0x07)));
    all.add(up("tagged ARP", getK.set16(headers.etherType, 0x0806)));
    all.add(up("multicast frame", getK.set16(0, 0x0100)));
    return all;
  }

  private static List<PacketFixture> taggedIp4() {
    Headers headers = Headers.IP4_TAGGED;
    Frame getK = getK(headers);
    int ip = headers.ip;
    return List.of(
        answered("right UDP checksum", getK.withUdpChecksum()),
        answered("partial UDP checksum", getK.withPartialUdpChecksum()),
        up("wrong UDP checksum", getK.set16(headers.udpChecksum, 0x1234)),
        up("IPv6 by its type", getK.set16(headers.etherType, 0x86dd)),
        up("TCP", getK.set8(ip + 9, 6).withIpChecksum()),
        up("IP header of 24 bytes", getK.set8(ip, 0x46).withIpChecksum()),
        up("first fragment", getK.set16(ip + 6, 0x2000).withIpChecksum()),
        up("last fragment", getK.set16(ip + 6, 0x0001).withIpChecksum()),
        up("wrong IP checksum", getK.set16(ip + 10, getK.get16(ip + 10) ^ 1)),
        up("to another address", getK.set32(headers.destination(), 1).withIpChecksum()));
  }

  private static List<PacketFixture> ports(Headers headers) {
    Frame getK = getK(headers);
    return List.of(
        up("the port above", getK.set16(headers.udp + 2, Frame.SERVER_PORT + 1).withUdpChecksum()),
        silent("from our own port", getK.set16(headers.udp, Frame.SERVER_PORT).withUdpChecksum()),
        silent("from port 1", getK.set16(headers.udp, 1).withUdpChecksum()));
  }

  private static List<PacketFixture> lengths(Headers headers) {
    Frame getK = getK(headers);
    int udpLength = getK.get16(headers.udpLength);
    List<PacketFixture> all = new ArrayList<>();
    int[][] wrong = {
      {udpLength + 1, udpLength + 1}, // more than the frame
      {udpLength, udpLength + 1},
      {udpLength + 1, udpLength},
      {udpLength, udpLength - 1},
      {udpLength - 1, udpLength},
      {udpLength - 1, udpLength - 1}, // the line does not end
      {0, 0},
      {7, 7},
      {8, 8},
      {16, 16},
      {19, 19},
      {udpLength, 0},
      {0, udpLength}, // a jumbogram
      {0xffff - 20, 0xffff},
    };
    for (int[] lengths : wrong) {
      all.add(
          up(
              "IP and UDP lengths " + Arrays.toString(lengths),
              ipPayload(getK, lengths[0]).set16(headers.udpLength, lengths[1]).withUdpChecksum()));
    }
    Frame padded = getK.padded(9);
    all.add(up("IP length of one more, in a padded frame", ipPayload(padded, udpLength + 1)));
    all.add(answered("padded to more than its reply", getK.padded(2000)));
    all.add(answered("padded with an odd number of bytes", getK.padded(3)));
    all.add(
        fixture(headers + ": padded set: the padding is not stored")
            .frame(Frame.request(headers, set("k", "v")).padded(5))
            .replies(MemcachedText.STORED)
            .counted(SET, STORED));
    return all;
  }

  /** With an IP length for so many bytes behind the IP header. */
  private static Frame ipPayload(Frame frame, int length) {
    Headers headers = frame.headers();
    return headers.ip6
        ? frame.set16(headers.ip + 4, length)
        : frame.set16(headers.ip + 2, 20 + length).withIpChecksum();
  }

  /** Cut off everywhere; below an IP header without a tag, test runs do not take a frame for TC. */
  private static List<PacketFixture> truncated(Headers headers) {
    Frame getK = getK(headers);
    List<PacketFixture> all = new ArrayList<>();
    for (int length = headers.tagged ? Headers.IP4.udp : headers.udp;
        length < getK.length();
        length++) {
      all.add(up("cut off after %d bytes".formatted(length), getK.truncated(length)));
    }
    return all;
  }

  private static List<PacketFixture> memcachedHeader(Headers headers) {
    Frame getK = getK(headers);
    int id = headers.requestId;
    return List.of(
        up("second datagram of a request", getK.set16(id + 2, 1).withUdpChecksum()),
        up("request in two datagrams", getK.set16(id + 4, 2).withUdpChecksum()),
        answered("request id 0", getK.set16(id, 0).withUdpChecksum()),
        answered("reserved bytes", getK.set16(id + 6, 0x1234).withUdpChecksum()));
  }
}
