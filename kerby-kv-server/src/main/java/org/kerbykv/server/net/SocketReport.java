package org.kerbykv.server.net;

import java.net.InetSocketAddress;

/**
 * A socket of the server at a moment, as "stats conns" describes it.
 *
 * @param descriptor its number, by which memcached names it
 * @param address of the peer, or of the server where there is none; null when it has just gone
 * @param listenAddress the server's end of a connection, else null
 * @param state one of memcached's names
 * @param idleSeconds since the last input of a connection; 0 for the others
 */
public record SocketReport(
    int descriptor,
    Kind kind,
    InetSocketAddress address,
    InetSocketAddress listenAddress,
    String state,
    int idleSeconds) {
  /** What a socket is for. */
  public enum Kind {
    LISTENER,
    CONNECTION,
    DATAGRAMS
  }
}
