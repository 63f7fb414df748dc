package org.kerbykv.server.e2e;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.UnknownHostException;
import java.util.Optional;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.NetDevice;
import org.kerbykv.bpf.NetworkNamespace;
import org.kerbykv.bpf.XdpMode;
import org.kerbykv.server.XdpChoice;

/**
 * Where a server serves and where its clients are, in namespaces of the test's own, so that neither
 * the machine's interfaces nor another test's are touched. Usable from any thread.
 */
final class Topology implements AutoCloseable {
  /** The kinds there are, and how the kernel sees their packets. */
  enum Kind {
    /**
     * Two namespaces; XDP in the driver. The client's end has an XDP program as well, without which
     * veth would not deliver native replies: with GRO alone they wait in its ring until some other
     * packet comes. Neither end leaves checksums to hardware that is not there, so that requests
     * come with whole ones and what user space answers can be checked on the wire.
     */
    VETH_NATIVE(XdpChoice.NATIVE, "veth0"),
    /** Two namespaces; XDP in the stack; checksums partial, as sockets of one machine have them. */
    VETH_GENERIC(XdpChoice.GENERIC, "veth0"),
    /** One namespace and its loopback; XDP in the stack. */
    LO_GENERIC(XdpChoice.GENERIC, "lo");

    private final XdpChoice xdp;
    private final String interfaceName;

    Kind(XdpChoice xdp, String interfaceName) {
      this.xdp = xdp;
      this.interfaceName = interfaceName;
    }

    XdpChoice xdp() {
      return xdp;
    }

    Topology open() {
      return open(ETHERNET_MTU);
    }

    /** Makes one whose veth ends have this MTU; loopback has its own. */
    Topology open(int mtu) {
      return new Topology(this, mtu);
    }
  }

  private static final int ETHERNET_MTU = 1500;
  private static final String NETWORK = "198.18.%d.%d";
  private static final int FIRST_NETWORK = 77;

  private final Kind kind;
  private final String interfaceName;
  private final int network;
  private final NetworkNamespace server;
  private final NetworkNamespace client;
  private Optional<BPFProgram> clientsProgram = Optional.empty();

  /** Whether the clients' namespace is closed with this one. */
  private final boolean hasOwnClient;

  private Topology(Kind kind, int mtu) {
    this.kind = kind;
    this.interfaceName = kind.interfaceName;
    this.network = FIRST_NETWORK;
    this.server = NetworkNamespace.create("server");
    this.client = kind == Kind.LO_GENERIC ? server : NetworkNamespace.create("client");
    this.hasOwnClient = true;
    makeReady(mtu);
  }

  private Topology(Topology other) {
    this.kind = other.kind;
    this.interfaceName = "veth1";
    this.network = other.network + 1;
    this.server = NetworkNamespace.create("server");
    this.client = other.client;
    this.hasOwnClient = false;
    makeReady(ETHERNET_MTU);
  }

  /**
   * Makes one for another server of the same clients, on an interface of its own. It is closed
   * before this one.
   */
  Topology withAnotherServer() {
    if (kind == Kind.LO_GENERIC || !hasOwnClient) {
      throw new IllegalStateException("a second server beside " + interfaceName);
    }
    return new Topology(this);
  }

  private void makeReady(int mtu) {
    boolean ready = false;
    try {
      if (!server.equals(client)) {
        join(mtu);
      }
      ready = true;
    } finally {
      if (!ready) {
        close();
      }
    }
  }

  private void join(int mtu) {
    String name = interfaceName();
    server.joinByVeth(name, host() + "/24", client, NETWORK.formatted(network, 2) + "/24");
    server.ip("link", "set", name, "mtu", Integer.toString(mtu));
    client.ip("link", "set", name, "mtu", Integer.toString(mtu));
    if (kind == Kind.VETH_NATIVE) {
      Commands.run(client.command("ethtool", "-K", name, "tx", "off"));
      Commands.run(server.command("ethtool", "-K", name, "tx", "off"));
      clientsProgram = Optional.of(client.call(this::attachPassingProgram));
    }
  }

  private BPFProgram attachPassingProgram() {
    BPFProgram program = BPFProgram.load(NetworkNamespace.class, "example.bpf.o");
    program.xdpAttach("count", NetDevice.index(interfaceName()), XdpMode.NATIVE);
    return program;
  }

  Kind kind() {
    return kind;
  }

  NetworkNamespace server() {
    return server;
  }

  NetworkNamespace client() {
    return client;
  }

  /** The server's address. */
  String host() {
    return server.equals(client) ? "127.0.0.1" : NETWORK.formatted(network, 1);
  }

  InetAddress address() {
    try {
      return InetAddress.getByName(host());
    } catch (UnknownHostException e) {
      throw new UncheckedIOException(e);
    }
  }

  String interfaceName() {
    return interfaceName;
  }

  XdpChoice xdp() {
    return kind.xdp;
  }

  /**
   * Returns a port of the server's that is free for TCP and UDP; nobody else is there to take it.
   */
  int freePort() {
    return server.call(
        () -> {
          while (true) {
            try (ServerSocket tcp = new ServerSocket(0);
                DatagramSocket udp = new DatagramSocket(tcp.getLocalPort())) {
              return udp.getLocalPort();
            } catch (IOException e) {
              // Taken for UDP: another.
            }
          }
        });
  }

  @Override
  public void close() {
    clientsProgram.ifPresent(BPFProgram::close);
    server.close();
    if (!server.equals(client) && hasOwnClient) {
      client.close();
    }
  }
}
