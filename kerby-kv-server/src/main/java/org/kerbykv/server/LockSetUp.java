package org.kerbykv.server;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.kerbykv.bpf.BPFException;
import org.kerbykv.bpf.BPFSupport;
import org.kerbykv.bpf.XdpMode;
import org.kerbykv.server.kernel.DoorPlace;
import org.kerbykv.server.kernel.KernelDoors;
import org.kerbykv.server.lock.LockDoors;
import org.kerbykv.server.log.ServerLog;

/** Has the kernel set up for locks, without which there are none. */
final class LockSetUp {
  /** The directory of the locks' pins, within that of Kerby-KV's. */
  static final String PINS = "lock";

  private static final String PINNED_TABLE = "lock_table";

  /** Doors that there are at least, so that maps pinned with a few threads serve more. */
  private static final int DOORS_MIN = 8;

  private LockSetUp() {}

  /**
   * The kernel's half. Closing it detaches the doors for packets; the locks stay, for user space to
   * finish what it is doing.
   */
  static final class Opened implements AutoCloseable {
    private final LockDoors doors;
    private final DoorPlace place;
    private final XdpChoice xdp;
    private boolean attached;

    Opened(LockDoors doors, DoorPlace place, XdpChoice xdp) {
      this.doors = doors;
      this.place = place;
      this.xdp = xdp;
    }

    LockDoors doors() {
      return doors;
    }

    /**
     * Lets TC answer packets.
     *
     * @param kvComes whether Kerby-KV's XDP program is to be attached
     */
    void attachTc(boolean kvComes) throws StartException {
      if (xdp == XdpChoice.OFF) {
        return;
      }
      try {
        doors.attachTc(place, kvComes);
        attached = true;
      } catch (BPFException e) {
        warn(e, "the kernel answers no packets for locks");
      }
    }

    /**
     * Then XDP, as far as it can.
     *
     * @param kv Kerby-KV, if its programs are on the interface: there is room for one XDP program
     *     only, so what that does not answer it hands on
     * @return the mode in words: native, generic, tc if there is no XDP for locks, or off
     */
    String attachXdp(Optional<KernelDoors> kv) throws StartException {
      if (!attached) {
        return "off";
      }
      if (kv.isPresent()) {
        doors.attachBehind(kv.get());
        return "";
      }
      try {
        XdpMode mode = doors.attachXdp(place);
        Placement.warnOfLostReplies(place.interfaceName(), mode, xdp != XdpChoice.AUTO);
        return mode.name().toLowerCase(Locale.ROOT);
      } catch (BPFException e) {
        Placement.refuseToHideBehindAnother(
            place.interfaceName(), LockDoors.XDP_PROGRAM, "Kerby-Lock");
        warn(e, "TC alone answers packets for locks");
        return "tc";
      }
    }

    private void warn(BPFException e, String consequence) throws StartException {
      if (xdp != XdpChoice.AUTO) {
        throw Placement.refused(e);
      }
      ServerLog.warn(consequence, "reason", Placement.firstLine(e));
    }

    @Override
    public void close() {
      doors.detach();
    }
  }

  /**
   * Loads the programs.
   *
   * @param port of the service
   */
  static Opened open(ServerConfig config, int port) throws StartException {
    Optional<String> unavailable = BPFSupport.unavailableReason();
    if (unavailable.isPresent()) {
      throw new StartException("locks need eBPF, also with --xdp off: " + unavailable.get());
    }
    DoorPlace place = place(config).withPinsIn(PINS);
    try {
      LockDoors doors =
          LockDoors.open(place, port, config.locks(), Math.max(DOORS_MIN, config.threads() + 1));
      return new Opened(doors, place, config.xdp());
    } catch (BPFException e) {
      refusePinsThatDoNotFit(place, e);
      throw Placement.refused(e);
    } catch (IllegalArgumentException e) {
      throw new StartException(e.getMessage(), e);
    }
  }

  private static DoorPlace place(ServerConfig config) throws StartException {
    return config.xdp() == XdpChoice.OFF
        ? new DoorPlace(
            config.interfaceName(),
            List.of(),
            XdpMode.AUTO,
            config.pinDirectory(),
            Placement.allowed(config))
        : Placement.of(config);
  }

  /** What is pinned goes on serving: other locks beside it are no way out. */
  private static void refusePinsThatDoNotFit(DoorPlace place, BPFException cause)
      throws StartException {
    Optional<Path> pins = place.pinDirectory();
    if (pins.isPresent() && Files.exists(pins.get().resolve(PINNED_TABLE))) {
      throw new StartException(
          ("the locks pinned in %s cannot be adopted: start with the --lock-memory and --threads"
                  + " that they were made with, or remove them (%s)")
              .formatted(pins.get(), Placement.firstLine(cause)),
          cause);
    }
  }
}
