package org.kerbykv.client;

import java.time.Duration;
import java.time.Instant;

/**
 * When an item ends, to the second.
 *
 * <p>memcached reads a number up to 30 days as a time from now and a larger one as a date; this
 * type always means what its factory method says. Immutable.
 */
public final class Expiry {
  /** memcached's limit of a relative time, in seconds. */
  private static final long RELATIVE_MAX = Duration.ofDays(30).toSeconds();

  /** What memcached takes as "has already passed". */
  private static final long PASSED = -1;

  private static final Expiry NEVER = new Expiry(0, false);

  private final long seconds;
  private final boolean relative;

  private Expiry(long seconds, boolean relative) {
    this.seconds = seconds;
    this.relative = relative;
  }

  /** The item stays until it is deleted or evicted. */
  public static Expiry never() {
    return NEVER;
  }

  /**
   * The item ends this long after the server stores it. A part of a second counts as a whole one;
   * zero or a negative duration ends the item at once.
   */
  public static Expiry after(Duration duration) {
    if (duration.isZero() || duration.isNegative()) {
      return new Expiry(PASSED, false);
    }
    return new Expiry(duration.getSeconds() + (duration.getNano() > 0 ? 1 : 0), true);
  }

  /**
   * The item ends at this time; a time that has passed ends it at once.
   *
   * @throws IllegalArgumentException if it is after 19 January 2038, the protocol's last date
   */
  public static Expiry at(Instant instant) {
    checkExpressible(instant.getEpochSecond());
    // 0 on the wire means never.
    return new Expiry(instant.getEpochSecond() > 0 ? instant.getEpochSecond() : PASSED, false);
  }

  /** The number to send, if the time is now {@code nowUnixSeconds}. */
  long wireSeconds(long nowUnixSeconds) {
    if (seconds <= 0) {
      return seconds;
    }
    if (relative) {
      return seconds <= RELATIVE_MAX ? seconds : checkExpressible(nowUnixSeconds + seconds);
    }
    return seconds > nowUnixSeconds ? seconds : PASSED;
  }

  private static long checkExpressible(long unixSeconds) {
    if (unixSeconds > Integer.MAX_VALUE) {
      throw new IllegalArgumentException("expiry after the protocol's last date, 2038-01-19");
    }
    return unixSeconds;
  }

  @Override
  public String toString() {
    if (seconds == 0) {
      return "never";
    }
    if (seconds < 0) {
      return "at once";
    }
    return relative ? "after " + seconds + " s" : "at " + Instant.ofEpochSecond(seconds);
  }
}
