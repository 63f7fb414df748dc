package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** What a network interface, of the calling thread's network namespace, has attached for XDP. */
public final class XdpInterface {
  // struct bpf_xdp_query_opts
  private static final long OPTS_BYTES = 32;
  private static final long OPTS_PROG_ID = 8;
  private static final long OPTS_DRV_PROG_ID = 12;
  private static final long OPTS_SKB_PROG_ID = 20;
  private static final long OPTS_ATTACH_MODE = 24;

  private static final byte ATTACHED_SKB = 2; // XDP_ATTACHED_SKB
  private static final byte ATTACHED_MULTI = 4; // XDP_ATTACHED_MULTI

  private XdpInterface() {}

  /**
   * A program on an interface.
   *
   * @param programId the kernel's id of it
   * @param programName up to 15 characters; "" if it could not be learned
   * @param mode {@link XdpMode#NATIVE}, which offload to the hardware counts as, or {@link
   *     XdpMode#GENERIC}
   */
  public record Attached(int programId, String programName, XdpMode mode) {}

  /**
   * The program attached to an interface, or none.
   *
   * @throws BPFException ENODEV if there is no such interface
   */
  public static Optional<Attached> query(int ifindex) {
    LibBPFMessages.clear();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment opts = arena.allocate(OPTS_BYTES, Long.BYTES);
      opts.set(JAVA_LONG, 0, OPTS_BYTES);
      int result = BPFCalls.xdpQuery(ifindex, 0, opts);
      if (result < 0) {
        throw new BPFException("query XDP of interface " + ifindex, -result, LibBPFMessages.take());
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

  private static Optional<Attached> attached(int programId, XdpMode mode) {
    return programId == 0
        ? Optional.empty()
        : Optional.of(new Attached(programId, programName(programId), mode));
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
