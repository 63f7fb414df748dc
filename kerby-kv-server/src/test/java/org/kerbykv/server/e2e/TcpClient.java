package org.kerbykv.server.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import org.kerbykv.bpf.NetworkNamespace;

/** A plain TCP client that knows just enough of memcached's text to see where a reply ends. */
final class TcpClient implements AutoCloseable {
  private static final int TIMEOUT_MILLIS = 20_000;

  private final Socket socket;
  private final InputStream in;

  /** Connects from a namespace. */
  TcpClient(NetworkNamespace namespace, InetSocketAddress server) {
    socket =
        namespace.call(
            () -> {
              Socket connected = new Socket(server.getAddress(), server.getPort());
              connected.setSoTimeout(TIMEOUT_MILLIS);
              connected.setTcpNoDelay(true);
              return connected;
            });
    try {
      in = new BufferedInputStream(socket.getInputStream());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Sends a request whose reply is one line, and returns that without its end. */
  String line(String request) {
    return line(request.getBytes(ISO_8859_1));
  }

  String line(byte[] request) {
    try {
      socket.getOutputStream().write(request);
      return readLine();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Sends a request whose reply ends with END or with an error line; returns all of its text. */
  byte[] values(String request) {
    try {
      socket.getOutputStream().write(request.getBytes(ISO_8859_1));
      ByteArrayOutputStream reply = new ByteArrayOutputStream();
      while (true) {
        String line = readLine();
        reply.writeBytes((line + "\r\n").getBytes(ISO_8859_1));
        String[] words = line.split(" ", -1);
        if (!words[0].equals("VALUE")) {
          return reply.toByteArray();
        }
        int bytes = Integer.parseInt(words[3]) + 2;
        byte[] value = in.readNBytes(bytes);
        if (value.length < bytes) {
          throw new EOFException(line);
        }
        reply.writeBytes(value);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Sends a meta command; returns all of its reply. */
  byte[] meta(byte[] request) {
    try {
      String line = line(request);
      byte[] start = (line + "\r\n").getBytes(ISO_8859_1);
      if (!line.startsWith("VA ")) {
        return start;
      }
      ByteArrayOutputStream reply = new ByteArrayOutputStream();
      reply.writeBytes(start);
      reply.writeBytes(in.readNBytes(Integer.parseInt(line.split(" ", -1)[1]) + 2));
      return reply.toByteArray();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Sends a request; returns the lines of its reply before "END". */
  List<String> lines(String request) {
    try {
      List<String> lines = new ArrayList<>();
      for (String line = line(request); !line.equals("END"); line = readLine()) {
        lines.add(line);
      }
      return lines;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private String readLine() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    int b;
    while ((b = in.read()) != '\n') {
      if (b < 0) {
        throw new EOFException("after " + line.toString(ISO_8859_1));
      }
      line.write(b);
    }
    String text = line.toString(ISO_8859_1);
    if (!text.endsWith("\r")) {
      throw new AssertionError("a line that does not end with CR LF: " + text);
    }
    return text.substring(0, text.length() - 1);
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
