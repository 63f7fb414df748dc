package org.kerbykv.server.lock;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.kerbykv.bpf.BPFMaps;
import org.kerbykv.bpf.BPFType;
import org.kerbykv.server.kernel.KernelDoors;

/**
 * What a walk over the locks and their blocks found. At rest every block is in exactly one list of
 * one lock, either of those who wait or of those who hold it, no list has a cycle, and each is as
 * long as the lock says. Requests meanwhile make an audit wrong; one that finds something is made
 * again, for a second at most, so that leases that end by themselves are waited for.
 *
 * @param locks that are known
 * @param clients that are known
 * @param held acquisitions that hold a lock
 * @param waiting acquisitions that wait for one
 * @param blocksInUse as the allocator counts them
 * @param blocksInPool as found in the map
 * @param blocksReachable by the list of a lock, each once
 * @param blocksLeaked in the pool and in no list
 * @param blocksShared reached again, by another list or by a cycle
 * @param blocksMissing that a list goes on to and that are not in the pool
 * @param listsWrong lists with a block of another lock or kind, or not as long as their lock says
 * @param countsOff by how much the counts of holders, waiters and clients' acquisitions are wrong
 * @param heldEntries locks whose word somebody holds: at rest nobody does
 */
public record LockAudit(
    long locks,
    long clients,
    long held,
    long waiting,
    long blocksInUse,
    long blocksInPool,
    long blocksReachable,
    long blocksLeaked,
    long blocksShared,
    long blocksMissing,
    long listsWrong,
    long countsOff,
    long heldEntries) {
  private static final int ATTEMPTS = 20;
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  /** Walks the maps: those of a loaded program, or pinned ones. */
  public static LockAudit of(BPFMaps maps) {
    MemorySegment state = maps.mmap("kerby_state");
    for (int i = 1; ; i++) {
      LockAudit audit = new Walk().over(maps, state);
      if (audit.ok() || i == ATTEMPTS) {
        return audit;
      }
      LockSupport.parkNanos(PAUSE_NANOS);
    }
  }

  /** Returns whether every property that an audit can see holds. */
  public boolean ok() {
    return blocksLeaked == 0
        && blocksShared == 0
        && blocksMissing == 0
        && listsWrong == 0
        && countsOff == 0
        && heldEntries == 0
        && blocksInUse == blocksInPool;
  }

  /** Returns the audit as members of a JSON object. */
  public String toJsonMembers() {
    return ("\"locks\":%d,\"lock_clients\":%d,\"lock_held\":%d,\"lock_waiting\":%d,"
            + "\"lock_blocks_in_use\":%d,\"lock_blocks_in_pool\":%d,\"lock_blocks_reachable\":%d,"
            + "\"lock_blocks_leaked\":%d,\"lock_blocks_shared\":%d,\"lock_blocks_missing\":%d,"
            + "\"lock_lists_wrong\":%d,\"lock_counts_off\":%d,\"lock_held_entries\":%d")
        .formatted(
            locks,
            clients,
            held,
            waiting,
            blocksInUse,
            blocksInPool,
            blocksReachable,
            blocksLeaked,
            blocksShared,
            blocksMissing,
            listsWrong,
            countsOff,
            heldEntries);
  }

  /** Returns the audit as lines of text. */
  public String toText() {
    return ("locks %d (%d held, %d waiting) of %d clients%n"
            + "lock blocks in use %d, in the pool %d, reachable %d%n"
            + "leaked %d, shared %d, missing %d, lists wrong %d, counts off by %d, held entries %d")
        .formatted(
            locks,
            held,
            waiting,
            clients,
            blocksInUse,
            blocksInPool,
            blocksReachable,
            blocksLeaked,
            blocksShared,
            blocksMissing,
            listsWrong,
            countsOff,
            heldEntries);
  }

  private record Block(long next, long lock, boolean held) {}

  private static final class Walk {
    private final Map<Long, Block> pool = new HashMap<>();
    private final Set<Long> reached = new HashSet<>();
    private long locks;
    private long clients;
    private long references;
    private long held;
    private long waiting;
    private long shared;
    private long missing;
    private long wrong;
    private long heldEntries;

    LockAudit over(BPFMaps maps, MemorySegment state) {
      maps.getHashMap("kerby_pool", BPFType.INT64, BPFType.bytes(LockNode.BYTES))
          .walk((key, node) -> pool.put(key.get(JAVA_LONG, 0), block(node)));
      maps.getHashMap("lock_table", BPFType.INT64, BPFType.bytes(LockEntry.BYTES))
          .walk((key, entry) -> addLock(key.get(JAVA_LONG, 0), entry));
      maps.getHashMap("lock_sessions", BPFType.INT64, BPFType.bytes(LockClient.BYTES))
          .walk((_, client) -> addClient(client));
      LockStats stats = new LockStats(maps);
      return new LockAudit(
          locks,
          clients,
          held,
          waiting,
          state.get(JAVA_LONG, KernelDoors.BLOCKS_IN_USE),
          pool.size(),
          reached.size(),
          pool.size() - reached.size(),
          shared,
          missing,
          wrong,
          Math.abs(stats.held() - held)
              + Math.abs(stats.waiting() - waiting)
              + Math.abs(references - held - waiting),
          heldEntries);
    }

    private static Block block(MemorySegment node) {
      return new Block(
          node.get(JAVA_LONG, LockNode.NEXT),
          node.get(JAVA_LONG, LockNode.LOCK),
          node.get(JAVA_BYTE, LockNode.HELD) != 0);
    }

    private void addClient(MemorySegment client) {
      clients++;
      references += client.get(JAVA_LONG, LockClient.WORD) >>> 1;
    }

    private void addLock(long number, MemorySegment entry) {
      locks++;
      heldEntries += entry.get(JAVA_LONG, LockEntry.WORD) & 1;
      int queue = entry.get(JAVA_INT, LockEntry.WAITING);
      int holders = entry.get(JAVA_INT, LockEntry.HOLDERS);
      int inEntry = entry.get(JAVA_LONG, LockEntry.FIRST_SEQUENCE) == 0 ? 0 : 1;
      waiting += queue;
      held += holders;
      follow(number, entry.get(JAVA_LONG, LockEntry.HEAD), queue, false);
      follow(number, entry.get(JAVA_LONG, LockEntry.MORE), holders - inEntry, true);
    }

    /**
     * Follows a list of so many blocks; ends where it is wrong, and so at the latest in a cycle.
     */
    private void follow(long lock, long first, int length, boolean isHeld) {
      int count = 0;
      for (long index = first; index != 0; count++) {
        Block block = pool.get(index);
        if (block == null) {
          missing++;
          return;
        }
        if (!reached.add(index)) {
          shared++;
          return;
        }
        if (block.lock != lock || block.held != isHeld) {
          wrong++;
          return;
        }
        index = block.next;
      }
      if (count != length) {
        wrong++;
      }
    }
  }
}
