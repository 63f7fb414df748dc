package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import java.util.Optional;

/**
 * Whether eBPF can be used here at all. It is found out by doing it: two programs of two
 * instructions, an XDP and a SEC("syscall") one, are loaded and let go of again.
 */
public final class BPFSupport {
  private static final int PROG_TYPE_XDP = 6;
  private static final int PROG_TYPE_SYSCALL = 31; // Linux 5.14
  private static final int F_SLEEPABLE = 1 << 4;

  // struct bpf_prog_load_opts
  private static final long LOAD_OPTS_BYTES = 104;
  private static final long LOAD_OPTS_PROG_FLAGS = 20;

  // struct bpf_insn, as little-endian and big-endian machines store its first bytes
  private static final long MOV_R0_0 = 0x00000000_0000_00_b7L;
  private static final long EXIT = 0x00000000_0000_00_95L;

  private BPFSupport() {}

  /**
   * One line that says why eBPF cannot be used here (not Linux, no libbpf, no privileges, an old
   * kernel); empty if it can. A program may still need more of the kernel than this does.
   */
  public static Optional<String> unavailableReason() {
    if (!System.getProperty("os.name").toLowerCase(Locale.ROOT).equals("linux")) {
      return Optional.of("eBPF needs Linux, this is " + System.getProperty("os.name"));
    }
    if (!NativeLibrary.hasLibbpf()) {
      return Optional.of(
          "libbpf is not installed: " + NativeLibrary.LIBBPF_FILE + " (Debian package libbpf1)");
    }
    return probe("an XDP", PROG_TYPE_XDP, 0)
        .or(() -> probe("a SEC(\"syscall\")", PROG_TYPE_SYSCALL, F_SLEEPABLE));
  }

  private static Optional<String> probe(String what, int type, int flags) {
    LibBPFMessages.clear();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment instructions = arena.allocateFrom(JAVA_LONG, MOV_R0_0, EXIT);
      MemorySegment opts = arena.allocate(LOAD_OPTS_BYTES, Long.BYTES);
      opts.set(JAVA_LONG, 0, LOAD_OPTS_BYTES);
      opts.set(JAVA_INT, LOAD_OPTS_PROG_FLAGS, flags);
      int fd =
          BPFCalls.progLoad(
              type,
              arena.allocateFrom("kerby_probe"),
              arena.allocateFrom("GPL"),
              instructions,
              instructions.byteSize() / Long.BYTES,
              opts);
      if (fd >= 0) {
        LibC.close(fd);
        return Optional.empty();
      }
      return Optional.of(reason(what, -fd));
    }
  }

  private static String reason(String what, int errno) {
    String kernel = System.getProperty("os.version");
    String refused = "the kernel refuses to load " + what + " program: " + Errno.name(errno);
    return switch (errno) {
      case Errno.EPERM -> refused + " (CAP_BPF and CAP_NET_ADMIN are needed)";
      case Errno.ENOSYS -> refused + " (" + kernel + " was built without eBPF)";
      case Errno.EINVAL -> refused + " (" + kernel + " is too old, 5.14 or newer is needed)";
      default -> refused + " (" + Errno.description(errno) + ")";
    };
  }
}
