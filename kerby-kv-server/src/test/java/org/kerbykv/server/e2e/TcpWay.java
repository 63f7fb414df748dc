package org.kerbykv.server.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.Optional;

/** A TCP connection, of a single thread's. */
record TcpWay(TcpClient client) implements RecordingClient.Way {
  @Override
  public String name() {
    return "tcp";
  }

  @Override
  public Optional<byte[]> exchange(byte[] request) {
    return Optional.of(
        switch (request[0]) {
          case 'g' -> client.values(new String(request, ISO_8859_1));
          case 'm' -> client.meta(request);
          default -> Requests.bytes(client.line(request) + "\r\n");
        });
  }
}
