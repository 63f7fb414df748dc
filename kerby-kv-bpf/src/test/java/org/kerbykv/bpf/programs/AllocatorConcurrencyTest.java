package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.kerbykv.bpf.RequiresBPF;

/** Several CPUs allocate from one pool that is too small for all. */
@RequiresBPF
class AllocatorConcurrencyTest {
  private static final int BLOCK = 64;
  private static final int CAPACITY = 60;
  private static final int THREADS = 4;
  private static final int ROUNDS = 5000;

  private final Set<Long> given = new ConcurrentSkipListSet<>();

  @ParameterizedTest
  @EnumSource(Allocator.Pool.class)
  void nobodyGetsABlockOfAnother(Allocator.Pool pool) throws Exception {
    long seed = System.nanoTime();
    try (Allocator allocator = pool.allocator(BLOCK, CAPACITY);
        ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
      List<Callable<long[]>> work = new ArrayList<>();
      for (int i = 0; i < THREADS; i++) {
        Allocator.Caller caller = allocator.caller(i);
        byte mark = (byte) (i + 1);
        Random random = new Random(seed + i);
        work.add(() -> allocateAndResize(allocator, caller, mark, random));
      }
      Set<Long> left = new TreeSet<>();
      for (Future<long[]> end : threads.invokeAll(work)) {
        Arrays.stream(end.get()).filter(index -> index != 0).forEach(left::add);
      }
      assertThat(allocator.blocks().keySet()).as("seed %d", seed).isEqualTo(left);
      assertThat(allocator.blocksInUse()).as("seed %d", seed).isEqualTo(left.size());
    } catch (AssertionError e) {
      throw new AssertionError("seed " + seed, e);
    }
  }

  /** Fills what it has with its mark, and finds nothing else in it; returns what it has at last. */
  private long[] allocateAndResize(
      Allocator allocator, Allocator.Caller caller, byte mark, Random random) {
    byte[] marks = new byte[Allocator.MAX_BLOCKS * BLOCK];
    Arrays.fill(marks, mark);
    caller.setIdx();
    int blocks = 0;
    for (int round = 0; round < ROUNDS; round++) {
      int want = random.nextInt(Allocator.MAX_BLOCKS + 1);
      long[] before = caller.blocks(blocks);
      long result;
      if (random.nextInt(4) == 0) {
        caller.free();
        blocks = 0;
        before = new long[0];
        result = caller.malloc(want * BLOCK);
      } else {
        result = caller.resize(want * BLOCK);
      }
      assertThat(result).isIn((long) want, (long) Allocator.ENOSPC);
      blocks = result < 0 ? blocks : want;
      long[] after = caller.blocks(blocks);
      for (int i = before.length; i < after.length; i++) {
        assertThat(given.add(after[i])).as("index %d is new", after[i]).isTrue();
      }
      checkContent(allocator, after, before.length, mark);
      assertThat(caller.poolUpdate(marks, blocks * BLOCK)).isZero();
    }
    return caller.idx();
  }

  private static void checkContent(Allocator allocator, long[] idx, int old, byte mark) {
    byte[] expected = new byte[BLOCK];
    for (int i = 0; i < idx.length; i++) {
      Arrays.fill(expected, i < old ? mark : 0);
      byte[] block = allocator.block(idx[i]);
      if (!Arrays.equals(block, expected)) {
        assertThat(block).as("block %d", idx[i]).isEqualTo(expected);
      }
    }
  }
}
