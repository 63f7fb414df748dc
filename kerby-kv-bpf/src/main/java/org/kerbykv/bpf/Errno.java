package org.kerbykv.bpf;

/** Error numbers of Linux and libbpf. */
final class Errno {
  static final int EPERM = 1;
  static final int ENOENT = 2;
  static final int EINTR = 4;
  static final int EBUSY = 16;
  static final int EEXIST = 17;
  static final int ENODEV = 19;
  static final int EINVAL = 22;
  static final int ENOSPC = 28;
  static final int ENOSYS = 38;
  static final int EOPNOTSUPP = 95;
  static final int ECANCELED = 125;

  /** Of the kernel only: not meant for user space, but bpf(2) lets it out. */
  private static final int ENOTSUPP = 524;

  private static final int LIBBPF_FIRST = 4000;

  /** In the order of enum libbpf_errno. */
  private static final String[][] LIBBPF = {
    {"LIBELF", "Something wrong in libelf"},
    {"FORMAT", "BPF object format invalid"},
    {"KVERSION", "'version' section incorrect or lost"},
    {"ENDIAN", "Endian mismatch"},
    {"INTERNAL", "Internal error in libbpf"},
    {"RELOC", "Relocation failed"},
    {"LOAD", "Failed to load program"},
    {"VERIFY", "Kernel verifier blocks program loading"},
    {"PROG2BIG", "Program too big"},
    {"KVER", "Incorrect kernel version"},
    {"PROGTYPE", "Kernel doesn't support this program type"},
    {"WRNGPID", "Wrong pid in netlink message"},
    {"INVSEQ", "Invalid netlink sequence"},
    {"NLPARSE", "Incorrect netlink message parsing"},
  };

  private Errno() {}

  /** The symbolic name, as in {@code errno(3)}; the number where there is none. */
  static String name(int errno) {
    if (errno == ENOTSUPP) {
      return "ENOTSUPP";
    }
    if (isLibbpf(errno)) {
      return "LIBBPF_ERRNO__" + LIBBPF[errno - LIBBPF_FIRST][0];
    }
    String name = LibC.strerrorname(errno);
    return name.isEmpty() ? "errno " + errno : name;
  }

  /** What the error means, in a few words; "" where nobody says. */
  static String description(int errno) {
    if (errno == ENOTSUPP) {
      return "Operation is not supported";
    }
    if (isLibbpf(errno)) {
      return LIBBPF[errno - LIBBPF_FIRST][1];
    }
    return LibC.strerrordesc(errno);
  }

  private static boolean isLibbpf(int errno) {
    return errno >= LIBBPF_FIRST && errno < LIBBPF_FIRST + LIBBPF.length;
  }
}
