package org.kerbykv.server.net;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.net.InetAddress;
import org.kerbykv.server.store.BootClock;

/**
 * How much a source is sent over UDP: the token buckets of {@code net/rate.h}, which the kernel's
 * doors and user space share. Thread-safe.
 */
public final class ReplyRate {
  /** How far ahead a source may be: the bytes of a second. */
  private static final long BURST_NANOS = 1_000_000_000L;

  private static final int BUCKETS_BITS = 14;
  private static final long PICOS_PER_SECOND = 1_000_000_000_000L;
  private static final long HASH = 0x9e3779b97f4a7c15L;
  private static final VarHandle LONG = JAVA_LONG.varHandle();

  private final long bytePicos;
  private final MemorySegment paid;

  private ReplyRate(long bytePicos, MemorySegment paid) {
    this.bytePicos = bytePicos;
    this.paid = paid;
  }

  /** Returns the picoseconds that a byte takes at a rate; 0 for the rate 0, which is no limit. */
  public static long bytePicos(long bytesPerSecond) {
    return bytesPerSecond == 0 ? 0 : Math.max(1, PICOS_PER_SECOND / bytesPerSecond);
  }

  /**
   * Makes buckets in memory that programs have.
   *
   * @param bytesPerSecond 0 for no limit
   * @param buckets map net_rates
   */
  public static ReplyRate shared(long bytesPerSecond, MemorySegment buckets) {
    return new ReplyRate(bytePicos(bytesPerSecond), buckets);
  }

  /** Makes buckets of user space's own. */
  public static ReplyRate own(long bytesPerSecond) {
    long bytes = bytesPerSecond == 0 ? 0 : (long) Long.BYTES << BUCKETS_BITS;
    return shared(bytesPerSecond, Arena.ofAuto().allocate(bytes, Long.BYTES));
  }

  /** Returns whether something may be sent to this address. */
  public boolean allows(InetAddress source) {
    return bytePicos == 0
        || (long) LONG.getVolatile(paid, bucket(source)) <= BootClock.nanos() + BURST_NANOS;
  }

  /** Counts what is sent to this address. */
  public void charge(InetAddress source, int bytes) {
    if (bytePicos == 0) {
      return;
    }
    long bucket = bucket(source);
    long before = (long) LONG.getVolatile(paid, bucket);
    long now = BootClock.nanos();
    if (before < now) {
      // If that fails, another has done it.
      LONG.compareAndSet(paid, bucket, before, now);
    }
    var _ = (long) LONG.getAndAdd(paid, bucket, bytes * bytePicos / 1000);
  }

  /** The offset of an address's bucket: the hash is of the words as programs read them. */
  private static long bucket(InetAddress source) {
    byte[] address = source.getAddress();
    long words = 0;
    for (int i = Math.min(address.length, Long.BYTES) - 1; i >= 0; i--) {
      words = (words << Byte.SIZE) | (address[i] & 0xff);
    }
    return ((words * HASH) >>> (Long.SIZE - BUCKETS_BITS)) * Long.BYTES;
  }
}
