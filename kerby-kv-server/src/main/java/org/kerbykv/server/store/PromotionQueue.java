package org.kerbykv.server.store;

/**
 * Tokens of values that are read so often that they should be in the kernel: from the threads that
 * read them to the one that moves them. Bounded: what does not fit is offered again when it has
 * been read again. Thread-safe.
 */
final class PromotionQueue {
  private final long[] tokens;
  private int head;
  private int size;

  PromotionQueue(int capacity) {
    tokens = new long[capacity];
  }

  /**
   * Adds a token, unless the queue is full.
   *
   * @return whether it was empty before
   */
  synchronized boolean offer(long token) {
    if (size == tokens.length) {
      return false;
    }
    tokens[(head + size) % tokens.length] = token;
    return size++ == 0;
  }

  /** Removes and returns the oldest token; 0, which is none, if there is none. */
  synchronized long poll() {
    if (size == 0) {
      return 0;
    }
    long token = tokens[head];
    head = (head + 1) % tokens.length;
    size--;
    return token;
  }
}
