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
import java.util.TreeMap;
import java.util.TreeSet;
import org.kerbykv.bpf.BPFHashMap;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFTestRun;
import org.kerbykv.bpf.BPFType;
import org.kerbykv.bpf.BTFLayout;

/** The functions of kerby.bpf.h, as src/test/bpf/allocator.bpf.c makes them callable. */
final class Allocator implements AutoCloseable {
  static final String OBJECT = "allocator.bpf.o";

  /** KERBY_MAX_BLOCKS of the object. */
  static final int MAX_BLOCKS = 16;

  /** Most threads that may call at once. */
  static final int CALLERS = 8;

  static final int ENOENT = -2;
  static final int E2BIG = -7;
  static final int ENOSPC = -28;

  private static final BTFLayout LAYOUT = BTFLayout.read(BPFProgram.class, OBJECT);
  private static final BTFLayout.Struct CALL = LAYOUT.struct("call");
  private static final BTFLayout.Struct STATE = LAYOUT.struct("kerby_state");
  private static final BTFLayout.Struct ALLOC = LAYOUT.struct("kerby_alloc");

  private final int blockBytes;
  private final BPFProgram program;
  private final MemorySegment calls;
  private final MemorySegment state;
  private final BPFHashMap<Long, byte[]> pool;
  private final BPFHashMap<Long, byte[]> records;

  /**
   * Loads it.
   *
   * @param capacity blocks, as the allocator is told
   * @param poolEntries blocks that the pool's map really takes: less, for insertions to fail
   */
  Allocator(int blockBytes, int capacity, int poolEntries) {
    this.blockBytes = blockBytes;
    program =
        BPFLoader.open(BPFProgram.class, OBJECT)
            .constant("kerby_block_bytes", blockBytes)
            .mapValueSize("kerby_pool", blockBytes)
            .constant("kerby_capacity", capacity)
            .mapMaxEntries("kerby_pool", poolEntries)
            .load();
    calls = program.mmap("calls");
    state = program.mmap("kerby_state");
    pool = program.getHashMap("kerby_pool", BPFType.INT64, BPFType.bytes(blockBytes));
    records = program.getHashMap("kerby_alloc", BPFType.INT64, BPFType.bytes((int) ALLOC.size()));
  }

  Allocator(int blockBytes, int capacity) {
    this(blockBytes, capacity, capacity);
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
    blocks().keySet().forEach(pool::delete);
    records.forEach((key, _) -> records.delete(key));
    state.set(JAVA_LONG, STATE.member("blocks_in_use").offset(), 0);
  }

  long blocksInUse() {
    return state.get(JAVA_LONG, STATE.member("blocks_in_use").offset());
  }

  /** The block of an index, or null. */
  byte[] block(long index) {
    return pool.get(index);
  }

  void putBlock(long index, byte[] content) {
    pool.put(index, content);
  }

  void removeBlock(long index) {
    pool.delete(index);
  }

  /** All blocks by index. */
  Map<Long, byte[]> blocks() {
    Map<Long, byte[]> all = new TreeMap<>();
    pool.forEach(all::put);
    return all;
  }

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
      call = calls.asSlice(number * CALL.size(), CALL.size());
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
          call.get(JAVA_INT, found + ALLOC.member("size").offset()),
          call.get(JAVA_INT, found + ALLOC.member("blocks").offset()),
          Arrays.stream(longs(found + ALLOC.member("idx").offset())).boxed().toList());
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

    private long run(BPFTestRun function, int size) {
      call.set(JAVA_INT, at("size"), size);
      int returned = function.run(args);
      if (returned != 0) {
        throw new AssertionError("the test's program returned " + returned);
      }
      return call.get(JAVA_LONG, at("result"));
    }

    private static long at(String member) {
      return CALL.member(member).offset();
    }
  }

  /** An element of the allocation map: struct kerby_alloc. */
  record Recorded(int size, int blocks, List<Long> idx) {}
}
