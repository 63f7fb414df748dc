package org.kerbykv.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A connected UDP socket that frames as memcached does; it sees no reply from another address. */
public final class UdpClient implements AutoCloseable {
  static final int HEADER = 8;

  /** What a reply to a marked request ends with. */
  static final String MARKER = "MN\r\n";

  private static final int TIMEOUT_MILLIS = 10_000;

  private final DatagramSocket socket;
  private int lastId = 1000;

  public UdpClient(InetSocketAddress server) throws IOException {
    socket = new DatagramSocket(null);
    socket.setReceiveBufferSize(4 << 20);
    socket.bind(null);
    socket.connect(server);
  }

  /** Sends a datagram as it is. */
  void send(byte[] datagram) throws IOException {
    socket.send(new DatagramPacket(datagram, datagram.length));
  }

  /** Sends a request and returns the whole reply, of as many datagrams as it says it has. */
  public String exchange(String request) throws IOException {
    return exchange(request.getBytes(ISO_8859_1));
  }

  String exchange(byte[] request) throws IOException {
    return text(exchangeDatagrams(request));
  }

  /**
   * Sends requests at once, each in a datagram of its own, and returns their replies.
   *
   * @param marked those that are sent together with one whose answer is known: their replies are
   *     taken up to that, in the order in which their datagrams come, because memcached 1.6 makes
   *     each key's value, and each command's reply, a message of its own under the same request id.
   *     The others' end where their headers say so.
   */
  String[] exchangeAll(List<String> requests, BitSet marked) throws IOException {
    Map<Integer, Reply> waiting = new HashMap<>();
    Reply[] replies = new Reply[requests.size()];
    for (int i = 0; i < replies.length; i++) {
      int id = ++lastId & 0xffff;
      String marker = marked.get(i) ? "mn\r\n" : "";
      replies[i] = new Reply(marked.get(i));
      waiting.put(id, replies[i]);
      send(frame(id, (requests.get(i) + marker).getBytes(ISO_8859_1)));
    }
    while (!waiting.isEmpty()) {
      byte[] datagram = receive(TIMEOUT_MILLIS);
      if (datagram == null) {
        throw new IOException("no reply to " + waiting.size() + " requests");
      }
      int id = Short.toUnsignedInt(ByteBuffer.wrap(datagram).getShort(0));
      Reply reply = waiting.get(id);
      if (reply == null) {
        throw new IOException("reply to no request: " + new String(datagram, ISO_8859_1));
      }
      if (reply.add(datagram)) {
        waiting.remove(id);
      }
    }
    return Arrays.stream(replies).map(Reply::text).toArray(String[]::new);
  }

  /** What has come of a reply. */
  private static final class Reply {
    private final boolean marked;
    private final StringBuilder inOrder = new StringBuilder();
    private final TreeMap<Integer, String> numbered = new TreeMap<>();

    Reply(boolean marked) {
      this.marked = marked;
    }

    /** Returns whether that was the last. */
    boolean add(byte[] datagram) throws IOException {
      String text = new String(datagram, HEADER, datagram.length - HEADER, ISO_8859_1);
      if (marked) {
        return inOrder.append(text).toString().endsWith(MARKER);
      }
      ByteBuffer header = ByteBuffer.wrap(datagram);
      int number = Short.toUnsignedInt(header.getShort(2));
      int total = Short.toUnsignedInt(header.getShort(4));
      if (number >= total || header.getShort(6) != 0 || numbered.put(number, text) != null) {
        throw new IOException("bad header: " + number + " of " + total);
      }
      return numbered.size() == total;
    }

    String text() {
      return marked ? inOrder.toString() : String.join("", numbered.values());
    }
  }

  List<byte[]> exchangeDatagrams(byte[] request) throws IOException {
    int id = ++lastId & 0xffff;
    send(frame(id, request));
    return receiveReply(id);
  }

  /** Receives the datagrams of a reply, in order, whose headers must be right. */
  List<byte[]> receiveReply(int id) throws IOException {
    TreeMap<Integer, byte[]> datagrams = new TreeMap<>();
    int total;
    do {
      byte[] datagram = receive(TIMEOUT_MILLIS);
      if (datagram == null) {
        throw new IOException("no reply, after " + datagrams.size() + " datagrams");
      }
      ByteBuffer header = ByteBuffer.wrap(datagram);
      if (Short.toUnsignedInt(header.getShort(0)) != id) {
        throw new IOException("reply to another request");
      }
      total = Short.toUnsignedInt(header.getShort(4));
      int number = Short.toUnsignedInt(header.getShort(2));
      if (number >= total || header.getShort(6) != 0 || datagrams.put(number, datagram) != null) {
        throw new IOException("bad header: " + number + " of " + total);
      }
    } while (datagrams.size() < total);
    return new ArrayList<>(datagrams.values());
  }

  /** Receives a datagram, or null when none comes in time. */
  byte[] receive(int timeoutMillis) throws IOException {
    byte[] buffer = new byte[1 << 16];
    DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
    socket.setSoTimeout(timeoutMillis);
    try {
      socket.receive(packet);
    } catch (SocketTimeoutException e) {
      return null;
    }
    return Arrays.copyOf(buffer, packet.getLength());
  }

  static byte[] frame(int id, byte[] request) {
    return ByteBuffer.allocate(HEADER + request.length)
        .putShort((short) id)
        .putShort((short) 0)
        .putShort((short) 1)
        .putShort((short) 0)
        .put(request)
        .array();
  }

  static String text(List<byte[]> datagrams) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] datagram : datagrams) {
      out.write(datagram, HEADER, datagram.length - HEADER);
    }
    return out.toString(ISO_8859_1);
  }

  @Override
  public void close() {
    socket.close();
  }
}
