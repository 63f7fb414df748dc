package org.kerbykv.bpf.programs;

import java.util.Optional;

/** Which frames are requests to the server, once more in plain Java; see {@link RequestModel}. */
final class FrameCheck {
  private static final int LEAST_TEXT = 4; // the shortest command and a space
  private static final int UDP_HEADER = 8;
  private static final int PORT_MIN = 1024;

  private final Frame frame;
  private final Headers headers;

  private FrameCheck(Frame frame, Headers headers) {
    this.frame = frame;
    this.headers = headers;
  }

  /** The text of a request in one datagram; empty if the frame is anything else. */
  static Optional<String> text(PacketDoor door, Frame frame) {
    return of(door, frame).flatMap(FrameCheck::text);
  }

  /** Whether a datagram to the server is dropped because of where it says that it is from. */
  static boolean isRefused(PacketDoor door, Frame frame) {
    return of(door, frame).filter(it -> it.isDatagramToUs() && !it.mayAsk()).isPresent();
  }

  private static Optional<FrameCheck> of(PacketDoor door, Frame frame) {
    if (frame.length() < Headers.IP4.ip + 4 || !isToThisHost(door, frame)) {
      return Optional.empty();
    }
    return headers(frame).map(headers -> new FrameCheck(frame, headers));
  }

  /** XDP does not know its interface's address; in a test run at TC that is lo's, all zeroes. */
  private static boolean isToThisHost(PacketDoor door, Frame frame) {
    return switch (door) {
      case XDP -> (frame.get16(Frame.MAC_DESTINATION) & 0x0100) == 0;
      case TC ->
          frame.get16(Frame.MAC_DESTINATION) == 0
              && frame.get16(Frame.MAC_DESTINATION + 2) == 0
              && frame.get16(Frame.MAC_DESTINATION + 4) == 0;
    };
  }

  private static Optional<Headers> headers(Frame frame) {
    int type = frame.get16(Frame.ETHER_TYPE);
    boolean tagged = type == Headers.ETHER_TYPE_TAG;
    if (tagged) {
      type = frame.get16(Headers.IP4_TAGGED.etherType);
    }
    return switch (type) {
      case Headers.ETHER_TYPE_IP4 -> Optional.of(tagged ? Headers.IP4_TAGGED : Headers.IP4);
      case Headers.ETHER_TYPE_IP6 -> Optional.of(tagged ? Headers.IP6_TAGGED : Headers.IP6);
      default -> Optional.empty();
    };
  }

  private Optional<String> text() {
    if (!isDatagramToUs() || !mayAsk()) {
      return Optional.empty();
    }
    int end = headers.udp + frame.get16(headers.udpLength);
    if (end < headers.text + LEAST_TEXT) {
      return Optional.empty();
    }
    Frame datagram = frame.truncated(end).with(headers);
    if (!hasGoodUdpChecksum(datagram)
        || datagram.get16(headers.requestId + 2) != 0
        || datagram.get16(headers.requestId + 4) != 1) {
      return Optional.empty();
    }
    return Optional.of(datagram.text());
  }

  /** Whether it is a whole datagram to the server, from whomever and of whatever. */
  private boolean isDatagramToUs() {
    if (frame.length() < headers.udp + UDP_HEADER || !isPlainUdp() || !isToUs()) {
      return false;
    }
    int udpLength = frame.get16(headers.udpLength);
    int end = headers.udp + udpLength;
    if (udpLength != ipPayload() || udpLength < UDP_HEADER || end > frame.length()) {
      return false;
    }
    Frame datagram = frame.truncated(end).with(headers);
    return headers.ip6
        ? frame.get16(headers.udpChecksum) != 0
        : datagram.withIpChecksum().equals(datagram);
  }

  /** Whether it is from a network that {@link Sources#allowClients} has, and a client's port. */
  private boolean mayAsk() {
    int port = frame.get16(headers.udp);
    int at = headers.addresses();
    boolean allowed =
        headers.ip6
            ? frame.get16(at) == (int) (Frame.IP6_PREFIX >>> 48)
                && frame.get16(at + 2) == (int) (Frame.IP6_PREFIX >>> 32 & 0xffff)
                && frame.get16(at + 4) == 0
                && frame.get16(at + 6) == 0
            : frame.get16(at) >>> 1 == Frame.CLIENT_IP >>> 17;
    return allowed && port >= PORT_MIN && port != Frame.SERVER_PORT;
  }

  private boolean isPlainUdp() {
    if (headers.ip6) {
      return get8(headers.ip) >>> 4 == 6
          && get8(headers.ip + 6) == 17
          && get8(headers.addresses()) != 0xff;
    }
    return get8(headers.ip) == 0x45
        && (frame.get16(headers.ip + 6) & 0x3fff) == 0
        && get8(headers.ip + 9) == 17;
  }

  private boolean isToUs() {
    Frame ours = Frame.request(headers, "");
    int ports = headers.udp;
    for (int i = 0; i < headers.addressBytes(); i += 2) {
      int at = headers.destination() + i;
      if (frame.get16(at) != ours.get16(at)) {
        return false;
      }
    }
    return frame.get16(ports + 2) == Frame.SERVER_PORT;
  }

  private int ipPayload() {
    return headers.ip6 ? frame.get16(headers.ip + 4) : frame.get16(headers.ip + 2) - 20;
  }

  private boolean hasGoodUdpChecksum(Frame datagram) {
    boolean none = datagram.get16(headers.udpChecksum) == 0;
    return none
        ? !headers.ip6
        : datagram.withUdpChecksum().equals(datagram)
            || datagram.withPartialUdpChecksum().equals(datagram);
  }

  private int get8(int at) {
    return frame.get16(at) >>> 8;
  }
}
