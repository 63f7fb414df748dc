package org.kerbykv.server.kernel;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.kerbykv.bpf.BPFMaps;
import org.kerbykv.bpf.BPFType;

/**
 * What a walk over the index and the pool found. With the service idle, the blocks there are, in
 * the pool and as heads of index entries, are exactly those that the index reaches, each by one
 * chain. While it is being written to, blocks come and go between the two walks, and an audit then
 * says nothing: one that finds something wrong while blocks were allocated or freed is made again,
 * for a second at most, so that what the server does in the background is waited for.
 *
 * @param items index entries, expired ones included
 * @param kernelItems those of them whose value is in the pool
 * @param blocksInUse as the allocator counts them
 * @param blocksInPool as found in the maps, a large one as what it counts as
 * @param blocksReachable named by an entry, each time it is, likewise
 * @param blocksLeaked in the pool and named by no entry
 * @param blocksShared named by more than one entry, each time but the first
 * @param blocksMissing named by an entry and not in the pool
 * @param heldEntries entries whose word somebody holds: at rest nobody does
 */
public record Audit(
    long items,
    long kernelItems,
    long blocksInUse,
    long blocksInPool,
    long blocksReachable,
    long blocksLeaked,
    long blocksShared,
    long blocksMissing,
    long heldEntries) {

  private static final int ATTEMPTS = 20;
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  /** Walks the maps: those of a loaded program, or pinned ones. */
  public static Audit of(BPFMaps maps) {
    MemorySegment state = maps.mmap("kerby_state");
    for (int i = 1; ; i++) {
      Allocations before = Allocations.of(state);
      Audit audit = walk(maps, before.blocksInUse());
      if (audit.ok() || i == ATTEMPTS || Allocations.of(state).equals(before)) {
        return audit;
      }
      LockSupport.parkNanos(PAUSE_NANOS);
    }
  }

  /** What the allocator has done: if it is the same later on, it has done nothing in between. */
  private record Allocations(long lastIndex, long blocksInUse) {
    static Allocations of(MemorySegment state) {
      return new Allocations(
          state.get(JAVA_LONG, KernelDoors.NEXT_INDEX),
          state.get(JAVA_LONG, KernelDoors.BLOCKS_IN_USE));
    }
  }

  private static Audit walk(BPFMaps maps, long inUse) {
    int largeUnits = PoolSize.largeUnits(maps.valueSize("kerby_pool"));
    Chains chains = new Chains(largeUnits);
    maps.getHashMap("kv_index", BPFType.INT64, BPFType.bytes(KvEntry.BYTES))
        .walk((_, entry) -> chains.add(entry));
    Longs there = chains.heads;
    walk(maps, "kerby_pool", there);
    int inPool = there.size;
    walk(maps, "kv_large", there);
    long blocks = inPool + (long) (there.size - inPool) * largeUnits;
    return compare(chains, there.sorted(), blocks, inUse);
  }

  private static void walk(BPFMaps maps, String pool, Longs indexes) {
    BPFType<byte[]> block = BPFType.bytes(maps.valueSize(pool));
    maps.getHashMap(pool, BPFType.INT64, block)
        .walk((key, _) -> indexes.add(key.get(JAVA_LONG, 0)));
  }

  /** Returns whether every property that an audit can see holds. */
  public boolean ok() {
    return blocksLeaked == 0
        && blocksShared == 0
        && blocksMissing == 0
        && heldEntries == 0
        && blocksInUse == blocksInPool;
  }

  /** Returns what there is to say where nothing is pinned. */
  public static Audit ofNothing() {
    return new Audit(0, 0, 0, 0, 0, 0, 0, 0, 0);
  }

  /** Returns the audit as members of a JSON object. */
  public String toJsonMembers() {
    return ("\"items\":%d,\"kernel_items\":%d,\"blocks_in_use\":%d,\"blocks_in_pool\":%d,"
            + "\"blocks_reachable\":%d,\"blocks_leaked\":%d,\"blocks_shared\":%d,"
            + "\"blocks_missing\":%d,\"held_entries\":%d")
        .formatted(
            items,
            kernelItems,
            blocksInUse,
            blocksInPool,
            blocksReachable,
            blocksLeaked,
            blocksShared,
            blocksMissing,
            heldEntries);
  }

  /** Returns the audit as lines of text. */
  public String toText() {
    return ("items %d (%d in the kernel)%nblocks in use %d, in the pool %d, reachable %d%n"
            + "leaked %d, shared %d, missing %d, held entries %d")
        .formatted(
            items,
            kernelItems,
            blocksInUse,
            blocksInPool,
            blocksReachable,
            blocksLeaked,
            blocksShared,
            blocksMissing,
            heldEntries);
  }

  private static Audit compare(Chains chains, long[] pool, long blocks, long inUse) {
    long[] named = chains.blocks.sorted();
    long shared = 0;
    long leaked = 0;
    long missing = 0;
    int p = 0;
    for (int n = 0; n < named.length; n++) {
      if (n > 0 && named[n] == named[n - 1]) {
        shared++;
        continue;
      }
      while (p < pool.length && pool[p] < named[n]) {
        leaked++;
        p++;
      }
      if (p < pool.length && pool[p] == named[n]) {
        p++;
      } else {
        missing++;
      }
    }
    leaked += pool.length - p;
    return new Audit(
        chains.items,
        chains.kernelItems,
        inUse,
        blocks,
        chains.reachable,
        leaked,
        shared,
        missing,
        chains.held);
  }

  /** The chains of all entries, as the blocks that they name. */
  private static final class Chains {
    private final Longs blocks = new Longs();
    private final Longs heads = new Longs();
    private final int largeUnits;
    private long reachable;
    private long items;
    private long kernelItems;
    private long held;

    Chains(int largeUnits) {
      this.largeUnits = largeUnits;
    }

    void add(MemorySegment entry) {
      items++;
      reachable += PoolSize.blocksOf(entry, largeUnits);
      if (KvEntry.tier(entry) == KvEntry.TIER_KERNEL) {
        kernelItems++;
      }
      if (KvEntry.isHeld(entry)) {
        held++;
      }
      long first = KvEntry.first(entry);
      heads.add(first);
      for (int i = 0; i < KvEntry.blocks(entry); i++) {
        blocks.add(first + i);
      }
    }
  }

  /** A growing array: an audit sees millions of blocks. */
  private static final class Longs {
    private long[] values = new long[1024];
    private int size;

    void add(long value) {
      if (size == values.length) {
        values = Arrays.copyOf(values, size * 2);
      }
      values[size++] = value;
    }

    long[] sorted() {
      long[] copy = Arrays.copyOf(values, size);
      Arrays.sort(copy);
      return copy;
    }
  }
}
