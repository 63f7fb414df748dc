package org.kerbykv.server.metrics;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import org.kerbykv.server.store.Operation;
import org.kerbykv.server.store.Outcome;

/**
 * The counts of one event loop: written by its thread only, read by any. They are in memory that
 * may be older than the process, and go on there.
 *
 * <p>Counting takes no lock and no atomic read-modify-write.
 */
public final class Counters {
  private static final VarHandle LONG = JAVA_LONG.varHandle();

  /** What the memory has been used for: the counts mean nothing to others in another order. */
  private static final long SHAPE =
      Arrays.deepHashCode(
              new String[][] {
                names(Counter.values()),
                names(RequestKind.values()),
                names(RequestResult.values()),
                names(DropReason.values())
              })
          | 1L << 32;

  // The first of each sort, in longs; the shape stands before them.
  private static final int FIRST_COUNTER = 1;
  private static final int FIRST_REQUEST = FIRST_COUNTER + Counter.values().length;
  private static final int RESULTS = RequestResult.values().length;
  private static final int FIRST_DROP = FIRST_REQUEST + RequestKind.values().length * RESULTS;
  private static final int END = FIRST_DROP + DropReason.values().length;

  private final MemorySegment memory;

  /**
   * Takes counts up where they were left; they begin at zero if another version, with others, left
   * them.
   *
   * @param memory zero at first; of {@link org.kerbykv.server.store.Store#COUNTS_BYTES}
   */
  public Counters(MemorySegment memory) {
    this.memory = memory.asSlice(0, END * (long) Long.BYTES);
    if (memory.get(JAVA_LONG, 0) != SHAPE) {
      memory.fill((byte) 0);
      memory.set(JAVA_LONG, 0, SHAPE);
    }
  }

  /** Counts one. */
  public void count(Counter counter) {
    add(index(counter), 1);
  }

  /** Counts several. */
  public void add(Counter counter, long n) {
    add(index(counter), n);
  }

  /** Counts a request. */
  public void count(RequestKind kind, RequestResult result) {
    add(index(kind, result), 1);
  }

  /** Counts a datagram that gets no reply. */
  public void count(DropReason reason) {
    add(index(reason), 1);
  }

  /** Returns a count. */
  public long get(Counter counter) {
    return get(index(counter));
  }

  /** Returns the number of requests. */
  public long get(RequestKind kind, RequestResult result) {
    return get(index(kind, result));
  }

  /** Returns the number of dropped datagrams. */
  public long get(DropReason reason) {
    return get(index(reason));
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

  @SuppressWarnings("EnumOrdinal") // the shape sees to the order
  private static int index(Counter counter) {
    return FIRST_COUNTER + counter.ordinal();
  }

  @SuppressWarnings("EnumOrdinal")
  private static int index(RequestKind kind, RequestResult result) {
    return FIRST_REQUEST + kind.ordinal() * RESULTS + result.ordinal();
  }

  @SuppressWarnings("EnumOrdinal")
  private static int index(DropReason reason) {
    return FIRST_DROP + reason.ordinal();
  }

  private void add(int index, long n) {
    long offset = index * (long) Long.BYTES;
    LONG.setRelease(memory, offset, (long) LONG.get(memory, offset) + n);
  }

  private long get(int index) {
    return (long) LONG.getAcquire(memory, index * (long) Long.BYTES);
  }

  private static String[] names(Enum<?>[] constants) {
    return Arrays.stream(constants).map(Enum::name).toArray(String[]::new);
  }
}
