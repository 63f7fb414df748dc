package org.kerbykv.bpf.programs;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;

/** What the arena pool does besides what all pools do. */
@RequiresBPF
class ArenaPoolTest {
  private static final int BLOCK = 64;
  private static final int SPAN = ArenaAllocator.SPAN;
  private static final int MAX = Allocator.MAX_BLOCKS;
  private static final int ENOMEM = -12;
  private static final int EINVAL = -22;

  private ArenaAllocator allocator;
  private Allocator.Caller caller;

  @AfterEach
  void unload() {
    allocator.close();
  }

  private void load(int capacity, boolean debug) {
    allocator = new ArenaAllocator(BLOCK, capacity, debug);
    caller = allocator.caller(0);
    caller.setIdx();
  }

  /** An allocation of this many blocks. */
  private long[] malloc(int blocks) {
    assertThat(caller.malloc(blocks * BLOCK)).isEqualTo(blocks);
    return caller.blocks(blocks);
  }

  private void free(long... idx) {
    caller.setIdx(idx);
    caller.free();
  }

  private void resize(int blocks, long... idx) {
    caller.setIdx(idx);
    assertThat(caller.resize(blocks * BLOCK)).isEqualTo(blocks);
  }

  private static boolean isRun(long... idx) {
    return Arrays.equals(idx, LongStream.range(idx[0], idx[0] + idx.length).toArray());
  }

  private long spans() {
    return allocator.state("spans");
  }

  private long idleSpans() {
    return allocator.state("spans_idle");
  }

  private long wrong() {
    return allocator.state("wrong");
  }

  // runs

  @Test
  void anAllocationIsOneRunWhereThereIsOne() {
    load(4 * SPAN, false);
    allocator.upkeep(4, 4);
    List<long[]> all = new ArrayList<>();
    for (int blocks = 1; blocks <= MAX; blocks++) {
      all.add(malloc(blocks));
    }
    assertThat(all).allMatch(ArenaPoolTest::isRun);
  }

  @Test
  void withoutALongEnoughRunAllBlocksCanStillBeUsed() {
    load(2 * SPAN, false);
    allocator.upkeep(2, 2);
    List<Long> blocks = new ArrayList<>();
    for (int i = 0; i < 2 * SPAN; i++) {
      blocks.add(malloc(1)[0]);
    }
    assertThat(caller.malloc(1)).isEqualTo(Allocator.ENOSPC);
    blocks.stream().filter(index -> index % 2 == 0).forEach(this::free);
    for (int i = 0; i < SPAN / MAX; i++) {
      long[] idx = malloc(MAX);
      for (int j = 1; j < MAX; j++) {
        assertThat(idx[j]).isNotEqualTo(idx[j - 1] + 1);
      }
      assertThat(caller.content()).isEqualTo(new byte[MAX * BLOCK]);
    }
    assertThat(caller.malloc(1)).isEqualTo(Allocator.ENOSPC);
    assertThat(allocator.blocks()).hasSize(2 * SPAN);
  }

  @Test
  void whatIsFreedJoinsItsNeighbours() {
    load(SPAN, false);
    allocator.upkeep(1, 1);
    List<Long> blocks = new ArrayList<>();
    for (int i = 0; i < SPAN; i++) {
      blocks.add(malloc(1)[0]);
    }
    for (int step : new int[] {3, 5, 7, 1}) {
      for (int i = 0; i < SPAN; i += step) {
        free(blocks.get(i)); // some of them again
      }
    }
    assertThat(allocator.blocksInUse()).isZero();
    assertThat(idleSpans()).isEqualTo(1);
    for (int i = 0; i < SPAN / MAX; i++) {
      assertThat(malloc(MAX)).matches(ArenaPoolTest::isRun);
    }
  }

  @Test
  void aShrunkenAllocationLeavesItsTailToOthers() {
    load(SPAN, false);
    allocator.upkeep(1, 1);
    long[] first = malloc(MAX);
    malloc(MAX);
    malloc(MAX);
    malloc(MAX);
    resize(1, first);
    assertThat(malloc(MAX - 1)).matches(ArenaPoolTest::isRun);
    assertThat(caller.malloc(1)).isEqualTo(Allocator.ENOSPC);
  }

  @Test
  void whoWasOvertakenTakesNoSpanOffTheListWhereItBelongs() {
    load(2 * SPAN, false);
    allocator.upkeep(2, 2);
    for (int i = 0; i < SPAN / MAX; i++) {
      assertThat(ArenaAllocator.number(malloc(MAX)[0])).isLessThan(SPAN);
    }
    for (int spanClass = 0; spanClass < 8; spanClass++) {
      allocator.unlist(SPAN, spanClass);
    }
    assertThat(malloc(MAX)).matches(ArenaPoolTest::isRun);
  }

  // memory

  @Test
  void withoutMemoryNothingIsAllocated() {
    load(2 * SPAN, false);
    assertThat(caller.malloc(1)).isEqualTo(ENOMEM);
    caller.blocks(0);
    assertThat(allocator.blocksInUse()).isZero();
    allocator.upkeep(1, 1);
    for (int i = 0; i < SPAN / MAX - 1; i++) {
      malloc(MAX);
    }
    long[] last = malloc(MAX - 1);
    assertThat(caller.malloc(2 * BLOCK)).isEqualTo(ENOMEM);
    caller.blocks(0);
    assertThat(allocator.blocksInUse()).as("the one it found").isEqualTo(SPAN - 1);
    caller.setIdx(last);
    assertThat(caller.resize(MAX * BLOCK)).isEqualTo(MAX);
    assertThat(idleSpans()).isZero();
    assertThat(allocator.upkeep(1, 1)).isEqualTo(1);
    malloc(MAX);
  }

  @Test
  void upkeepGivesMemoryAndTakesItBack() {
    int spans = 100;
    load(spans * SPAN, false);
    assertThat(allocator.upkeep(40, 60)).isEqualTo(40);
    assertThat(allocator.upkeep(40, 60)).as("enough are idle").isZero();
    long[] kept = malloc(1);
    assertThat(idleSpans()).isEqualTo(39);
    assertThat(allocator.upkeep(80, 90)).isEqualTo(41);
    assertThat(spans()).isEqualTo(81);
    assertThat(allocator.upkeep(200, 200)).as("all have it").isEqualTo(19);
    assertThat(spans()).isEqualTo(spans);
    assertThat(allocator.upkeep(0, 5)).isEqualTo(94);
    assertThat(spans()).isEqualTo(6);
    assertThat(allocator.blocks().keySet()).containsExactly(kept[0]);
    assertThat(allocator.upkeep(99, 99)).isEqualTo(94);
    free(kept);
    assertThat(idleSpans()).isEqualTo(spans);
  }

  @Test
  void memoryThatWasTakenBackIsForgotten() {
    load(SPAN, true);
    allocator.upkeep(1, 1);
    long[] idx = malloc(1);
    int number = ArenaAllocator.number(idx[0]);
    free(idx);
    allocator.damage(number, 7);
    MemorySegment arena = allocator.mmap();
    long at = ArenaAllocator.AT_BLOCKS + (long) number * BLOCK;
    assertThat(arena.get(JAVA_LONG, at)).isEqualTo(7);
    assertThat(allocator.upkeep(0, 0)).isEqualTo(1);
    assertThat(arena.get(JAVA_LONG, at)).as("of another page").isZero();
    assertThat(caller.malloc(1)).isEqualTo(ENOMEM);
    allocator.upkeep(1, 1);
    long[] again = malloc(1);
    assertThat(ArenaAllocator.number(again[0])).isEqualTo(number);
    assertThat(wrong()).as("what was written there went with the memory").isZero();
    assertThat(ArenaAllocator.generation(again[0]))
        .as("generations go on")
        .isEqualTo(ArenaAllocator.generation(idx[0]) + 1);
    assertThat(allocator.block(idx[0])).isNull();
  }

  @Test
  void thousandsOfSpans() {
    int spans = 5000; // more than one word of the lists' second level has
    load(spans * SPAN, false);
    assertThat(allocator.upkeep(spans, spans)).isEqualTo(spans);
    List<long[]> all = new ArrayList<>();
    for (int i = 0; i < spans * SPAN / MAX; i++) {
      all.add(malloc(MAX));
    }
    assertThat(caller.malloc(1)).isEqualTo(Allocator.ENOSPC);
    assertThat(all).allMatch(ArenaPoolTest::isRun);
    assertThat(all.stream().mapToLong(idx -> idx[0]).distinct().count()).isEqualTo(all.size());
    all.forEach(this::free);
    assertThat(idleSpans()).isEqualTo(spans);
    assertThat(allocator.upkeep(0, 0)).isEqualTo(spans);
  }

  @Test
  void userSpaceSharesTheMemory() {
    load(SPAN, false);
    allocator.upkeep(1, 1);
    MemorySegment arena = allocator.mmap();
    assertThat(arena.address()).isEqualTo(ArenaAllocator.ADDRESS);
    assertThat(arena.byteSize()).isEqualTo(1L << 32);
    malloc(1);
    long index = malloc(1)[0];
    caller.poolUpdate("said by a program".getBytes(US_ASCII));
    MemorySegment block =
        arena.asSlice(
            ArenaAllocator.AT_BLOCKS + (long) ArenaAllocator.number(index) * BLOCK, BLOCK);
    assertThat(block.getString(0, US_ASCII)).isEqualTo("said by a program");
    block.setString(0, "said by user space", US_ASCII);
    assertThat(new String(allocator.block(index), US_ASCII)).startsWith("said by user space\0");
    assertThatThrownBy(allocator::mmap).as("once more").hasMessageContaining("EEXIST");
  }

  @Test
  void whatUserSpaceTouchedIsGivenMemoryAllTheSame() {
    load(SPAN, false);
    MemorySegment arena = allocator.mmap();
    arena.set(JAVA_LONG, ArenaAllocator.AT_BLOCKS, 1); // the page is there now
    assertThat(allocator.upkeep(1, 1)).isEqualTo(1);
    assertThat(malloc(MAX)).matches(ArenaPoolTest::isRun);
    assertThat(arena.get(JAVA_LONG, ArenaAllocator.AT_BLOCKS)).isZero();
  }

  @Test
  void aPoolThatDoesNotFitTheArenaGetsNoMemory() {
    int most = (int) (((1L << 32) - ArenaAllocator.AT_BLOCKS) / BLOCK);
    load(most, false);
    assertThat(allocator.upkeep(1, 1)).isEqualTo(1);
    allocator.close();
    load(most + 1, false);
    assertThat(allocator.upkeep(1, 1)).isEqualTo(EINVAL);
    assertThat(caller.malloc(1)).isEqualTo(ENOMEM);
    allocator.close();
    allocator = new ArenaAllocator(96, SPAN, false);
    assertThat(allocator.upkeep(1, 1)).isEqualTo(EINVAL);
  }

  // indexes

  @Test
  void generationsWrapAround() {
    load(SPAN, false);
    allocator.upkeep(1, 1);
    allocator.setRunsTaken(0, -3);
    List<Integer> generations = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      long[] idx = malloc(2);
      assertThat(idx).matches(ArenaPoolTest::isRun);
      generations.add(ArenaAllocator.generation(idx[0]));
      assertThat(allocator.block(idx[1])).isNotNull();
      free(idx);
      assertThat(allocator.block(idx[1])).isNull();
    }
    assertThat(generations).as("0 is none").containsExactly(-2, -1, 1, 2);
  }

  @Test
  void wrongIndexesNameNothing() {
    load(SPAN, true);
    allocator.upkeep(1, 1);
    long index = malloc(1)[0];
    long[] wrong = {
      0, 1, -1, index + 1, index - (1L << 32), index + (1L << 32), index | 1L << 31, index + SPAN
    };
    for (int i = 0; i < wrong.length; i++) {
      assertThat(allocator.block(wrong[i])).as("index %x", wrong[i]).isNull();
      assertThat(wrong()).isEqualTo(i + 1);
    }
    assertThat(allocator.block(index)).isNotNull();
    assertThat(wrong()).isEqualTo(wrong.length);
  }

  // debug

  @Test
  void aSecondFreeIsCountedAndDoesNothing() {
    load(SPAN, true);
    allocator.upkeep(1, 1);
    long[] idx = malloc(3);
    free(idx);
    assertThat(wrong()).isZero();
    long[] other = malloc(3); // in the same place
    free(idx);
    assertThat(wrong()).isEqualTo(3);
    assertThat(allocator.blocks().keySet())
        .containsExactlyInAnyOrderElementsOf(Arrays.stream(other).boxed().toList());
    assertThat(allocator.blocksInUse()).isEqualTo(3);
  }

  @Test
  void aWriteAfterFreeIsCountedAndNotGivenAway() {
    load(SPAN, true);
    allocator.upkeep(1, 1);
    long[] idx = malloc(3);
    caller.poolUpdate(new byte[] {1, 2, 3});
    free(idx);
    allocator.damage(ArenaAllocator.number(idx[2]), 9);
    malloc(2);
    assertThat(wrong()).isZero();
    malloc(1);
    assertThat(wrong()).isEqualTo(1);
    assertThat(caller.content()).isEqualTo(new byte[BLOCK]);
  }
}
