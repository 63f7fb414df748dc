package org.kerbykv.server;

import java.net.Inet4Address;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import org.kerbykv.bpf.BPFException;
import org.kerbykv.bpf.BPFSupport;
import org.kerbykv.bpf.XdpMode;
import org.kerbykv.server.kernel.KernelConfig;
import org.kerbykv.server.kernel.KernelDoors;
import org.kerbykv.server.log.ServerLog;
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
        XdpMode mode = doors.attach(config);
        Placement.warnOfLostReplies(config.place().interfaceName(), mode, required);
        return mode.name().toLowerCase(Locale.ROOT);
      } catch (BPFException e) {
        if (required) {
          throw Placement.refused(e);
        }
        Placement.refuseToHideBehindAnother(
            config.place().interfaceName(), OUR_PROGRAM, "Kerby-KV");
        Placement.refuseBesideStranger(config.place().interfaceName());
        // The store is the kernel's all the same; packets reach it through user space's door.
        doors.detach();
        ServerLog.warn("the kernel answers no packets", "reason", Placement.firstLine(e));
        return "off";
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
      return without(required, Placement.firstLine(e));
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
              .formatted(pins.get(), Placement.firstLine(cause)),
          cause);
    }
  }

  private static Optional<Opened> without(boolean required, String reason) throws StartException {
    if (required) {
      throw new StartException("eBPF cannot be used: " + reason, null);
    }
    ServerLog.warn("serving from user space alone", "reason", reason);
    return Optional.empty();
  }

  private static KernelConfig kernelConfig(ServerConfig config, int udpPort) throws StartException {
    return new KernelConfig(
        Placement.of(config),
        udpPort,
        config.memoryLimitBytes(),
        config.blockBytes(),
        datagramMax(config),
        config.security().replyRate());
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
}
