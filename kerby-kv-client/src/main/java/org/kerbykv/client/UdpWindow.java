package org.kerbykv.client;

/**
 * How many requests may be on their way over UDP at a time: as many as the buffers between here and
 * the server have shown to hold. It grows while replies come, and halves when one is missing, as
 * TCP's congestion window does. Not thread-safe.
 */
final class UdpWindow {
  private static final int START = 64;
  private static final int MIN = 4;

  private final int max;
  private double size;
  private double slowStartUntil;
  private int inFlight;
  private long lastCut;

  UdpWindow(int max, long now) {
    this.max = max;
    size = Math.min(START, max);
    slowStartUntil = max;
    lastCut = now;
  }

  /** Takes room for one request, if there is any. */
  boolean tryEnter() {
    if (inFlight >= (int) size) {
      return false;
    }
    inFlight++;
    return true;
  }

  /** A request is answered, or given up. */
  void leave() {
    inFlight--;
  }

  /** A reply came: room for more, if the room there is was used. */
  void grow() {
    if (inFlight + 1 >= (int) size) {
      size = Math.min(max, size + (size < slowStartUntil ? 1 : 1 / size));
    }
  }

  /** A request sent then got no reply; those sent before the last cut have been paid for. */
  void shrink(long sentAt, long now) {
    if (sentAt - lastCut > 0) {
      size = Math.max(Math.min(MIN, max), size / 2);
      slowStartUntil = size;
      lastCut = now;
    }
  }

  int size() {
    return (int) size;
  }
}
