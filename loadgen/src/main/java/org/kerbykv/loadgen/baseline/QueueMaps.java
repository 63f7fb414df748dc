package org.kerbykv.loadgen.baseline;

import org.kerbykv.bpf.BPFArrayOfQueues;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BTFLayout;

/** The lock manager on queue maps: a queue for each lock, made beforehand. */
public final class QueueMaps {
  /** Its programs. */
  public static final String OBJECT = "queue_lock.bpf.o";

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
    for (int lock = 0; lock < locks; lock++) {
      queues.makeQueue(lock, waiterBytes, capacity);
    }
    return programs;
  }
}
