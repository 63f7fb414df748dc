package org.kerbykv.loadgen.baseline;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.kerbykv.bpf.BPFArrayOfQueues;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BTFLayout;

/** The lock manager on queue maps: a queue for each lock, made beforehand. */
public final class QueueMaps {
  /** Its programs. */
  public static final String OBJECT = "queue_lock.bpf.o";

  private static final int MAKERS = 64;

  private QueueMaps() {}

  /**
   * Loads the programs and makes the queues.
   *
   * @param capacity most waiters of a lock
   */
  public static BPFProgram load(BPFLoader loader, int locks, int capacity) {
    BPFProgram programs =
        loader
            .constant("queue_locks_max", locks)
            .mapMaxEntries("queue_locks", locks)
            .mapMaxEntries("queue_waiters", locks)
            .load();
    BPFArrayOfQueues queues = programs.getArrayOfQueues("queue_waiters");
    int waiterBytes =
        Math.toIntExact(BTFLayout.read(BPFProgram.class, OBJECT).struct("queue_waiter").size());
    // Each waits for an RCU grace period, and those at the same time for the same.
    try (ExecutorService makers = Executors.newFixedThreadPool(MAKERS)) {
      for (int maker = 0; maker < MAKERS; maker++) {
        int first = maker;
        makers.execute(
            () -> {
              for (int lock = first; lock < locks; lock += MAKERS) {
                queues.makeQueue(lock, waiterBytes, capacity);
              }
            });
      }
    }
    return programs;
  }
}
