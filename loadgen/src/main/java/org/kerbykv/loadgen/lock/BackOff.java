package org.kerbykv.loadgen.lock;

import java.time.Duration;

/**
 * How long a client pauses after a rejection: {@code shortest} after the first, twice as long after
 * each further one in a row until it was doubled {@code doublings} times, and by chance up to twice
 * that, so that clients that were rejected together do not come back together.
 *
 * @param shortest above 0
 * @param doublings 0 to {@link #DOUBLINGS_MAX}
 */
public record BackOff(Duration shortest, int doublings) {
  /** 10 us, a round trip or two, up to 640 us. */
  public static final BackOff USUAL = new BackOff(Duration.ofNanos(10_000), 6);

  /** What the xdp engine has lists for. */
  public static final int DOUBLINGS_MAX = 11;

  public BackOff {
    if (shortest.toNanos() < 1 || doublings < 0 || doublings > DOUBLINGS_MAX) {
      throw new IllegalArgumentException(
          "a back-off begins above 0 and is doubled 0 to " + DOUBLINGS_MAX + " times");
    }
  }

  /**
   * The pause after a rejection, in nanoseconds.
   *
   * @param rejections in a row before this one
   * @param chance 0 to 1
   */
  public long nanos(int rejections, double chance) {
    long least = shortest.toNanos() << Math.min(rejections, doublings);
    return least + (long) (least * chance);
  }
}
