package org.kerbykv.server.kernel;

import org.kerbykv.bpf.BPFPerCpuArray;

/**
 * {@code struct kv_stats}, summed over all CPUs. A snapshot, taken with one system call.
 *
 * <p>Not thread-safe: one thread refreshes and reads it.
 */
public final class KvStats {
  static final int PATHS = 3;
  static final int OPERATIONS = 5;
  static final int RESULTS = 7;
  private static final int GAUGES = PATHS * OPERATIONS * RESULTS;
  private static final int INCONSISTENT = GAUGES + 4;
  static final int BYTES = (INCONSISTENT + 1) * Long.BYTES;

  private final BPFPerCpuArray<?> map;
  private final long[] sums = new long[INCONSISTENT + 1];

  KvStats(BPFPerCpuArray<?> map) {
    this.map = map;
  }

  /** Reads the counters anew. */
  public void refresh() {
    map.sumWords(0, sums);
  }

  /**
   * Returns how many requests were counted.
   *
   * @param path of enum kv_path: 0 XDP, 1 TC, 2 user space's door
   * @param operation of enum kv_op: 0 get, 1 set, 2 delete, 3 touch, 4 other
   * @param result of enum kv_result: 0 hit, 1 miss, 2 stored, 3 deleted, 4 not_found, 5 error, 6
   *     passed
   */
  public long requests(int path, int operation, int result) {
    return sums[(path * OPERATIONS + operation) * RESULTS + result];
  }

  /** Returns the items of a tier: 0 the kernel, 1 user space. Expired ones count until reaped. */
  public long items(int tier) {
    return sums[GAUGES + tier];
  }

  /** Returns the bytes of all values of a tier, without keys. */
  public long valueBytes(int tier) {
    return sums[GAUGES + 2 + tier];
  }

  /** Returns how often a chain lacked a block that its entry named: always 0, or there is a bug. */
  public long inconsistent() {
    return sums[INCONSISTENT];
  }
}
