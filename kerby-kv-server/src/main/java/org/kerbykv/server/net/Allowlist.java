package org.kerbykv.server.net;

import java.net.InetAddress;
import java.net.InterfaceAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;

/**
 * Who may ask over UDP, where an answer goes to whatever address a request says that it is from.
 * All others get none. Immutable.
 */
public final class Allowlist {
  /** Where requests come from that never leave the host. */
  public static final List<Cidr> LOOPBACK = List.of(Cidr.parse("127.0.0.0/8"), Cidr.parse("::1"));

  private final List<Cidr> networks;
  private final Cidr[] rules;

  /** Makes a list of these networks and no others. */
  public Allowlist(Collection<Cidr> networks) {
    this.networks = networks.stream().distinct().toList();
    this.rules = this.networks.toArray(Cidr[]::new);
  }

  /**
   * Makes a list of loopback and the networks that the interfaces are in: the given one, and those
   * of the address that is served.
   *
   * @param listen all interfaces' addresses, if it is a wildcard
   */
  public static Allowlist around(String interfaceName, InetAddress listen) throws SocketException {
    Stream<NetworkInterface> served =
        NetworkInterface.networkInterfaces()
            .filter(
                each ->
                    listen.isAnyLocalAddress()
                        || each.getName().equals(interfaceName)
                        || each.inetAddresses().anyMatch(listen::equals));
    return new Allowlist(
        Stream.concat(LOOPBACK.stream(), served.flatMap(Allowlist::networks)).toList());
  }

  private static Stream<Cidr> networks(NetworkInterface device) {
    return device.getInterfaceAddresses().stream().map(Allowlist::network);
  }

  private static Cidr network(InterfaceAddress address) {
    return Cidr.of(address.getAddress(), address.getNetworkPrefixLength());
  }

  /** Returns the networks. */
  public List<Cidr> networks() {
    return networks;
  }

  /** Returns whether it is in one of the networks. */
  public boolean allows(InetAddress source) {
    byte[] address = source.getAddress();
    for (Cidr rule : rules) {
      if (rule.contains(address)) {
        return true;
      }
    }
    return false;
  }
}
