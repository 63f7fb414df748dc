package org.kerbykv.server;

import org.kerbykv.server.lock.LockDropReason;
import org.kerbykv.server.lock.LockService;
import org.kerbykv.server.lock.LockStats;

/** What stats say of locks that are served beside. */
final class LockStatLines {
  private LockStatLines() {}

  static void add(StatLines lines, LockService locks) {
    LockStats stats = locks.stats();
    lines.add("kerby_lock_held", stats.held());
    lines.add("kerby_lock_waiting", stats.waiting());
    lines.add("kerby_lock_locks", locks.locks());
    lines.add("kerby_lock_clients", locks.clients());
    lines.add("kerby_lock_blocks_in_use", locks.blocksInUse());
    lines.add("kerby_lock_blocks_capacity", locks.blocksCapacity());
    lines.add("kerby_lock_memory_bytes", locks.memoryBytes());
    for (LockDropReason reason : LockDropReason.values()) {
      lines.add("kerby_lock_dropped_" + reason.label(), locks.dropped(reason));
    }
    for (LockStats.Path path : LockStats.Path.values()) {
      for (LockStats.Op op : LockStats.Op.values()) {
        for (LockStats.Result result : LockStats.Result.values()) {
          long count = stats.requests(path, op, result);
          if (count != 0) {
            lines.add(
                "kerby_lock_requests_%s_%s_%s"
                    .formatted(LockStats.label(path), LockStats.label(op), LockStats.label(result)),
                count);
          }
        }
      }
    }
  }
}
