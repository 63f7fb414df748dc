package org.kerbykv.client;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** A TCP server that does on each connection what a test says. */
final class TcpStub implements AutoCloseable {
  /** One connection, numbered from 1. */
  record Connection(int number, Socket socket, BufferedReader in) {
    /** The next line of a request, or null at the end. */
    String readLine() throws IOException {
      return in.readLine();
    }

    void write(String text) throws IOException {
      socket.getOutputStream().write(text.getBytes(ISO_8859_1));
    }
  }

  @FunctionalInterface
  interface Handler {
    /** The connection is closed when this returns. */
    void handle(Connection connection) throws IOException;
  }

  private final ServerSocket listener;
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();

  TcpStub(Handler handler) throws IOException {
    this(0, handler);
  }

  TcpStub(int port, Handler handler) throws IOException {
    listener = new ServerSocket(port, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(() -> accept(handler));
  }

  private void accept(Handler handler) {
    for (int number = 1; ; number++) {
      try {
        Socket socket = listener.accept();
        sockets.add(socket);
        Connection connection =
            new Connection(
                number,
                socket,
                new BufferedReader(new InputStreamReader(socket.getInputStream(), ISO_8859_1)));
        Thread.ofVirtual().start(() -> serve(handler, connection));
      } catch (IOException e) {
        return; // closed
      }
    }
  }

  private static void serve(Handler handler, Connection connection) {
    try (Socket socket = connection.socket()) {
      handler.handle(connection);
      socket.shutdownOutput();
    } catch (IOException e) {
      // The client, or the end of the test, closed it.
    }
  }

  InetSocketAddress address() {
    return (InetSocketAddress) listener.getLocalSocketAddress();
  }

  @Override
  public void close() throws IOException {
    listener.close();
    for (Socket socket : sockets) {
      socket.close();
    }
  }
}
