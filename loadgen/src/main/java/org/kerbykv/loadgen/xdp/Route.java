package org.kerbykv.loadgen.xdp;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.InterfaceAddress;
import java.net.NetworkInterface;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.loadgen.engine.LoadException;

/**
 * The way to a server in the calling thread's network namespace, as far as a frame's headers tell
 * of it.
 *
 * @param device through which it goes
 * @param self our address there
 * @param selfMac our hardware address, the first byte lowest
 * @param nextHopMac likewise, the server's or that of the gateway before it
 */
record Route(NetworkInterface device, Inet4Address self, long selfMac, long nextHopMac) {
  private static final Path NEIGHBOURS = Path.of("/proc/thread-self/net/arp");
  private static final Path ROUTES = Path.of("/proc/thread-self/net/route");
  private static final long RESOLVE_NANOS_MAX = TimeUnit.SECONDS.toNanos(3);
  private static final long POLL_MILLIS = 10;
  private static final int DISCARD_PORT = 9;

  static Route to(InetSocketAddress server) throws LoadException, InterruptedException {
    if (!(server.getAddress() instanceof Inet4Address address)) {
      throw new LoadException("the xdp engine sends IPv4 alone, and the server's address is IPv6");
    }
    try (DatagramSocket socket = new DatagramSocket()) {
      socket.connect(server);
      InetAddress self = socket.getLocalAddress();
      NetworkInterface device = NetworkInterface.getByInetAddress(self);
      if (device == null || device.getHardwareAddress() == null) {
        throw new LoadException(
            "the way to "
                + address.getHostAddress()
                + " is "
                + (device == null ? "unknown" : device.getName())
                + ", where frames cannot be sent: use --topology veth or the socket engine");
      }
      Inet4Address nextHop = nextHop(device, address);
      return new Route(
          device, (Inet4Address) self, littleEndian(device.getHardwareAddress()), resolve(nextHop));
    } catch (IOException e) {
      throw new LoadException("no way to " + server + ": " + e.getMessage(), e);
    }
  }

  /** Tells a program of load_peer.h who talks to whom. */
  void setConstants(BPFLoader loader, InetSocketAddress server) {
    short port = Short.reverseBytes((short) server.getPort());
    loader
        .constant("load_mac_server", nextHopMac)
        .constant("load_mac_self", selfMac)
        .constant("load_ip_server", littleEndian(server.getAddress().getAddress()))
        .constant("load_ip_self", littleEndian(self.getAddress()))
        .constant("load_port_server", Short.toUnsignedInt(port));
  }

  /** The server itself if it is on the device's network, else the gateway. */
  private static Inet4Address nextHop(NetworkInterface device, Inet4Address server)
      throws IOException, LoadException {
    for (InterfaceAddress own : device.getInterfaceAddresses()) {
      if (own.getAddress() instanceof Inet4Address ours) {
        int mask = (int) (-1L << (32 - own.getNetworkPrefixLength()));
        if (((number(ours) ^ number(server)) & mask) == 0) {
          return server;
        }
      }
    }
    // Columns: interface, destination, gateway; addresses in hexadecimal, last byte first.
    for (String line : Files.readAllLines(ROUTES)) {
      String[] columns = line.split("\\s+", -1);
      if (columns[0].equals(device.getName()) && columns[1].equals("00000000")) {
        int gateway = Integer.reverseBytes(Integer.parseUnsignedInt(columns[2], 16));
        byte[] bytes = {
          (byte) (gateway >> 24), (byte) (gateway >> 16), (byte) (gateway >> 8), (byte) gateway
        };
        return (Inet4Address) InetAddress.getByAddress(bytes);
      }
    }
    throw new LoadException("no gateway to " + server.getHostAddress());
  }

  private static int number(Inet4Address address) {
    byte[] bytes = address.getAddress();
    int number = 0;
    for (byte one : bytes) {
      number = number << 8 | (one & 0xff);
    }
    return number;
  }

  /** Bytes as they are in memory, as a number. */
  private static long littleEndian(byte[] bytes) {
    long number = 0;
    for (int i = bytes.length - 1; i >= 0; i--) {
      number = number << Byte.SIZE | (bytes[i] & 0xff);
    }
    return number;
  }

  /** Has the kernel ask for the hardware address of a neighbour, and waits for the answer. */
  private static long resolve(Inet4Address neighbour)
      throws IOException, LoadException, InterruptedException {
    long end = System.nanoTime() + RESOLVE_NANOS_MAX;
    try (DatagramSocket socket = new DatagramSocket()) {
      byte[] nothing = {};
      socket.send(
          new java.net.DatagramPacket(nothing, 0, new InetSocketAddress(neighbour, DISCARD_PORT)));
      while (System.nanoTime() - end < 0) {
        Optional<Long> known = known(neighbour, Files.readAllLines(NEIGHBOURS));
        if (known.isPresent()) {
          return known.get();
        }
        Thread.sleep(POLL_MILLIS);
      }
    }
    throw new LoadException(
        "nobody at " + neighbour.getHostAddress() + " says what its hardware address is");
  }

  /** Looks for a resolved neighbour: columns address, type, flags, hardware address. */
  private static Optional<Long> known(Inet4Address neighbour, List<String> table) {
    for (String line : table) {
      String[] columns = line.split("\\s+", -1);
      if (columns[0].equals(neighbour.getHostAddress()) && !columns[2].equals("0x0")) {
        return Optional.of(littleEndian(HexFormat.ofDelimiter(":").parseHex(columns[3])));
      }
    }
    return Optional.empty();
  }
}
