package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Network interfaces as the programs know them: by index, in the calling thread's network
 * namespace, with or without addresses.
 */
public final class NetDevice {
  // struct bpf_xdp_query_opts
  private static final long OPTS_BYTES = 32;
  private static final long OPTS_PROG_ID = 8;
  private static final long OPTS_DRV_PROG_ID = 12;
  private static final long OPTS_SKB_PROG_ID = 20;
  private static final long OPTS_ATTACH_MODE = 24;

  private static final byte ATTACHED_SKB = 2; // XDP_ATTACHED_SKB
  private static final byte ATTACHED_MULTI = 4; // XDP_ATTACHED_MULTI

  private NetDevice() {}

  /**
   * The index of the interface called {@code name}.
   *
   * @throws BPFException ENODEV if there is none
   */
  public static int index(String name) {
    int index = LibC.ifNameToIndex(name);
    if (index == 0) {
      throw new BPFException("find interface " + name, Errno.ENODEV);
    }
    return index;
  }

  /** The name of an interface; empty if there is none of that index. */
  public static Optional<String> name(int ifindex) {
    return Optional.of(LibC.ifIndexToName(ifindex)).filter(name -> !name.isEmpty());
  }

  /** For messages: "interface veth0", or its index if it has no name. */
  static String describe(int ifindex) {
    return "interface " + name(ifindex).orElse(Integer.toString(ifindex));
  }

  /**
   * A program on an interface.
   *
   * @param programId the kernel's id of it
   * @param programName up to 15 characters; "" if it could not be learned
   * @param mode {@link XdpMode#NATIVE}, which offload to the hardware counts as, or {@link
   *     XdpMode#GENERIC}
   */
  public record XdpAttached(int programId, String programName, XdpMode mode) {}

  /** The XDP program attached to an interface; empty if there is none, or no such interface. */
  public static Optional<XdpAttached> xdp(int ifindex) {
    LibBPFMessages.clear();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment opts = arena.allocate(OPTS_BYTES, Long.BYTES);
      opts.set(JAVA_LONG, 0, OPTS_BYTES);
      int result = BPFCalls.xdpQuery(ifindex, 0, opts);
      if (result < 0) {
        throw new BPFException("query XDP of " + describe(ifindex), -result, LibBPFMessages.take());
      }
      byte mode = opts.get(JAVA_BYTE, OPTS_ATTACH_MODE);
      if (mode == ATTACHED_MULTI) { // in the driver and in hardware: the driver's is meant
        return attached(opts.get(JAVA_INT, OPTS_DRV_PROG_ID), XdpMode.NATIVE);
      }
      return mode == ATTACHED_SKB
          ? attached(opts.get(JAVA_INT, OPTS_SKB_PROG_ID), XdpMode.GENERIC)
          : attached(opts.get(JAVA_INT, OPTS_PROG_ID), XdpMode.NATIVE);
    }
  }

  private static Optional<XdpAttached> attached(int programId, XdpMode mode) {
    return programId == 0
        ? Optional.empty()
        : Optional.of(new XdpAttached(programId, programName(programId), mode));
  }

  private static String programName(int programId) {
    int fd = BPFCalls.progGetFdById(programId);
    if (fd < 0) {
      return ""; // gone meanwhile, or not ours to look at
    }
    try {
      return ObjectInfo.program(fd, "query program " + programId).name();
    } finally {
      LibC.close(fd);
    }
  }
}
