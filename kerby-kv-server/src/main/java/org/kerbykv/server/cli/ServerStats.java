package org.kerbykv.server.cli;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.BufferedReader;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What a server said to "stats", and when.
 *
 * @param at in {@link System#nanoTime()}
 * @param values by name, in the server's order
 */
record ServerStats(long at, Map<String, String> values) {
  private static final Pattern NUMBER = Pattern.compile("-?(0|[1-9]\\d*)(\\.\\d+)?");

  /** A TCP connection that asks for them. Not thread-safe. */
  static final class Connection implements AutoCloseable {
    private final Socket socket = new Socket();
    private final BufferedReader in;

    Connection(InetSocketAddress server, int timeoutMillis) throws IOException {
      try {
        socket.setSoTimeout(timeoutMillis);
        socket.connect(server, timeoutMillis);
        in = new BufferedReader(new InputStreamReader(socket.getInputStream(), ISO_8859_1));
      } catch (IOException e) {
        socket.close();
        throw e;
      }
    }

    /** Asks for the figures of these topics; "" is what "stats" alone answers. */
    ServerStats read(String... topics) throws IOException {
      long at = System.nanoTime();
      Map<String, String> values = new LinkedHashMap<>();
      for (String topic : topics) {
        socket
            .getOutputStream()
            .write(("stats " + topic).strip().concat("\r\n").getBytes(ISO_8859_1));
        addReply(values);
      }
      return new ServerStats(at, values);
    }

    private void addReply(Map<String, String> to) throws IOException {
      for (String line; (line = in.readLine()) != null; ) {
        String[] parts = line.split(" ", 3);
        if (line.equals("END") || line.equals("RESET")) {
          return;
        }
        if (!parts[0].equals("STAT") || parts.length < 2) {
          throw new IOException("the server says: " + line);
        }
        to.put(parts[1], parts.length == 3 ? parts[2] : "");
      }
      throw new EOFException("the server has closed the connection");
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }

  /** A figure; 0 if the server did not give it. */
  long number(String name) {
    String value = values.get(name);
    return value == null || !NUMBER.matcher(value).matches() ? 0 : (long) Double.parseDouble(value);
  }

  String text(String name) {
    return values.getOrDefault(name, "");
  }

  /** The sum of all figures with such a name. */
  long sum(Pattern name) {
    return values.keySet().stream().filter(name.asMatchPredicate()).mapToLong(this::number).sum();
  }

  /** One JSON object: what looks like a number is one. */
  String toJson() {
    return values.entrySet().stream()
        .map(entry -> quoted(entry.getKey()) + ":" + json(entry.getValue()))
        .collect(Collectors.joining(",", "{", "}"));
  }

  private static String json(String value) {
    return NUMBER.matcher(value).matches() ? value : quoted(value);
  }

  private static String quoted(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        quoted.append('\\').append(c);
      } else if (c < ' ') {
        quoted.append("\\u%04x".formatted((int) c));
      } else {
        quoted.append(c);
      }
    }
    return quoted.append('"').toString();
  }
}
