package org.kerbykv.server.lock;

import java.util.HashMap;
import java.util.Map;
import java.util.PriorityQueue;

/** When to sweep which lock: of each the earliest time that was said. Not thread-safe. */
final class DueLocks {
  /** Entries of the queue that may be outdated, beside as many as there are locks. */
  private static final int SLACK = 1024;

  private final Map<Long, Long> dueOf = new HashMap<>();
  private final PriorityQueue<Due> queue = new PriorityQueue<>();

  /** One of these per lock is meant, the one in {@link #dueOf}; others are passed over. */
  private record Due(long at, long lock) implements Comparable<Due> {
    @Override
    public int compareTo(Due other) {
      return Long.compare(at, other.at);
    }
  }

  /**
   * Sweep a lock at a time, or earlier if that was said before.
   *
   * @param at nanoseconds since boot
   */
  void add(long lock, long at) {
    Long before = dueOf.get(lock);
    if (before == null || at < before) {
      dueOf.put(lock, at);
      queue.add(new Due(at, lock));
      if (queue.size() > SLACK + 2 * dueOf.size()) {
        queue.clear();
        dueOf.forEach((one, its) -> queue.add(new Due(its, one)));
      }
    }
  }

  /** Returns when the next is due; {@link Long#MAX_VALUE} if none is. */
  long next() {
    Due first = first();
    return first == null ? Long.MAX_VALUE : first.at;
  }

  /** Takes the lock that is due first; there has to be one. */
  long take() {
    Due first = first();
    queue.remove();
    dueOf.remove(first.lock);
    return first.lock;
  }

  private Due first() {
    Due first = queue.peek();
    while (first != null && !Long.valueOf(first.at).equals(dueOf.get(first.lock))) {
      queue.remove();
      first = queue.peek();
    }
    return first;
  }
}
