package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.kerbykv.bpf.RequiresBPF;

/** The functions of kerby.bpf.h one by one, and all they say they return. */
@RequiresBPF
@ParameterizedClass(name = "{0}, blocks of {1}")
@MethodSource("pools")
class AllocatorTest {
  private static final int MAX = Allocator.MAX_BLOCKS;
  private static final int CAPACITY = 40;

  private static Allocator allocator;

  @Parameter(0)
  Allocator.Pool pool;

  @Parameter(1)
  int blockBytes;

  private final Set<Long> given = new HashSet<>();

  private Allocator.Caller caller;

  static Stream<Arguments> pools() {
    return Arrays.stream(Allocator.Pool.values())
        .flatMap(
            pool ->
                Arrays.stream(KvConfig.BLOCK_SIZES)
                    .filter(bytes -> pool == Allocator.Pool.HASH || bytes % 64 == 0)
                    .mapToObj(bytes -> Arguments.of(pool, bytes)));
  }

  @BeforeParameterizedClassInvocation
  static void load(Allocator.Pool pool, int blockBytes) {
    allocator = pool.allocator(blockBytes, CAPACITY);
  }

  @AfterParameterizedClassInvocation
  static void unload() {
    allocator.close();
  }

  @BeforeEach
  void clear() {
    allocator.clear();
    caller = allocator.caller(0);
    caller.setIdx();
  }

  private byte[] pattern(int length) {
    return pattern(length, 1);
  }

  private static byte[] pattern(int length, int seed) {
    byte[] pattern = new byte[length];
    for (int i = 0; i < length; i++) {
      pattern[i] = (byte) (i * 31 + i / 256 + seed);
    }
    return pattern;
  }

  private static void usesExactly(long... idx) {
    assertThat(allocator.blocks().keySet())
        .containsExactlyInAnyOrderElementsOf(Arrays.stream(idx).boxed().toList());
    assertThat(allocator.blocksInUse()).isEqualTo(idx.length);
  }

  private void neverWere(long... idx) {
    for (long index : idx) {
      assertThat(given.add(index)).as("index %d is one that never was", index).isTrue();
    }
  }

  // malloc

  @Test
  void mallocTakesAsManyBlocksAsTheSizeNeeds() {
    for (int blocks = 1; blocks <= MAX; blocks++) {
      for (int size : new int[] {(blocks - 1) * blockBytes + 1, blocks * blockBytes}) {
        assertThat(caller.malloc(size)).isEqualTo(blocks);
        long[] idx = caller.blocks(blocks);
        assertThat(idx).isEqualTo(LongStream.range(idx[0], idx[0] + blocks).toArray());
        neverWere(idx);
        usesExactly(idx);
        caller.free();
      }
    }
  }

  @Test
  void mallocOfNothing() {
    caller.setIdx(1, 2, 3);
    assertThat(caller.malloc(0)).isZero();
    caller.blocks(0);
    usesExactly();
  }

  @Test
  void mallocGivesZeroes() {
    for (int round = 0; round < 3; round++) {
      assertThat(caller.malloc(MAX * blockBytes)).isEqualTo(MAX);
      assertThat(caller.content()).isEqualTo(new byte[MAX * blockBytes]);
      assertThat(caller.poolUpdate(pattern(MAX * blockBytes))).isZero();
      caller.free(); // so that the next round is given memory that was written to
    }
  }

  @Test
  void mallocOfMoreThanTheMostBlocks() {
    caller.setIdx(LongStream.rangeClosed(1, MAX).toArray());
    assertThat(caller.malloc(MAX * blockBytes + 1)).isEqualTo(Allocator.E2BIG);
    caller.blocks(0);
    usesExactly();
  }

  @Test
  void mallocWhenThePoolHasNotAsMany() {
    long[][] taken = new long[3][];
    for (int i = 0; i < 2; i++) {
      assertThat(caller.malloc(MAX * blockBytes)).isEqualTo(MAX);
      taken[i] = caller.idx();
    }
    int left = CAPACITY - 2 * MAX;
    caller.setIdx(1, 2, 3);
    assertThat(caller.malloc(left * blockBytes + 1)).isEqualTo(Allocator.ENOSPC);
    caller.blocks(0);
    assertThat(allocator.blocksInUse()).isEqualTo(2 * MAX);
    assertThat(caller.malloc(left * blockBytes)).isEqualTo(left);
    taken[2] = caller.blocks(left);
    usesExactly(Arrays.stream(taken).flatMapToLong(Arrays::stream).toArray());
    assertThat(caller.malloc(1)).isEqualTo(Allocator.ENOSPC);

    caller.setIdx(taken[0]);
    caller.free();
    assertThat(caller.malloc(MAX * blockBytes)).isEqualTo(MAX);
    assertThat(allocator.blocksInUse()).isEqualTo(CAPACITY);
  }

  // free

  @Test
  void freeGivesAllBack() {
    for (int blocks = 1; blocks <= MAX; blocks++) {
      caller.malloc(blocks * blockBytes);
      caller.free();
      caller.blocks(0);
      usesExactly();
    }
  }

  @Test
  void freeOfNothing() {
    caller.free();
    caller.blocks(0);
    usesExactly();
  }

  @Test
  void freeLeavesOtherAllocationsAlone() {
    caller.malloc(5 * blockBytes);
    long[] kept = caller.blocks(5);
    caller.malloc(7 * blockBytes);
    long[] other = caller.blocks(7);
    caller.free();
    usesExactly(kept);
    caller.setIdx(other);
    caller.free(); // twice
    caller.blocks(0);
    usesExactly(kept);
    caller.setIdx(other);
    caller.malloc(3 * blockBytes);
    long[] fresh = caller.blocks(3);
    caller.setIdx(other); // a third time, with blocks that may be in the same memory
    caller.free();
    usesExactly(LongStream.concat(Arrays.stream(kept), Arrays.stream(fresh)).toArray());
  }

  // resize

  @Test
  void resizeKeepsWhatStays() {
    for (int from = 0; from <= MAX; from += 3) {
      for (int to = 0; to <= MAX; to++) {
        allocator.clear();
        assertThat(caller.malloc(from * blockBytes)).isEqualTo(from);
        byte[] content = pattern(from * blockBytes, to);
        caller.poolUpdate(content);
        long[] before = caller.blocks(from);

        assertThat(caller.resize(to * blockBytes)).as("%d to %d", from, to).isEqualTo(to);

        long[] after = caller.blocks(to);
        int stay = Math.min(from, to);
        assertThat(Arrays.copyOf(after, stay)).isEqualTo(Arrays.copyOf(before, stay));
        byte[] expected = Arrays.copyOf(Arrays.copyOf(content, stay * blockBytes), to * blockBytes);
        assertThat(caller.content()).as("%d to %d", from, to).isEqualTo(expected);
        assertThat(Arrays.stream(after).distinct().count()).isEqualTo(to);
        neverWere(before);
        neverWere(Arrays.copyOfRange(after, stay, to));
        usesExactly(after);
      }
    }
  }

  @Test
  void resizeWithinABlockLeavesItsTail() {
    caller.malloc(blockBytes);
    caller.poolUpdate(pattern(blockBytes));
    assertThat(caller.resize(1)).isEqualTo(1);
    assertThat(caller.resize(blockBytes)).isEqualTo(1);
    assertThat(caller.content()).isEqualTo(pattern(blockBytes));
  }

  @Test
  void resizeToMoreThanTheMostBlocksLeavesAllAsItWas() {
    for (int have : new int[] {0, 1, 5, MAX}) {
      caller.malloc(have * blockBytes);
      caller.poolUpdate(pattern(have * blockBytes));
      long[] idx = caller.blocks(have);
      assertThat(caller.resize(MAX * blockBytes + 1)).isEqualTo(Allocator.E2BIG);
      assertThat(caller.blocks(have)).isEqualTo(idx);
      assertThat(caller.content()).isEqualTo(pattern(have * blockBytes));
      usesExactly(idx);
      caller.free();
    }
  }

  @Test
  void resizeWhenThePoolHasNotAsManyLeavesAllAsItWas() {
    for (int i = 0; i < 2; i++) {
      caller.malloc(MAX * blockBytes);
    }
    caller.malloc(3 * blockBytes);
    caller.poolUpdate(pattern(3 * blockBytes));
    long[] idx = caller.blocks(3);
    int left = CAPACITY - 2 * MAX - 3;
    assertThat(caller.resize((3 + left) * blockBytes + 1)).isEqualTo(Allocator.ENOSPC);
    assertThat(caller.blocks(3)).isEqualTo(idx);
    assertThat(caller.content()).isEqualTo(pattern(3 * blockBytes));
    assertThat(allocator.blocksInUse()).isEqualTo(CAPACITY - left);
    assertThat(caller.resize((3 + left) * blockBytes)).isEqualTo(3 + left);
    assertThat(allocator.blocksInUse()).isEqualTo(CAPACITY);
    assertThat(caller.resize(blockBytes)).isEqualTo(1);
    assertThat(caller.blocks(1)).isEqualTo(Arrays.copyOf(idx, 1));
    assertThat(allocator.blocksInUse()).isEqualTo(2 * MAX + 1);
  }

  // pool_update

  @Test
  void poolUpdateWritesThatManyBytes() {
    for (int blocks = 1; blocks <= MAX; blocks += 5) {
      caller.malloc(blocks * blockBytes);
      for (int size :
          new int[] {
            0,
            1,
            blockBytes - 1,
            blockBytes,
            (blocks - 1) * blockBytes + 1,
            blocks * blockBytes - 1,
            blocks * blockBytes
          }) {
        byte[] old = pattern(blocks * blockBytes, 100);
        assertThat(caller.poolUpdate(old)).isZero();
        byte[] fresh = pattern(blocks * blockBytes, 3);
        assertThat(caller.poolUpdate(fresh, size)).isZero();
        System.arraycopy(fresh, 0, old, 0, size);
        assertThat(caller.content()).as("%d of %d blocks", size, blocks).isEqualTo(old);
      }
      caller.free();
    }
  }

  @Test
  void poolUpdateOfMoreThanThereIsWritesNothing() {
    for (int blocks : new int[] {0, 1, 5, MAX - 1}) {
      caller.malloc(blocks * blockBytes);
      byte[] values = pattern((blocks + 1) * blockBytes);
      assertThat(caller.poolUpdate(values, blocks * blockBytes + 1)).isEqualTo(Allocator.ENOSPC);
      assertThat(caller.content()).isEqualTo(new byte[blocks * blockBytes]);
      caller.free();
    }
  }

  @Test
  void poolUpdateStopsWhereABlockIsGone() {
    caller.malloc(4 * blockBytes);
    long[] idx = caller.blocks(4);
    allocator.removeBlock(idx[2]);
    byte[] values = pattern(4 * blockBytes);
    assertThat(caller.poolUpdate(values)).isEqualTo(Allocator.ENOENT);
    Map<Long, byte[]> blocks = allocator.blocks();
    assertThat(blocks.get(idx[0])).isEqualTo(Arrays.copyOf(values, blockBytes));
    assertThat(blocks.get(idx[1]))
        .isEqualTo(Arrays.copyOfRange(values, blockBytes, 2 * blockBytes));
    assertThat(blocks.get(idx[3])).isEqualTo(new byte[blockBytes]);
    assertThat(blocks).hasSize(3);
  }

  // alloc_update and alloc_del

  @Test
  void allocUpdateRecordsAnAllocation() {
    int size = 3 * blockBytes - 1;
    caller.malloc(size);
    long[] idx = caller.idx();
    assertThat(caller.lookup(7)).isNull();
    assertThat(caller.allocUpdate(7, size)).isZero();
    assertThat(caller.lookup(7)).isEqualTo(record(size, 3, idx));
    assertThat(caller.lookup(8)).isNull();

    caller.resize(5 * blockBytes);
    assertThat(caller.lookup(7)).as("not told yet").isEqualTo(record(size, 3, idx));
    assertThat(caller.allocUpdate(7, 5 * blockBytes)).isZero();
    assertThat(caller.lookup(7)).isEqualTo(record(5 * blockBytes, 5, caller.idx()));

    caller.malloc(MAX * blockBytes);
    assertThat(caller.allocUpdate(7, MAX * blockBytes)).isZero();
    assertThat(caller.lookup(7)).isEqualTo(record(MAX * blockBytes, MAX, caller.idx()));
    assertThat(allocator.blocksInUse()).as("what was recorded is not freed").isEqualTo(5 + MAX);

    caller.setIdx();
    assertThat(caller.allocUpdate(7, 0)).isZero();
    assertThat(caller.lookup(7)).isEqualTo(record(0, 0, new long[MAX]));
  }

  @Test
  void allocUpdateWhenTheMapIsFull() {
    for (int key = 0; key < 4; key++) {
      caller.malloc(1);
      assertThat(caller.allocUpdate(key, key)).isZero();
    }
    Allocator.Recorded third = caller.lookup(3);
    assertThat(caller.allocUpdate(4, 1)).isEqualTo(Allocator.E2BIG);
    assertThat(caller.lookup(4)).isNull();
    assertThat(caller.lookup(3)).isEqualTo(third);
    assertThat(caller.allocUpdate(3, 30)).as("in place of a record").isZero();
    assertThat(caller.lookup(3).size()).isEqualTo(30);
    assertThat(caller.allocDel(0)).isZero();
    assertThat(caller.allocUpdate(4, 1)).isZero();
    assertThat(allocator.recordedKeys()).containsExactly(1L, 2L, 3L, 4L);
  }

  @Test
  void allocDelForgetsAndFreesNothing() {
    caller.malloc(2 * blockBytes);
    assertThat(caller.allocDel(7)).isEqualTo(Allocator.ENOENT);
    caller.allocUpdate(7, 1);
    assertThat(caller.allocDel(8)).isEqualTo(Allocator.ENOENT);
    assertThat(caller.allocDel(7)).isZero();
    assertThat(caller.allocDel(7)).isEqualTo(Allocator.ENOENT);
    assertThat(allocator.recordedKeys()).isEmpty();
    usesExactly(caller.blocks(2));
  }

  private static Allocator.Recorded record(int size, int blocks, long[] idx) {
    return new Allocator.Recorded(size, blocks, Arrays.stream(idx).boxed().toList());
  }
}
