package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/**
 * A filter at the ingress of an interface's clsact qdisc, as kernels before 6.6 have it. Unlike a
 * link it stays when its process dies; so handle and priority are fixed, and whoever comes next
 * replaces what was left behind instead of adding to it.
 */
final class ClsactFilter implements Attachment {
  // struct bpf_tc_hook and struct bpf_tc_opts
  private static final long HOOK_BYTES = 24;
  private static final long HOOK_IFINDEX = 8;
  private static final long HOOK_ATTACH_POINT = 12;
  private static final long OPTS_BYTES = 32;
  private static final long OPTS_PROG_FD = 8;
  private static final long OPTS_FLAGS = 12;
  private static final long OPTS_PROG_ID = 16;
  private static final long OPTS_HANDLE = 20;
  private static final long OPTS_PRIORITY = 24;

  private static final int INGRESS = 1; // BPF_TC_INGRESS
  private static final int EGRESS = 2; // BPF_TC_EGRESS
  private static final int REPLACE = 1; // BPF_TC_F_REPLACE

  static final int HANDLE = 1;
  static final int PRIORITY = 11211;

  private final int ifindex;
  private final boolean qdiscIsOurs;
  private int programId;

  private ClsactFilter(int ifindex, boolean qdiscIsOurs) {
    this.ifindex = ifindex;
    this.qdiscIsOurs = qdiscIsOurs;
  }

  static ClsactFilter attach(int programFd, String programName, int ifindex) {
    LibBPFMessages.clear();
    int created;
    try (Arena arena = Arena.ofConfined()) {
      created = BPFCalls.tcHookCreate(hook(arena, ifindex, INGRESS));
    }
    if (created < 0 && created != -Errno.EEXIST) {
      throw new BPFException(
          "create the clsact qdisc of " + NetDevice.describe(ifindex),
          -created,
          LibBPFMessages.take());
    }
    ClsactFilter filter = new ClsactFilter(ifindex, created == 0);
    try {
      filter.update(programFd, programName);
    } catch (BPFException e) {
      filter.removeQdisc();
      throw e;
    }
    return filter;
  }

  @Override
  public void update(int programFd, String programName) {
    LibBPFMessages.clear();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment opts = opts(arena);
      opts.set(JAVA_INT, OPTS_PROG_FD, programFd);
      opts.set(JAVA_INT, OPTS_FLAGS, REPLACE);
      int result = BPFCalls.tcAttach(hook(arena, ifindex, INGRESS), opts);
      if (result < 0) {
        throw new BPFException(
            "attach program "
                + programName
                + " to clsact ingress of "
                + NetDevice.describe(ifindex),
            -result,
            LibBPFMessages.take());
      }
      programId = opts.get(JAVA_INT, OPTS_PROG_ID);
    }
  }

  @Override
  public void pin(Path file) {
    throw new BPFException(
        "pin the TC filter of " + NetDevice.describe(ifindex) + " at " + file,
        Errno.EOPNOTSUPP,
        "this kernel has no TCX links (6.6 or newer has)");
  }

  @Override
  public void detach() {
    close();
  }

  @Override
  public int programId() {
    return programId;
  }

  @Override
  public boolean isAttached() {
    return NetDevice.name(ifindex).isPresent();
  }

  @Override
  public void close() {
    try (Arena arena = Arena.ofConfined()) {
      int _ = BPFCalls.tcDetach(hook(arena, ifindex, INGRESS), opts(arena)); // may be gone already
    }
    removeQdisc();
  }

  private void removeQdisc() {
    if (qdiscIsOurs) {
      try (Arena arena = Arena.ofConfined()) {
        int _ = BPFCalls.tcHookDestroy(hook(arena, ifindex, INGRESS | EGRESS));
      }
    }
  }

  private static MemorySegment hook(Arena arena, int ifindex, int attachPoint) {
    MemorySegment hook = arena.allocate(HOOK_BYTES, Long.BYTES);
    hook.set(JAVA_LONG, 0, HOOK_BYTES);
    hook.set(JAVA_INT, HOOK_IFINDEX, ifindex);
    hook.set(JAVA_INT, HOOK_ATTACH_POINT, attachPoint);
    return hook;
  }

  private static MemorySegment opts(Arena arena) {
    MemorySegment opts = arena.allocate(OPTS_BYTES, Long.BYTES);
    opts.set(JAVA_LONG, 0, OPTS_BYTES);
    opts.set(JAVA_INT, OPTS_HANDLE, HANDLE);
    opts.set(JAVA_INT, OPTS_PRIORITY, PRIORITY);
    return opts;
  }
}
