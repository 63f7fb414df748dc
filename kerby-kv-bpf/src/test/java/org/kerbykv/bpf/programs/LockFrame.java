package org.kerbykv.bpf.programs;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;

/** Frames of Kerby-Lock: {@link Frame}s whose payload is one {@link LockMessage}, or several. */
final class LockFrame {
  /** As long as memcached's frame header, which {@link Frame} keeps apart from the text. */
  private static final int FIRST = 8;

  private LockFrame() {}

  /** A request as client number {@code host} sends it, from an address and port of its own. */
  static Frame request(Headers headers, int host, LockMessage message) {
    byte[] payload = message.bytes();
    Frame frame = Frame.request(headers, rest(payload));
    if (headers.ip6) {
      frame = frame.setIp6(headers.addresses(), Frame.CLIENT_IP6 + host);
    } else {
      frame = frame.set32(headers.addresses(), Frame.CLIENT_IP + host).withIpChecksum();
    }
    return withMessage(
        frame.set16(headers.udp, Frame.CLIENT_PORT + host).set16(headers.udp + 2, LockAbi.PORT),
        payload);
  }

  /** The datagram that answers this request. */
  static Frame reply(Frame request, List<LockMessage> messages) {
    ByteBuffer payload = ByteBuffer.allocate(messages.size() * LockMessage.BYTES);
    messages.forEach(message -> payload.put(message.bytes()));
    return withMessage(request.reply(rest(payload.array())), payload.array());
  }

  /** The messages in a frame. */
  static List<LockMessage> messages(Frame frame) {
    int at = frame.headers().requestId;
    return LockMessage.readAll(Arrays.copyOfRange(frame.bytes(), at, frame.length()));
  }

  private static String rest(byte[] payload) {
    return new String(payload, FIRST, payload.length - FIRST, ISO_8859_1);
  }

  private static Frame withMessage(Frame frame, byte[] payload) {
    ByteBuffer first = ByteBuffer.wrap(payload);
    Headers headers = frame.headers();
    Frame whole =
        frame
            .set32(headers.requestId, first.getInt(0))
            .set32(headers.requestId + Integer.BYTES, first.getInt(Integer.BYTES));
    return headers.ip6 ? whole.withUdpChecksum() : whole;
  }
}
