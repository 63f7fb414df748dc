package org.kerbykv.server.e2e;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.ToIntFunction;
import org.kerbykv.bpf.NetworkNamespace;

/**
 * UDP that sends a request once and does not mind what a network may do to replies: lose them, in
 * part too, deliver them twice, or late, when another request has been sent. Used by one thread.
 */
final class UdpWay implements RecordingClient.Way, AutoCloseable {
  private static final int IDS = 1 << 16;

  private final String name;
  private final DatagramSocket socket;
  private final Duration patience;
  private final ToIntFunction<ByteBuffer> copies;
  private final byte[] buffer = new byte[IDS];
  private int id;

  /**
   * Opens one.
   *
   * @param patience for how long it waits for a reply; ids do not come round sooner
   * @param copies how often the network delivers a datagram
   */
  UdpWay(
      String name,
      NetworkNamespace namespace,
      InetSocketAddress server,
      Duration patience,
      ToIntFunction<ByteBuffer> copies) {
    this.name = name;
    this.patience = patience;
    this.copies = copies;
    socket =
        namespace.call(
            () -> {
              DatagramSocket opened = new DatagramSocket();
              opened.connect(server);
              return opened;
            });
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public int copies(byte[] request) {
    return copies.applyAsInt(ByteBuffer.wrap(datagram(request)));
  }

  private byte[] datagram(byte[] request) {
    ByteBuffer datagram = ByteBuffer.allocate(UdpClient.HEADER + request.length);
    datagram.putShort((short) id).putShort((short) 0).putShort((short) 1).putShort((short) 0);
    return datagram.put(request).array();
  }

  @Override
  public Optional<byte[]> exchange(byte[] request) {
    byte[] datagram = datagram(request);
    try {
      socket.send(new DatagramPacket(datagram, datagram.length));
      return receive(copies(request), System.nanoTime() + patience.toNanos());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      id = (id + 1) % IDS;
    }
  }

  private Optional<byte[]> receive(int copies, long end) throws IOException {
    byte[][] parts = null;
    int missing = 0;
    do {
      long left = (end - System.nanoTime()) / 1_000_000;
      if (left <= 0) {
        return Optional.empty();
      }
      socket.setSoTimeout((int) left);
      DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
      try {
        socket.receive(packet);
      } catch (SocketTimeoutException e) {
        return Optional.empty();
      }
      ByteBuffer header = ByteBuffer.wrap(buffer, 0, packet.getLength());
      if ((header.getShort() & 0xffff) != id) {
        continue; // of an earlier request
      }
      int sequence = header.getShort() & 0xffff;
      int total = header.getShort() & 0xffff;
      if (total > 1 && copies > 1) {
        // Each copy has a reply of its own, and nothing tells their datagrams apart.
        return Optional.empty();
      }
      if (parts == null) {
        parts = new byte[total][];
        missing = total;
      }
      if (parts[sequence] == null) {
        parts[sequence] = Arrays.copyOfRange(buffer, UdpClient.HEADER, packet.getLength());
        missing--;
      }
    } while (parts == null || missing > 0);
    ByteArrayOutputStream reply = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      reply.writeBytes(part);
    }
    return Optional.of(reply.toByteArray());
  }

  @Override
  public void close() {
    socket.close();
  }
}
