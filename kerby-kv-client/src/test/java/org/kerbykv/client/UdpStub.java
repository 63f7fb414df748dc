package org.kerbykv.client;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** A UDP server that does to each request what a test says. */
final class UdpStub implements AutoCloseable {
  /** A request, and ways to answer it now or later. */
  record Request(UdpStub stub, SocketAddress client, int id, String text) {
    void reply(String body) {
      replyPart(id, 0, 1, body);
    }

    void replyPart(int replyId, int number, int total, String body) {
      stub.send(stub.socket, client, replyId, number, total, body);
    }
  }

  @FunctionalInterface
  interface Handler {
    void handle(Request request);
  }

  /** Whatever came, and where from. */
  @FunctionalInterface
  interface BytesHandler {
    void handle(UdpStub stub, SocketAddress client, byte[] bytes);
  }

  private final DatagramSocket socket;
  private final Thread thread;

  UdpStub(Handler handler) throws IOException {
    this(0, handler);
  }

  UdpStub(int port, Handler handler) throws IOException {
    this(port, (stub, client, bytes) -> handler.handle(request(stub, client, bytes)));
  }

  UdpStub(int port, BytesHandler handler) throws IOException {
    socket = new DatagramSocket(port, InetAddress.getLoopbackAddress());
    thread = Thread.ofPlatform().name("udp-stub").start(() -> run(handler));
  }

  private static Request request(UdpStub stub, SocketAddress client, byte[] bytes) {
    int id = ByteBuffer.wrap(bytes).getShort() & 0xFFFF;
    return new Request(stub, client, id, new String(bytes, 8, bytes.length - 8, ISO_8859_1));
  }

  private void run(BytesHandler handler) {
    DatagramPacket packet = new DatagramPacket(new byte[1 << 16], 1 << 16);
    while (!socket.isClosed()) {
      try {
        socket.receive(packet);
      } catch (SocketException e) {
        return; // closed
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      byte[] bytes = Arrays.copyOf(packet.getData(), packet.getLength());
      handler.handle(this, packet.getSocketAddress(), bytes);
    }
  }

  /** Sends a reply datagram from any socket, so from a stranger's too. */
  void send(DatagramSocket from, SocketAddress client, int id, int number, int total, String body) {
    ByteBuffer bytes = ByteBuffer.allocate(8 + body.length());
    bytes.putShort((short) id).putShort((short) number).putShort((short) total).putShort((short) 0);
    bytes.put(body.getBytes(ISO_8859_1));
    sendRaw(from, client, bytes.array());
  }

  void sendRaw(DatagramSocket from, SocketAddress client, byte[] bytes) {
    try {
      (from == null ? socket : from).send(new DatagramPacket(bytes, bytes.length, client));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  InetSocketAddress address() {
    return (InetSocketAddress) socket.getLocalSocketAddress();
  }

  @Override
  public void close() {
    socket.close();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
