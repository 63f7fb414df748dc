package org.kerbykv.server.kernel;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.kerbykv.bpf.BPFLink;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.NetDevice;
import org.kerbykv.bpf.XdpMode;

/** The programs of one object that are attached to an interface. Not thread-safe. */
public final class DoorLinks {
  private static final String PIN_PREFIX = "link_";

  private final BPFProgram program;
  private final List<BPFLink> links = new CopyOnWriteArrayList<>();

  public DoorLinks(BPFProgram program) {
    this.program = program;
  }

  /** Attaches a program at TC ingress, or puts it in place of the one that a pinned link has. */
  public void attachTc(DoorPlace place, String name) {
    int ifindex = NetDevice.index(place.interfaceName());
    Optional<BPFLink> pinned = adopt(place, name, ifindex);
    links.add(pinned.orElseGet(() -> pinned(place, name, program.tcAttach(name, ifindex))));
  }

  /**
   * The same for XDP.
   *
   * @return the mode that it runs in
   */
  public XdpMode attachXdp(DoorPlace place, String name) {
    int ifindex = NetDevice.index(place.interfaceName());
    Optional<BPFLink> pinned = adopt(place, name, ifindex);
    BPFLink link =
        pinned.orElseGet(() -> pinned(place, name, program.xdpAttach(name, ifindex, place.mode())));
    links.add(link);
    return link.xdpMode().orElse(XdpMode.GENERIC);
  }

  /** Returns whether all that was attached is so still. Thread-safe. */
  public boolean areAttached() {
    return links.stream().allMatch(BPFLink::isAttached);
  }

  /** Detaches what is not pinned. */
  public void detach() {
    links.reversed().forEach(BPFLink::close);
    links.clear();
  }

  /** Detaches a program that an earlier process left attached, pinned. */
  public static void detachPinned(DoorPlace place, String name) {
    Optional<Path> pin = pin(place, name);
    if (pin.isPresent() && Files.exists(pin.get())) {
      BPFLink link = BPFLink.open(pin.get());
      link.detach();
      unpin(link, pin.get());
    }
  }

  private Optional<BPFLink> adopt(DoorPlace place, String name, int ifindex) {
    Optional<Path> pin = pin(place, name);
    if (pin.isEmpty() || !Files.exists(pin.get())) {
      return Optional.empty();
    }
    BPFLink link = BPFLink.open(pin.get());
    if (link.ifindex() == ifindex) {
      link.update(program, name);
      return Optional.of(link);
    }
    // The interface it was on is gone or another one is wanted: the pin holds nothing useful.
    unpin(link, pin.get());
    return Optional.empty();
  }

  private static BPFLink pinned(DoorPlace place, String name, BPFLink link) {
    pin(place, name).ifPresent(link::pin);
    return link;
  }

  private static Optional<Path> pin(DoorPlace place, String name) {
    return place.pinDirectory().map(directory -> directory.resolve(PIN_PREFIX + name));
  }

  private static void unpin(BPFLink link, Path pin) {
    link.close();
    try {
      Files.delete(pin);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot remove the pinned link " + pin, e);
    }
  }
}
