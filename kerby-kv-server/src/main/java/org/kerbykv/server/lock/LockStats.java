package org.kerbykv.server.lock;

import java.util.Locale;
import org.kerbykv.bpf.BPFMaps;
import org.kerbykv.bpf.BPFPerCpuArray;
import org.kerbykv.bpf.BPFType;

/** {@code struct lock_stats}, summed over all CPUs. Thread-safe. */
public final class LockStats {
  static final int HELD = Path.values().length * Op.values().length * Result.values().length;
  private static final int WAITING = HELD + 1;
  private static final int INCONSISTENT = HELD + 2;
  static final int BYTES = (HELD + 3) * Long.BYTES;

  /** Label {@code path}; the order is that of enum lock_path. */
  public enum Path {
    XDP,
    TC,
    USER
  }

  /** Label {@code op}; the order is that of enum lock_op, before whose first there is none. */
  public enum Op {
    OTHER,
    ACQUIRE,
    RELEASE,
    CANCEL,
    QUERY,
    RENEW
  }

  /** Label {@code result}; the order is that of enum lock_status, where 0 is in requests. */
  public enum Result {
    /** Left to the next door. */
    PASSED,
    GRANTED,
    QUEUED,
    RELEASED,
    EXPIRED,
    CANCELLED,
    TIMEOUT,
    BUSY,
    QUEUE_FULL,
    NO_ROOM,
    NOT_HOLDER,
    STALE,
    INVALID
  }

  private final BPFPerCpuArray<?> map;

  LockStats(BPFMaps maps) {
    map = maps.getPerCpuArray("lock_stats", BPFType.bytes(BYTES));
  }

  /** Returns a label's value. */
  public static String label(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }

  /** Returns how many requests were counted. */
  @SuppressWarnings("EnumOrdinal") // the enums say that their order is the kernel's
  public long requests(Path path, Op op, Result result) {
    return read()[
        (path.ordinal() * Op.values().length + op.ordinal()) * Result.values().length
            + result.ordinal()];
  }

  /** Returns how many hold a lock. */
  public long held() {
    return read()[HELD];
  }

  /** Returns how many wait for a lock. */
  public long waiting() {
    return read()[WAITING];
  }

  /** Returns how often something was not where it has to be: always 0, or there is a bug. */
  public long inconsistent() {
    return read()[INCONSISTENT];
  }

  private long[] read() {
    long[] sums = new long[BYTES / Long.BYTES];
    map.sumWords(0, sums);
    return sums;
  }
}
