package org.kerbykv.bpf.programs;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.kerbykv.bpf.BPFHashMap;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFTestRun;
import org.kerbykv.bpf.BPFType;
import org.kerbykv.bpf.BTFLayout;

/**
 * The functions of kerby.bpf.h, as src/test/bpf/allocator_calls.h makes them callable, on one of
 * the pools.
 */
abstract sealed class Allocator implements AutoCloseable permits HashAllocator, ArenaAllocator {
  /** What the blocks are in. */
  enum Pool {
    HASH {
      @Override
      Allocator allocator(int blockBytes, int capacity) {
        return new HashAllocator(blockBytes, capacity, capacity);
      }
    },
    ARENA {
      @Override
      Allocator allocator(int blockBytes, int capacity) {
        ArenaAllocator allocator = new ArenaAllocator(blockBytes, capacity, false);
        allocator.upkeep(capacity, capacity);
        return allocator;
      }
    };

    /**
     * An allocator whose blocks all have, or can get, memory.
     *
     * @param blockBytes for an arena a multiple of 64
     * @param capacity blocks
     */
    abstract Allocator allocator(int blockBytes, int capacity);
  }

  /** KERBY_MAX_BLOCKS of the object. */
  static final int MAX_BLOCKS = 16;

  /** Most threads that may call at once. */
  static final int CALLERS = 8;

  static final int ENOENT = -2;
  static final int E2BIG = -7;
  static final int ENOSPC = -28;

  private final BTFLayout.Struct callLayout;
  private final BTFLayout.Struct stateLayout;
  private final BTFLayout.Struct recordLayout;
  private final int blockBytes;
  private final BPFProgram program;
  private final MemorySegment calls;
  private final MemorySegment state;
  private final BPFHashMap<Long, byte[]> records;

  /** Has the object loaded, of which block size and capacity are set. */
  Allocator(BPFLoader loader, int blockBytes) {
    this.blockBytes = blockBytes;
    callLayout = loader.layout().struct("call");
    stateLayout = loader.layout().struct("kerby_state");
    recordLayout = loader.layout().struct("kerby_alloc");
    program = loader.load();
    calls = program.mmap("calls");
    state = program.mmap("kerby_state");
    records =
        program.getHashMap("kerby_alloc", BPFType.INT64, BPFType.bytes((int) recordLayout.size()));
  }

  /** The object of this name, to be loaded. */
  static BPFLoader loader(String object, int blockBytes, int capacity) {
    return BPFLoader.open(BPFProgram.class, object)
        .constant("kerby_block_bytes", blockBytes)
        .constant("kerby_capacity", capacity);
  }

  /**
   * Where one thread calls from.
   *
   * @param number 0 to {@link #CALLERS} - 1
   */
  Caller caller(int number) {
    return new Caller(number);
  }

  /** Empties pool and allocation map; indexes never come back. */
  void clear() {
    blocks().keySet().forEach(this::removeBlock);
    records.forEach((key, _) -> records.delete(key));
    setState("blocks_in_use", 0);
  }

  long blocksInUse() {
    return state("blocks_in_use");
  }

  /** A number in the pool's state. */
  final long state(String member) {
    return state.get(JAVA_LONG, stateLayout.member(member).offset());
  }

  final void setState(String member, long value) {
    state.set(JAVA_LONG, stateLayout.member(member).offset(), value);
  }

  final BPFProgram program() {
    return program;
  }

  final int blockBytes() {
    return blockBytes;
  }

  /** The block of an index, or null. */
  abstract byte[] block(long index);

  /** Frees a block behind the allocator's back: it stays counted. */
  abstract void removeBlock(long index);

  /** All blocks by index. */
  abstract Map<Long, byte[]> blocks();

  /** The keys that an allocation is recorded under. */
  Set<Long> recordedKeys() {
    Set<Long> keys = new TreeSet<>();
    records.forEach((key, _) -> keys.add(key));
    return keys;
  }

  @Override
  public void close() {
    program.close();
  }

  /** Calls the functions, with an idx[] of its own. For one thread. */
  final class Caller {
    private final MemorySegment call;
    private final MemorySegment args = Arena.ofAuto().allocate(JAVA_INT);
    private final BPFTestRun malloc = program.testRun("call_malloc");
    private final BPFTestRun free = program.testRun("call_free");
    private final BPFTestRun resize = program.testRun("call_resize");
    private final BPFTestRun poolUpdate = program.testRun("call_pool_update");
    private final BPFTestRun allocUpdate = program.testRun("call_alloc_update");
    private final BPFTestRun allocDel = program.testRun("call_alloc_del");
    private final BPFTestRun allocLookup = program.testRun("call_alloc_lookup");

    private Caller(int number) {
      call = calls.asSlice(number * callLayout.size(), callLayout.size());
      args.set(JAVA_INT, 0, number);
    }

    /** kerby_malloc into idx[]. */
    long malloc(int size) {
      return run(malloc, size);
    }

    /** kerby_free of idx[]. */
    void free() {
      run(free, 0);
    }

    /** kerby_resize of idx[]. */
    long resize(int size) {
      return run(resize, size);
    }

    /** kerby_pool_update of the blocks of idx[] by the first {@code size} of the values. */
    long poolUpdate(byte[] values, int size) {
      MemorySegment.copy(values, 0, call, JAVA_BYTE, at("values"), values.length);
      return run(poolUpdate, size);
    }

    long poolUpdate(byte[] values) {
      return poolUpdate(values, values.length);
    }

    /** kerby_alloc_update of the key by idx[]. */
    long allocUpdate(long key, int size) {
      call.set(JAVA_LONG, at("key"), key);
      return run(allocUpdate, size);
    }

    long allocDel(long key) {
      call.set(JAVA_LONG, at("key"), key);
      return run(allocDel, 0);
    }

    /** What is recorded under the key, or null. */
    Recorded lookup(long key) {
      call.set(JAVA_LONG, at("key"), key);
      if (run(allocLookup, 0) == ENOENT) {
        return null;
      }
      long found = at("found");
      return new Recorded(
          call.get(JAVA_INT, found + recordLayout.member("size").offset()),
          call.get(JAVA_INT, found + recordLayout.member("blocks").offset()),
          Arrays.stream(longs(found + recordLayout.member("idx").offset())).boxed().toList());
    }

    /** idx[] as it is. */
    long[] idx() {
      return longs(at("idx"));
    }

    void setIdx(long... idx) {
      MemorySegment.copy(Arrays.copyOf(idx, MAX_BLOCKS), 0, call, JAVA_LONG, at("idx"), MAX_BLOCKS);
    }

    /** The indexes in idx[], of which there have to be {@code count}, followed by zeroes. */
    long[] blocks(long count) {
      long[] idx = idx();
      for (int i = 0; i < MAX_BLOCKS; i++) {
        if ((idx[i] != 0) != (i < count)) {
          throw new AssertionError(Arrays.toString(idx) + " for " + count + " blocks");
        }
      }
      return Arrays.copyOf(idx, (int) count);
    }

    /** The bytes of the blocks in idx[]. */
    byte[] content() {
      long[] idx = Arrays.stream(idx()).takeWhile(index -> index != 0).toArray();
      byte[] content = new byte[idx.length * blockBytes];
      for (int i = 0; i < idx.length; i++) {
        System.arraycopy(block(idx[i]), 0, content, i * blockBytes, blockBytes);
      }
      return content;
    }

    private long[] longs(long offset) {
      return call.asSlice(offset, (long) MAX_BLOCKS * Long.BYTES).toArray(JAVA_LONG);
    }

    /** Runs a function that the pool has besides, on {@code key} and {@code size}. */
    long run(BPFTestRun function, long key, int size) {
      call.set(JAVA_LONG, at("key"), key);
      return run(function, size);
    }

    /** The values that the last call left. */
    byte[] values(int length) {
      return call.asSlice(at("values"), length).toArray(JAVA_BYTE);
    }

    private long run(BPFTestRun function, int size) {
      call.set(JAVA_INT, at("size"), size);
      int returned = function.run(args);
      if (returned != 0) {
        throw new AssertionError("the test's program returned " + returned);
      }
      return call.get(JAVA_LONG, at("result"));
    }

    private long at(String member) {
      return callLayout.member(member).offset();
    }
  }

  /** An element of the allocation map: struct kerby_alloc. */
  record Recorded(int size, int blocks, List<Long> idx) {}
}
