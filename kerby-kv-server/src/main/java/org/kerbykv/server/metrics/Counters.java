package org.kerbykv.server.metrics;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.kerbykv.server.store.Operation;
import org.kerbykv.server.store.Outcome;

/**
 * The counts of one event loop: written by its thread only, read by any.
 *
 * <p>Counting takes no lock and no atomic read-modify-write.
 */
public final class Counters {
  private final Map<Counter, AtomicLong> counts = new EnumMap<>(Counter.class);
  private final Map<RequestKind, Map<RequestResult, AtomicLong>> requests =
      new EnumMap<>(RequestKind.class);
  private final Map<DropReason, AtomicLong> drops = new EnumMap<>(DropReason.class);

  /** Makes counts that are all zero. */
  public Counters() {
    for (Counter counter : Counter.values()) {
      counts.put(counter, new AtomicLong());
    }
    for (RequestKind kind : RequestKind.values()) {
      Map<RequestResult, AtomicLong> results = new EnumMap<>(RequestResult.class);
      for (RequestResult result : RequestResult.values()) {
        results.put(result, new AtomicLong());
      }
      requests.put(kind, results);
    }
    for (DropReason reason : DropReason.values()) {
      drops.put(reason, new AtomicLong());
    }
  }

  /** Counts one. */
  public void count(Counter counter) {
    add(counts.get(counter), 1);
  }

  /** Counts several. */
  public void add(Counter counter, long n) {
    add(counts.get(counter), n);
  }

  /** Counts a request. */
  public void count(RequestKind kind, RequestResult result) {
    add(requests.get(kind).get(result), 1);
  }

  /** Counts a datagram that gets no reply. */
  public void count(DropReason reason) {
    add(drops.get(reason), 1);
  }

  /** Returns a count. */
  public long get(Counter counter) {
    return counts.get(counter).get();
  }

  /** Returns the number of requests. */
  public long get(RequestKind kind, RequestResult result) {
    return requests.get(kind).get(result).get();
  }

  /** Returns the number of dropped datagrams. */
  public long get(DropReason reason) {
    return drops.get(reason).get();
  }

  /** Counts an operation's end, as memcached does. */
  public void count(Operation operation, Outcome outcome) {
    switch (operation) {
      case GET, RECACHE, VIVIFY -> countGet(outcome == Outcome.HIT);
      case GET_AND_TOUCH, TOUCH -> countTouch(outcome == Outcome.HIT || outcome == Outcome.TOUCHED);
      case DELETE -> countDelete(outcome == Outcome.DELETED);
      case INVALIDATE -> countInvalidate(outcome == Outcome.TOUCHED);
      case INCR -> countArithmetic(outcome, Counter.INCR_HITS, Counter.INCR_MISSES);
      case DECR -> countArithmetic(outcome, Counter.DECR_HITS, Counter.DECR_MISSES);
      case CAS, CAS_OR_STALE -> {
        countCas(outcome);
        countStore(outcome);
      }
      case SET, ADD, REPLACE, APPEND, PREPEND -> countStore(outcome);
    }
  }

  /** Counts an mg, as memcached does: a hit that touches is no get, a miss is one. */
  public void countMetaGet(boolean hit, boolean touched) {
    if (touched) {
      countTouch(hit);
    } else {
      countGet(hit);
    }
  }

  private void countGet(boolean hit) {
    count(Counter.CMD_GET);
    count(hit ? Counter.GET_HITS : Counter.GET_MISSES);
    count(RequestKind.GET, hit ? RequestResult.HIT : RequestResult.MISS);
  }

  private void countTouch(boolean hit) {
    count(Counter.CMD_TOUCH);
    count(hit ? Counter.TOUCH_HITS : Counter.TOUCH_MISSES);
    count(RequestKind.TOUCH, hit ? RequestResult.HIT : RequestResult.NOT_FOUND);
  }

  private void countDelete(boolean hit) {
    count(hit ? Counter.DELETE_HITS : Counter.DELETE_MISSES);
    count(RequestKind.DELETE, hit ? RequestResult.DELETED : RequestResult.NOT_FOUND);
  }

  private void countInvalidate(boolean hit) {
    if (!hit) {
      count(Counter.DELETE_MISSES);
    }
    count(RequestKind.DELETE, hit ? RequestResult.HIT : RequestResult.NOT_FOUND);
  }

  private void countArithmetic(Outcome outcome, Counter hits, Counter misses) {
    switch (outcome) {
      case COUNTED -> {
        count(hits);
        count(RequestKind.OTHER, RequestResult.STORED);
      }
      case CREATED -> {
        count(Counter.TOTAL_ITEMS);
        count(RequestKind.OTHER, RequestResult.STORED);
      }
      case NOT_FOUND -> {
        count(misses);
        count(RequestKind.OTHER, RequestResult.NOT_FOUND);
      }
      default -> count(RequestKind.OTHER, RequestResult.ERROR);
    }
  }

  private void countCas(Outcome outcome) {
    switch (outcome) {
      case STORED -> count(Counter.CAS_HITS);
      case EXISTS -> count(Counter.CAS_BADVAL);
      case NOT_FOUND -> count(Counter.CAS_MISSES);
      default -> {
        // No memory: memcached counts that with the stores.
      }
    }
  }

  private void countStore(Outcome outcome) {
    count(Counter.CMD_SET);
    switch (outcome) {
      case STORED -> {
        count(Counter.TOTAL_ITEMS);
        count(RequestKind.SET, RequestResult.STORED);
      }
      case NOT_FOUND -> count(RequestKind.SET, RequestResult.NOT_FOUND);
      case NO_MEMORY -> {
        count(Counter.STORE_NO_MEMORY);
        count(RequestKind.SET, RequestResult.ERROR);
      }
      default -> count(RequestKind.SET, RequestResult.ERROR);
    }
  }

  private static void add(AtomicLong count, long n) {
    count.setRelease(count.getPlain() + n);
  }
}
