package org.kerbykv.bpf.programs;

import java.util.Optional;

/** Which frames are requests to the server, once more in plain Java; see {@link RequestModel}. */
final class FrameCheck {
  private static final int LEAST_TEXT = 4; // the shortest command and a space

  private FrameCheck() {}

  /** The text of a request in one datagram; empty if the frame is anything else. */
  static Optional<String> text(PacketDoor door, Frame frame) {
    if (frame.length() < Frame.TEXT + LEAST_TEXT
        || !isToThisHost(door, frame)
        || !isToUs(frame)
        || !lengthsAgree(frame)) {
      return Optional.empty();
    }
    Frame datagram = frame.truncated(Frame.IP + frame.get16(Frame.IP_TOTAL_LENGTH));
    if (datagram.length() < Frame.TEXT + LEAST_TEXT
        || !datagram.withIpChecksum().equals(datagram)
        || !hasGoodUdpChecksum(datagram)
        || datagram.get16(Frame.SEQUENCE) != 0
        || datagram.get16(Frame.DATAGRAMS) != 1) {
      return Optional.empty();
    }
    return Optional.of(datagram.text());
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

  private static boolean isToUs(Frame frame) {
    return frame.get16(Frame.ETHER_TYPE) == 0x0800
        && frame.get16(Frame.IP) >>> 8 == 0x45
        && (frame.get16(Frame.IP_FRAGMENT) & 0x3fff) == 0
        && (frame.get16(Frame.IP_PROTOCOL - 1) & 0xff) == 17
        && frame.get16(Frame.IP_DESTINATION) == Frame.SERVER_IP >>> 16
        && frame.get16(Frame.IP_DESTINATION + 2) == (Frame.SERVER_IP & 0xffff)
        && frame.get16(Frame.UDP_DESTINATION) == Frame.SERVER_PORT
        && frame.get16(Frame.UDP_SOURCE) != Frame.SERVER_PORT;
  }

  private static boolean lengthsAgree(Frame frame) {
    int ipLength = frame.get16(Frame.IP_TOTAL_LENGTH);
    return Frame.IP + ipLength <= frame.length()
        && frame.get16(Frame.UDP_LENGTH) == ipLength - 20
        && ipLength >= 28;
  }

  private static boolean hasGoodUdpChecksum(Frame datagram) {
    return datagram.get16(Frame.UDP_CHECKSUM) == 0
        || datagram.withUdpChecksum().equals(datagram)
        || datagram.withPartialUdpChecksum().equals(datagram);
  }
}
