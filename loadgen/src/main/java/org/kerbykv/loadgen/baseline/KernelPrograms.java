package org.kerbykv.loadgen.baseline;

import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.NetDevice;
import org.kerbykv.bpf.XdpMode;

/** What the systems that stand before memcached have in common. */
final class KernelPrograms {
  /** What is printed once requests are answered; {@code ServerProcess} waits for it. */
  static final String READY = "ready";

  private KernelPrograms() {}

  /**
   * Attaches programs PREFIX_xdp, PREFIX_tc at ingress and PREFIX_egress, and says that they are.
   * They are detached when the object is closed, or the process ends.
   */
  static void attach(BPFProgram programs, String prefix, String device) {
    int ifindex = NetDevice.index(device);
    programs.tcAttachEgress(prefix + "_egress", ifindex);
    programs.tcAttach(prefix + "_tc", ifindex);
    programs.xdpAttach(prefix + "_xdp", ifindex, XdpMode.NATIVE);
    System.out.println(READY);
    System.out.flush();
  }
}
