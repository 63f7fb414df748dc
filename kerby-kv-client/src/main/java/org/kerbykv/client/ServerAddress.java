package org.kerbykv.client;

import java.net.InetSocketAddress;
import java.util.Objects;

/**
 * One of the servers that a client spreads its keys over.
 *
 * @param address where it listens, for UDP and TCP alike; a name that is not resolved yet is
 *     resolved when the client is opened. Its host text and port are what {@link Distribution}
 *     hashes: every client of these servers must spell them the same way.
 * @param weight its share of the keys, relative to the others': 1 to 65535
 */
public record ServerAddress(InetSocketAddress address, int weight) {
  private static final int PORT_DEFAULT = 11211;
  private static final int WEIGHT_MAX = 65_535;

  public ServerAddress {
    Objects.requireNonNull(address, "address");
    if (weight < 1 || weight > WEIGHT_MAX) {
      throw new IllegalArgumentException(
          "weight must be from 1 to " + WEIGHT_MAX + ", not " + weight);
    }
  }

  /** A server of weight 1. */
  public static ServerAddress of(String host, int port) {
    return new ServerAddress(InetSocketAddress.createUnresolved(host, port), 1);
  }

  /**
   * Reads {@code host}, {@code host:port}, {@code [ipv6]:port} or one of these with {@code :weight}
   * behind the port; the port is 11211 if none is given.
   *
   * @throws IllegalArgumentException if the text is none of these
   */
  public static ServerAddress parse(String text) {
    int bracket = text.startsWith("[") ? text.indexOf(']') : -1;
    String host = bracket > 0 ? text.substring(1, bracket) : text.split(":", 2)[0];
    String rest = bracket > 0 ? text.substring(bracket + 1) : text.substring(host.length());
    String[] numbers = rest.split(":", -1);
    if (host.isBlank() || !numbers[0].isEmpty() || numbers.length > 3) {
      throw new IllegalArgumentException("not host[:port[:weight]]: " + text);
    }
    try {
      int port = numbers.length > 1 ? Integer.parseInt(numbers[1]) : PORT_DEFAULT;
      int weight = numbers.length > 2 ? Integer.parseInt(numbers[2]) : 1;
      return of(host, port).withWeight(weight);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("not host[:port[:weight]]: " + text, e);
    }
  }

  /** This server with another weight. */
  public ServerAddress withWeight(int other) {
    return new ServerAddress(address, other);
  }

  public String host() {
    return address.getHostString();
  }

  public int port() {
    return address.getPort();
  }

  /** Host and port, as {@link #parse} reads them; the weight too, if it is not 1. */
  @Override
  public String toString() {
    String host = host().contains(":") ? "[" + host() + "]" : host();
    return host + ":" + port() + (weight == 1 ? "" : ":" + weight);
  }
}
