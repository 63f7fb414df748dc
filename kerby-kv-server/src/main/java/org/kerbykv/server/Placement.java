package org.kerbykv.server;

import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.kerbykv.bpf.BPFException;
import org.kerbykv.bpf.NetDevice;
import org.kerbykv.bpf.XdpMode;
import org.kerbykv.server.kernel.DoorPlace;
import org.kerbykv.server.log.ServerLog;
import org.kerbykv.server.net.Allowlist;
import org.kerbykv.server.net.Cidr;

/** Where the kernel's doors go, and what may be in the way there. */
final class Placement {
  private Placement() {}

  /** Returns where the doors of this server are to be. */
  static DoorPlace of(ServerConfig config) throws StartException {
    return new DoorPlace(
        config.interfaceName(),
        addresses(config),
        mode(config),
        config.pinDirectory(),
        allowed(config));
  }

  /** Returns who may ask over UDP. */
  static Allowlist allowed(ServerConfig config) throws StartException {
    List<Cidr> told = config.security().allowed();
    try {
      return told.isEmpty()
          ? Allowlist.around(config.interfaceName(), config.listen())
          : new Allowlist(told);
    } catch (SocketException e) {
      throw new StartException("cannot read the interfaces' networks: " + e.getMessage(), e);
    }
  }

  /**
   * Says so if native replies may get lost, or are why the mode is another.
   *
   * @param isChosen whether the operator named the mode
   */
  static void warnOfLostReplies(String interfaceName, XdpMode mode, boolean isChosen) {
    if (!isVirtual(interfaceName) || isLoopback(interfaceName)) {
      return;
    }
    if (mode == XdpMode.NATIVE) {
      ServerLog.warn(
          "native XDP on virtual interface %s: replies are lost or late unless its peer has an"
                  .formatted(interfaceName)
              + " XDP program too (one that passes all is enough); --xdp generic needs none");
    } else if (!isChosen) {
      ServerLog.warn(
          "generic XDP on virtual interface %s: native replies would be lost if its peer has no NAPI;"
                  .formatted(interfaceName)
              + " --xdp generic says the same without this line");
    }
  }

  private static boolean isLoopback(String interfaceName) {
    try {
      return NetworkInterface.getByName(interfaceName).isLoopback();
    } catch (SocketException e) {
      return false;
    }
  }

  /**
   * Programs of another server of this kind, running or pinned, may answer the very port that is
   * served here: two of them behind one address, and no client would know.
   *
   * @param program that such a server would have there
   * @param kind of server
   */
  static void refuseToHideBehindAnother(String interfaceName, String program, String kind)
      throws StartException {
    int ifindex = NetDevice.index(interfaceName);
    if (NetDevice.xdp(ifindex).filter(xdp -> xdp.programName().equals(program)).isPresent()) {
      throw new StartException(
          ("interface %s has the programs of another %s, running or pinned: stop it, remove"
                  + " its pins, or use --xdp off if it serves another port")
              .formatted(interfaceName, kind));
    }
  }

  /**
   * An interface has room for one XDP program. Who put another one there has to say which is to go:
   * served from user space alone, nobody would notice before the load comes.
   */
  static void refuseBesideStranger(String interfaceName) throws StartException {
    Optional<NetDevice.XdpAttached> stranger = NetDevice.xdp(NetDevice.index(interfaceName));
    if (stranger.isPresent()) {
      throw new StartException(
          ("interface %s has the XDP program of somebody else: program %d '%s' is there, in %s mode;"
                  + " detach it, or use --xdp off to serve from user space alone")
              .formatted(
                  interfaceName,
                  stranger.get().programId(),
                  stranger.get().programName(),
                  stranger.get().mode().name().toLowerCase(Locale.ROOT)));
    }
  }

  static StartException refused(BPFException e) {
    return new StartException(firstLine(e), e);
  }

  static String firstLine(RuntimeException e) {
    return e.getMessage().lines().findFirst().orElse(e.toString());
  }

  private static XdpMode mode(ServerConfig config) {
    return switch (config.xdp()) {
      case NATIVE -> XdpMode.NATIVE;
      case GENERIC -> XdpMode.GENERIC;
      // A native reply into a virtual interface may be lost without a word; generic never is.
      case AUTO -> isVirtual(config.interfaceName()) ? XdpMode.GENERIC : XdpMode.AUTO;
      case OFF -> throw new IllegalArgumentException("no mode");
    };
  }

  private static boolean isVirtual(String interfaceName) {
    return !Files.exists(Path.of("/sys/class/net", interfaceName, "device"));
  }

  private static List<InetAddress> addresses(ServerConfig config) throws StartException {
    InetAddress listen = config.listen();
    if (!listen.isAnyLocalAddress()) {
      return List.of(listen);
    }
    try {
      return NetworkInterface.getByName(config.interfaceName())
          .inetAddresses()
          .filter(address -> address.getClass() == listen.getClass())
          .toList();
    } catch (SocketException e) {
      throw new StartException(
          "cannot read the addresses of " + config.interfaceName() + ": " + e.getMessage(), e);
    }
  }
}
