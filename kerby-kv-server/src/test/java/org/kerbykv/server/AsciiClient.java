package org.kerbykv.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;

/** A bare TCP connection that speaks in bytes. */
public final class AsciiClient implements AutoCloseable {
  private static final int TIMEOUT_MILLIS = 20_000;

  private final Socket socket;
  private final InputStream in;

  public AsciiClient(InetSocketAddress address) throws IOException {
    socket = new Socket();
    socket.setTcpNoDelay(true);
    socket.setSoTimeout(TIMEOUT_MILLIS);
    socket.connect(address, TIMEOUT_MILLIS);
    in = socket.getInputStream();
  }

  Socket socket() {
    return socket;
  }

  void send(byte[] bytes) throws IOException {
    socket.getOutputStream().write(bytes);
  }

  void send(String text) throws IOException {
    send(text.getBytes(ISO_8859_1));
  }

  /** Reads exactly this many bytes. */
  String receive(int length) throws IOException {
    byte[] bytes = in.readNBytes(length);
    if (bytes.length < length) {
      throw new EOFException("after " + new String(bytes, ISO_8859_1));
    }
    return new String(bytes, ISO_8859_1);
  }

  /** Reads up to the server's end of the connection. */
  String receiveAll() throws IOException {
    return new String(in.readAllBytes(), ISO_8859_1);
  }

  /**
   * Sends requests and a marker that is answered with a line of its own, and returns all before
   * that line. The requests must be complete.
   */
  String exchange(byte[] requests) throws IOException {
    send(requests);
    send("mn\r\n");
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    byte[] buffer = new byte[1 << 16];
    while (!endsWithMarker(out)) {
      int n = in.read(buffer);
      if (n < 0) {
        throw new EOFException("after " + out.toString(ISO_8859_1));
      }
      out.write(buffer, 0, n);
    }
    return out.toString(ISO_8859_1).substring(0, out.size() - 4);
  }

  public String exchange(String requests) throws IOException {
    return exchange(requests.getBytes(ISO_8859_1));
  }

  private static boolean endsWithMarker(ByteArrayOutputStream out) {
    byte[] bytes = out.toByteArray();
    return bytes.length >= 4
        && new String(bytes, bytes.length - 4, 4, ISO_8859_1).equals("MN\r\n")
        && (bytes.length == 4 || bytes[bytes.length - 5] == '\n');
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
