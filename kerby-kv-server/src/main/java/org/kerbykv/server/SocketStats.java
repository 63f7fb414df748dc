package org.kerbykv.server;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import org.kerbykv.server.net.SocketReport;

/** "stats conns". */
final class SocketStats {
  private SocketStats() {}

  static void add(StatLines lines, List<SocketReport> sockets, int secondsSinceStart) {
    for (SocketReport socket : sockets) {
      String prefix = socket.descriptor() + ":";
      boolean connection = socket.kind() == SocketReport.Kind.CONNECTION;
      boolean datagrams = socket.kind() == SocketReport.Kind.DATAGRAMS;
      if (datagrams) {
        lines.add(prefix + "UDP", "UDP");
      }
      lines.add(prefix + "addr", text(datagrams ? "udp" : "tcp", socket.address()));
      if (connection) {
        lines.add(prefix + "listen_addr", text("tcp", socket.listenAddress()));
      }
      lines.add(prefix + "state", socket.state());
      int idle = connection ? socket.idleSeconds() : secondsSinceStart;
      lines.add(prefix + "secs_since_last_cmd", idle);
    }
  }

  private static String text(String protocol, InetSocketAddress address) {
    if (address == null) {
      // It has gone since it was listed.
      return protocol + ":unknown";
    }
    InetAddress ip = address.getAddress();
    String host = ip.getHostAddress();
    return ip instanceof Inet6Address
        ? "%s6:[%s]:%d".formatted(protocol, host, address.getPort())
        : "%s:%s:%d".formatted(protocol, host, address.getPort());
  }
}
