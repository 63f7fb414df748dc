package org.kerbykv.server.kernel;

import org.kerbykv.bpf.BPFMaps;
import org.kerbykv.bpf.BPFPerCpuArray;
import org.kerbykv.bpf.BPFType;

/**
 * Why the programs dropped datagrams, {@code struct net_drops} summed over all CPUs. Thread-safe.
 */
public final class NetDrops {
  static final int BYTES = Reason.values().length * Long.BYTES;

  private final BPFPerCpuArray<?> map;

  /** The order is that of enum net_drop. */
  public enum Reason {
    /** The source may not ask. */
    NOT_ALLOWED,
    /** From a port that no client has. */
    SOURCE,
    /** The source was sent too much lately. */
    RATE
  }

  public NetDrops(BPFMaps maps) {
    map = maps.getPerCpuArray("net_drops", BPFType.bytes(BYTES));
  }

  /** Returns how many datagrams were dropped. */
  @SuppressWarnings("EnumOrdinal") // the enum says that its order is the kernel's
  public long count(Reason reason) {
    long[] sums = new long[BYTES / Long.BYTES];
    map.sumWords(0, sums);
    return sums[reason.ordinal()];
  }
}
