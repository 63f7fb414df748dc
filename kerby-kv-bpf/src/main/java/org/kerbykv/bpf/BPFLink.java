package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A program attached to a network interface. Closing it detaches the program, unless the link is
 * pinned. It is closed with the {@link BPFProgram} whose program is in it. Usable from any thread.
 */
public final class BPFLink implements OwnedByProgram {
  static final int TYPE_XDP = 6; // BPF_LINK_TYPE_XDP
  static final int TYPE_TCX = 11; // BPF_LINK_TYPE_TCX

  private static final int ATTACH_XDP = 37; // BPF_XDP
  private static final int ATTACH_TCX_INGRESS = 46; // BPF_TCX_INGRESS
  private static final int ATTACH_TCX_EGRESS = 47; // BPF_TCX_EGRESS
  private static final int XDP_FLAGS_SKB_MODE = 1 << 1;
  private static final int XDP_FLAGS_DRV_MODE = 1 << 2;
  // struct bpf_link_create_opts
  private static final long OPTS_BYTES = 64;
  private static final long OPTS_FLAGS = 8;

  private final Attachment attachment;
  private final int ifindex;
  private final Optional<XdpMode> xdpMode;
  private Optional<BPFProgram> owner;
  private boolean closed;

  private BPFLink(
      Attachment attachment, int ifindex, Optional<XdpMode> xdpMode, Optional<BPFProgram> owner) {
    this.attachment = attachment;
    this.ifindex = ifindex;
    this.xdpMode = xdpMode;
    this.owner = owner;
    owner.ifPresent(program -> program.own(this));
  }

  /**
   * Opens a link that was pinned, by this process or an earlier one. Of an XDP link the mode is
   * queried, in the calling thread's network namespace.
   *
   * @param file the pin
   */
  public static BPFLink open(Path file) {
    LinkDescriptor link = new LinkDescriptor(Pins.open("link", file), "pinned link " + file);
    try {
      ObjectInfo.LinkInfo info = link.info();
      Optional<XdpMode> mode =
          info.type() == TYPE_XDP ? queryMode(info.ifindex(), info.programId()) : Optional.empty();
      return new BPFLink(link, info.ifindex(), mode, Optional.empty());
    } catch (RuntimeException e) {
      link.close();
      throw e;
    }
  }

  /** The interface's index, in the network namespace where it was attached. */
  public int ifindex() {
    return ifindex;
  }

  /** Of an XDP link, the mode that the kernel said it attached in; else empty. */
  public Optional<XdpMode> xdpMode() {
    return xdpMode;
  }

  /** The kernel's id of the program that is attached now. */
  public synchronized int programId() {
    requireOpen();
    return attachment.programId();
  }

  /** Whether the program is on the interface still: false once that was removed, or detached. */
  public synchronized boolean isAttached() {
    return !closed && attachment.isAttached();
  }

  /**
   * Pins the link: it stays attached when this object is closed or this process ends, until the
   * file is removed.
   *
   * @param file to be created, in a mounted BPF file system
   * @throws BPFException EOPNOTSUPP for a TC program where the kernel has no TCX links
   */
  public synchronized void pin(Path file) {
    requireOpen();
    attachment.pin(file);
  }

  /**
   * Puts another program in place of the one attached, under traffic: every packet meets one of the
   * two. From then on the link belongs to {@code object} and is closed with that.
   *
   * @param object the object that has the program
   * @param program its name; of the same kind as the present one
   */
  public synchronized void update(BPFProgram object, String program) {
    requireOpen();
    attachment.update(object.programFd(program), program);
    owner.ifPresent(previous -> previous.disown(this));
    owner = Optional.of(object);
    object.own(this);
  }

  /**
   * Detaches the program now, pinned or not. A pin of the link remains, but keeps nothing attached.
   * (Removing the pin of a link that nobody has open detaches as well, but some time later.)
   */
  public synchronized void detach() {
    requireOpen();
    attachment.detach();
  }

  /** Detaches, unless pinned. Closing twice is fine. */
  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      owner.ifPresent(program -> program.disown(this));
      attachment.close();
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the link to interface " + ifindex + " has been closed");
    }
  }

  static BPFLink attachXdp(BPFProgram object, String program, int ifindex, XdpMode mode) {
    return switch (mode) {
      case NATIVE -> createXdp(object, program, ifindex, XDP_FLAGS_DRV_MODE, "native");
      case GENERIC -> createXdp(object, program, ifindex, XDP_FLAGS_SKB_MODE, "generic");
      case AUTO -> {
        try {
          yield createXdp(object, program, ifindex, XDP_FLAGS_DRV_MODE, "native");
        } catch (BPFException nativeFailure) {
          if (nativeFailure.errno() == Errno.EBUSY || nativeFailure.errno() == Errno.EPERM) {
            throw nativeFailure; // generic mode would be refused for the same reason
          }
          try {
            yield createXdp(object, program, ifindex, XDP_FLAGS_SKB_MODE, "generic");
          } catch (BPFException genericFailure) {
            genericFailure.addSuppressed(nativeFailure);
            throw genericFailure;
          }
        }
      }
    };
  }

  private static BPFLink createXdp(
      BPFProgram object, String program, int ifindex, int flags, String mode) {
    int fd = create(object.programFd(program), ifindex, ATTACH_XDP, flags);
    if (fd < 0) {
      throw new BPFException(
          "attach program %s to %s in %s XDP mode"
              .formatted(program, NetDevice.describe(ifindex), mode),
          -fd,
          hint(-fd, ifindex));
    }
    LinkDescriptor link =
        new LinkDescriptor(fd, "link of " + program + " to " + NetDevice.describe(ifindex));
    try {
      return new BPFLink(link, ifindex, queryMode(ifindex, link.programId()), Optional.of(object));
    } catch (RuntimeException e) {
      link.close();
      throw e;
    }
  }

  static BPFLink attachTc(BPFProgram object, String program, int ifindex) {
    int fd = create(object.programFd(program), ifindex, ATTACH_TCX_INGRESS, 0);
    if (fd == -Errno.EINVAL || fd == -Errno.EOPNOTSUPP) { // a kernel without TCX
      return attachClsact(object, program, ifindex);
    }
    return tcx(object, program, ifindex, fd, "ingress");
  }

  static BPFLink attachTcEgress(BPFProgram object, String program, int ifindex) {
    int fd = create(object.programFd(program), ifindex, ATTACH_TCX_EGRESS, 0);
    return tcx(object, program, ifindex, fd, "egress");
  }

  private static BPFLink tcx(
      BPFProgram object, String program, int ifindex, int fd, String direction) {
    if (fd < 0) {
      throw new BPFException(
          "attach program %s to TC %s of %s"
              .formatted(program, direction, NetDevice.describe(ifindex)),
          -fd);
    }
    LinkDescriptor link =
        new LinkDescriptor(fd, "link of " + program + " to " + NetDevice.describe(ifindex));
    return new BPFLink(link, ifindex, Optional.empty(), Optional.of(object));
  }

  static BPFLink attachClsact(BPFProgram object, String program, int ifindex) {
    return new BPFLink(
        ClsactFilter.attach(object.programFd(program), program, ifindex),
        ifindex,
        Optional.empty(),
        Optional.of(object));
  }

  private static int create(int programFd, int ifindex, int attachType, int flags) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment opts = arena.allocate(OPTS_BYTES, Long.BYTES);
      opts.set(JAVA_LONG, 0, OPTS_BYTES);
      opts.set(JAVA_INT, OPTS_FLAGS, flags);
      return BPFCalls.linkCreate(programFd, ifindex, attachType, opts);
    }
  }

  private static Optional<XdpMode> queryMode(int ifindex, int programId) {
    return NetDevice.xdp(ifindex)
        .filter(attached -> attached.programId() == programId)
        .map(NetDevice.XdpAttached::mode);
  }

  /** What the kernel's error number leaves open: who is there, or that nothing is. */
  private static String hint(int errno, int ifindex) {
    if (NetDevice.name(ifindex).isEmpty()) {
      return "there is no such interface";
    }
    if (errno != Errno.EBUSY && errno != Errno.EEXIST) {
      return "";
    }
    return NetDevice.xdp(ifindex)
        .map(
            other ->
                "program %d '%s' is there, in %s mode"
                    .formatted(
                        other.programId(),
                        other.programName(),
                        other.mode() == XdpMode.NATIVE ? "native" : "generic"))
        .orElse("");
  }
}
