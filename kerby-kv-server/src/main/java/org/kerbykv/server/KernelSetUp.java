package org.kerbykv.server;

import java.io.UncheckedIOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.kerbykv.bpf.BPFException;
import org.kerbykv.bpf.BPFSupport;
import org.kerbykv.bpf.NetDevice;
import org.kerbykv.bpf.XdpMode;
import org.kerbykv.server.kernel.KernelConfig;
import org.kerbykv.server.kernel.KernelDoors;
import org.kerbykv.server.net.ServerLog;
import org.kerbykv.server.store.KernelStore;
import org.kerbykv.server.store.StoreDoor;

/** Decides whether the kernel serves, and has it set up. */
final class KernelSetUp {
  private static final int IP4_AND_UDP_BYTES = 28;
  private static final int IP6_AND_UDP_BYTES = 48;
  private static final String OUR_PROGRAM = "kv_xdp";
  private static final String PINNED_INDEX = "kv_index";

  /** Slots that there are at least, so that maps pinned with a few threads serve more. */
  private static final int SLOTS_MIN = 512;

  private KernelSetUp() {}

  /**
   * The kernel's half of a server. Closing it detaches the doors; the store stays open, for user
   * space to finish what it is doing.
   */
  record Opened(KernelDoors doors, KernelConfig config, boolean required, KernelStore store)
      implements AutoCloseable {

    /**
     * Lets the kernel answer packets.
     *
     * @return the mode in words: native, generic, or off if it may be off
     */
    String attach() throws StartException {
      try {
        String mode = doors.attach(config).name().toLowerCase(Locale.ROOT);
        if (mode.equals("native") && isVirtual(config.interfaceName())) {
          ServerLog.warn(
              "native XDP on virtual interface %s: replies are lost or late unless its peer has an"
                      .formatted(config.interfaceName())
                  + " XDP program too (one that passes all is enough); --xdp generic needs none");
        }
        return mode;
      } catch (BPFException e) {
        if (required) {
          throw refused(e);
        }
        refuseToHideBehindAnother();
        // The store is the kernel's all the same; packets reach it through user space's door.
        doors.detach();
        ServerLog.warn("the kernel answers no packets: " + firstLine(e));
        return "off";
      }
    }

    /**
     * Programs of another server of this kind, running or pinned, may answer the very port that is
     * served here: two stores behind one address, and no client would know.
     */
    private void refuseToHideBehindAnother() throws StartException {
      int ifindex = NetDevice.index(config.interfaceName());
      if (NetDevice.xdp(ifindex).filter(xdp -> xdp.programName().equals(OUR_PROGRAM)).isPresent()) {
        throw new StartException(
            ("interface %s has the programs of another Kerby-KV, running or pinned: stop it, remove"
                    + " its pins, or use --xdp off if it serves another port")
                .formatted(config.interfaceName()),
            null);
      }
    }

    @Override
    public void close() {
      doors.detach();
    }
  }

  /**
   * Loads the programs, if the configuration lets the kernel serve and the system does.
   *
   * @param udpPort of the service; 0 if there is none, and then nothing for the kernel to do
   */
  static Optional<Opened> open(ServerConfig config, int udpPort) throws StartException {
    boolean required = config.xdp() == XdpChoice.NATIVE || config.xdp() == XdpChoice.GENERIC;
    if (config.xdp() == XdpChoice.OFF || (udpPort == 0 && !required)) {
      return Optional.empty();
    }
    Optional<String> unavailable = BPFSupport.unavailableReason();
    if (unavailable.isPresent()) {
      return without(required, unavailable.get());
    }
    try {
      KernelConfig kernel = kernelConfig(config, udpPort);
      KernelDoors doors = KernelDoors.open(kernel, slotsNeeded(config));
      KernelStore store =
          new KernelStore(doors, config.userMemoryBytes(), config.evicts(), kernel.datagramMax());
      return Optional.of(new Opened(doors, kernel, required, store));
    } catch (BPFException e) {
      refusePinsThatDoNotFit(config, e);
      return without(required, firstLine(e));
    } catch (IllegalArgumentException e) {
      throw new StartException(e.getMessage(), e);
    }
  }

  /** For a door of each event loop, and the store's own two. */
  private static int slotsNeeded(ServerConfig config) {
    return Math.max(SLOTS_MIN, (config.threads() + 2) * StoreDoor.CAPACITY_MAX);
  }

  /** What is pinned goes on serving: a second store beside it is no way out. */
  private static void refusePinsThatDoNotFit(ServerConfig config, BPFException cause)
      throws StartException {
    Optional<Path> pins = config.pinDirectory();
    if (pins.isPresent() && Files.exists(pins.get().resolve(PINNED_INDEX))) {
      throw new StartException(
          ("the maps pinned in %s cannot be adopted: start with the --block-size, --memory-limit and"
                  + " --threads that they were made with, or remove them (%s)")
              .formatted(pins.get(), firstLine(cause)),
          cause);
    }
  }

  private static Optional<Opened> without(boolean required, String reason) throws StartException {
    if (required) {
      throw new StartException("eBPF cannot be used: " + reason, null);
    }
    ServerLog.warn("serving from user space alone: " + reason);
    return Optional.empty();
  }

  private static KernelConfig kernelConfig(ServerConfig config, int udpPort) throws StartException {
    return new KernelConfig(
        config.interfaceName(),
        addresses(config),
        udpPort,
        mode(config),
        config.memoryLimitBytes(),
        config.blockBytes(),
        datagramMax(config),
        config.pinDirectory());
  }

  /** Replies of the kernel are never fragmented, so they have to fit the interface. */
  private static int datagramMax(ServerConfig config) throws StartException {
    try {
      int mtu = NetworkInterface.getByName(config.interfaceName()).getMTU();
      int headers = config.listen() instanceof Inet4Address ? IP4_AND_UDP_BYTES : IP6_AND_UDP_BYTES;
      int most = Math.min(KernelConfig.DATAGRAM_MAX, mtu - headers);
      return Math.min(config.datagramMax(), most);
    } catch (SocketException e) {
      throw new StartException(
          "cannot read the MTU of " + config.interfaceName() + ": " + e.getMessage(), e);
    }
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
    } catch (UncheckedIOException e) {
      throw refused(e);
    }
  }

  private static StartException refused(RuntimeException e) {
    return new StartException(firstLine(e), e);
  }

  private static String firstLine(RuntimeException e) {
    return e.getMessage().lines().findFirst().orElse(e.toString());
  }
}
