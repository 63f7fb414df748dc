package org.kerbykv.loadgen.demo;

import java.util.Optional;
import org.kerbykv.bpf.BPFException;
import org.kerbykv.bpf.BPFSupport;
import org.kerbykv.bpf.NetDevice;
import org.kerbykv.loadgen.engine.LoadException;

/**
 * Which XDP program the loopback interface has.
 *
 * @param programId the kernel's id of it; empty if there is none, or it cannot be learned
 */
record LoopbackState(Optional<Integer> programId) {
  static LoopbackState now() {
    if (BPFSupport.unavailableReason().isPresent()) {
      return new LoopbackState(Optional.empty());
    }
    try {
      return new LoopbackState(
          NetDevice.xdp(NetDevice.index("lo")).map(NetDevice.XdpAttached::programId));
    } catch (BPFException e) {
      return new LoopbackState(Optional.empty());
    }
  }

  /** Fails unless the interface is again as it was. */
  void requireRestored() throws LoadException {
    LoopbackState after = now();
    if (!after.equals(this)) {
      throw new LoadException(
          "the server is gone, but the XDP program of lo was "
              + programId
              + ", now "
              + after.programId);
    }
  }
}
