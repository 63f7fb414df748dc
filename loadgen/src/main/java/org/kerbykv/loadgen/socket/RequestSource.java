package org.kerbykv.loadgen.socket;

import java.util.ArrayDeque;
import org.kerbykv.loadgen.workload.RequestStream;

/** Where a worker's requests come from. Belongs to the worker's event loop. */
sealed interface RequestSource {
  /** Fills in key, version and kind of the next request; false if there is none (any more). */
  boolean next(Slot slot);

  /** Whether there is no request any more, unless one is lost. */
  boolean isExhausted();

  /** A request got no answer. */
  void lost(Slot slot) throws TooManyLost;

  /** The server cannot be reached, or takes nothing. */
  final class TooManyLost extends Exception {
    TooManyLost(String message) {
      super(message);
    }
  }

  /** Stores each item of a range once, and again until it is answered. */
  final class Populate implements RequestSource {
    private final ArrayDeque<Integer> again = new ArrayDeque<>();
    private final int end;
    private final int lostInARowMax;
    private int next;
    private int lostInARow;

    /**
     * @param lostInARowMax so many requests without any answer mean that the server is not there
     */
    Populate(int first, int end, int lostInARowMax) {
      this.next = first;
      this.end = end;
      this.lostInARowMax = lostInARowMax;
    }

    @Override
    public boolean next(Slot slot) {
      if (isExhausted()) {
        return false;
      }
      slot.key = again.isEmpty() ? next++ : again.remove();
      slot.version = 0;
      slot.isSet = true;
      return true;
    }

    @Override
    public boolean isExhausted() {
      return again.isEmpty() && next == end;
    }

    @Override
    public void lost(Slot slot) throws TooManyLost {
      again.add(slot.key);
      if (++lostInARow > lostInARowMax) {
        throw new TooManyLost("no answer to " + lostInARow + " requests in a row");
      }
    }

    void answered() {
      lostInARow = 0;
    }
  }

  /** A thread's stream of requests, until it is stopped. */
  final class Run implements RequestSource {
    private final RequestStream stream;
    private volatile boolean stopped;

    Run(RequestStream stream) {
      this.stream = stream;
    }

    @Override
    public boolean next(Slot slot) {
      if (stopped) {
        return false;
      }
      stream.next();
      slot.isSet = stream.isSet();
      slot.key = stream.key();
      slot.version = stream.version();
      return true;
    }

    @Override
    public boolean isExhausted() {
      return stopped;
    }

    @Override
    public void lost(Slot slot) {}

    void stop() {
      stopped = true;
    }
  }
}
