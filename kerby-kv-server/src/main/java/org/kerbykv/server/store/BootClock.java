package org.kerbykv.server.store;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * The clock that expiry is measured by: seconds of CLOCK_BOOTTIME, which goes on in suspend and
 * does not follow steps of the wall clock. The eBPF programs read the same one.
 *
 * <p>Thread-safe.
 */
public final class BootClock {
  /** Most seconds that an expiry is relative, as in memcached; more is a Unix time. */
  public static final int RELATIVE_SECONDS_MAX = 60 * 60 * 24 * 30;

  /** The expiry of what never expires. */
  public static final int NEVER = KvSlot.EXPTIME_NEVER;

  private static final int CLOCK_BOOTTIME = 7;
  private static final MethodHandle CLOCK_GETTIME = clockGettime();
  private static final ThreadLocal<MemorySegment> TIMESPEC =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(16, 8));

  private BootClock() {}

  /** Returns the seconds since the system was started. */
  public static int seconds() {
    return (int) timespec().get(ValueLayout.JAVA_LONG, 0);
  }

  /** Returns the nanoseconds since the system was started. */
  public static long nanos() {
    MemorySegment timespec = timespec();
    return timespec.get(ValueLayout.JAVA_LONG, 0) * 1_000_000_000L
        + timespec.get(ValueLayout.JAVA_LONG, 8);
  }

  /** Returns the wall clock less this clock, in seconds. */
  public static long unixMinusBoot() {
    return Math.floorDiv(System.currentTimeMillis() * 1_000_000L - nanos(), 1_000_000_000L);
  }

  /**
   * Returns the boot second at which something expires.
   *
   * @param exptime as memcached's clients send it: 0 never; negative at once; up to 30 days from
   *     now, in seconds; else a Unix time
   * @param now the boot second it is now
   */
  public static int expiry(int exptime, int now) {
    if (exptime == 0) {
      return KvSlot.EXPTIME_NEVER;
    }
    if (exptime < 0) {
      return KvSlot.EXPTIME_PAST;
    }
    if (exptime <= RELATIVE_SECONDS_MAX) {
      return now + exptime;
    }
    long boot = exptime - unixMinusBoot();
    return boot <= now ? KvSlot.EXPTIME_PAST : (int) boot;
  }

  private static MemorySegment timespec() {
    MemorySegment timespec = TIMESPEC.get();
    try {
      int error = (int) CLOCK_GETTIME.invokeExact(CLOCK_BOOTTIME, timespec);
      if (error != 0) {
        throw new IllegalStateException("clock_gettime(CLOCK_BOOTTIME) failed");
      }
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new LinkageError("clock_gettime", e);
    }
    return timespec;
  }

  private static MethodHandle clockGettime() {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(
        linker.defaultLookup().find("clock_gettime").orElseThrow(),
        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.ADDRESS),
        Linker.Option.critical(false));
  }
}
