package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.From;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/** Any sequence of calls to the allocator does what a plain model of it does. */
@AddLifecycleHook(SkipWithoutBPF.class)
class AllocatorModelTest {
  private static final int BLOCK = 64;
  private static final int CAPACITY = 40;
  private static final int ALLOCATIONS = 4;

  private static Map<Allocator.Pool, Allocator> allocators;

  @BeforeContainer
  static void load() {
    allocators = new EnumMap<>(Allocator.Pool.class);
    for (Allocator.Pool pool : Allocator.Pool.values()) {
      allocators.put(pool, pool.allocator(BLOCK, CAPACITY));
    }
  }

  @AfterContainer
  static void unload() {
    allocators.values().forEach(Allocator::close);
  }

  /** One call on one of the allocations. */
  sealed interface Step {
    record Malloc(int allocation, int size) implements Step {}

    record Resize(int allocation, int size) implements Step {}

    record Free(int allocation) implements Step {}

    record Write(int allocation, int size, byte seed) implements Step {}
  }

  @Provide
  Arbitrary<Step> steps() {
    Arbitrary<Integer> allocation = Arbitraries.integers().between(0, ALLOCATIONS - 1);
    Arbitrary<Integer> size =
        Arbitraries.integers().between(0, Allocator.MAX_BLOCKS * BLOCK + BLOCK);
    return Arbitraries.oneOf(
        Combinators.combine(allocation, size).as(Step.Malloc::new),
        Combinators.combine(allocation, size).as(Step.Resize::new),
        allocation.map(Step.Free::new),
        Combinators.combine(allocation, size, Arbitraries.bytes()).as(Step.Write::new));
  }

  @Property(tries = 200, shrinking = ShrinkingMode.BOUNDED)
  void hashPoolBehavesAsTheModel(@ForAll @Size(max = 60) List<@From("steps") Step> steps) {
    behavesAsTheModel(allocators.get(Allocator.Pool.HASH), steps);
  }

  @Property(tries = 200, shrinking = ShrinkingMode.BOUNDED)
  void arenaPoolBehavesAsTheModel(@ForAll @Size(max = 60) List<@From("steps") Step> steps) {
    behavesAsTheModel(allocators.get(Allocator.Pool.ARENA), steps);
  }

  private static void behavesAsTheModel(Allocator allocator, List<Step> steps) {
    allocator.clear();
    Model model = new Model();
    Allocator.Caller caller = allocator.caller(0);
    long[][] real = new long[ALLOCATIONS][Allocator.MAX_BLOCKS];
    for (Step step : steps) {
      switch (step) {
        case Step.Malloc(int a, int size) -> {
          real[a] = free(caller, real[a]);
          model.free(a);
          caller.setIdx(real[a]);
          assertThat(caller.malloc(size)).isEqualTo(model.malloc(a, size));
          real[a] = caller.idx();
        }
        case Step.Resize(int a, int size) -> {
          caller.setIdx(real[a]);
          assertThat(caller.resize(size)).isEqualTo(model.resize(a, size));
          real[a] = caller.idx();
        }
        case Step.Free(int a) -> {
          real[a] = free(caller, real[a]);
          model.free(a);
        }
        case Step.Write(int a, int size, byte seed) -> {
          byte[] values = new byte[size];
          Arrays.fill(values, seed);
          caller.setIdx(real[a]);
          assertThat(
                  caller.poolUpdate(
                      Arrays.copyOf(values, Math.min(size, Allocator.MAX_BLOCKS * BLOCK)), size))
              .isEqualTo(model.write(a, values));
        }
      }
      model.agreesWith(allocator, real);
    }
  }

  private static long[] free(Allocator.Caller caller, long[] idx) {
    caller.setIdx(idx);
    caller.free();
    return caller.idx();
  }

  /** The allocator as it is described, without indexes. */
  private static final class Model {
    private final byte[][] allocations = new byte[ALLOCATIONS][0]; // whole blocks
    private long[][] before = new long[ALLOCATIONS][Allocator.MAX_BLOCKS];
    private final Set<Long> given = new HashSet<>();

    long malloc(int a, int size) {
      return resize(a, size);
    }

    long resize(int a, int size) {
      int blocks = (size + BLOCK - 1) / BLOCK;
      int have = allocations[a].length / BLOCK;
      if (blocks > Allocator.MAX_BLOCKS) {
        return Allocator.E2BIG;
      }
      if (blocks > have && inUse() + blocks - have > CAPACITY) {
        return Allocator.ENOSPC;
      }
      allocations[a] = Arrays.copyOf(allocations[a], blocks * BLOCK);
      return blocks;
    }

    void free(int a) {
      allocations[a] = new byte[0];
      before[a] = new long[Allocator.MAX_BLOCKS];
    }

    long write(int a, byte[] values) {
      int blocks = (values.length + BLOCK - 1) / BLOCK;
      if (blocks > allocations[a].length / BLOCK) {
        return Allocator.ENOSPC;
      }
      System.arraycopy(values, 0, allocations[a], 0, values.length);
      return 0;
    }

    private int inUse() {
      return Arrays.stream(allocations).mapToInt(a -> a.length / BLOCK).sum();
    }

    /** Blocks that stay keep their index; new ones have one that never was. */
    void agreesWith(Allocator allocator, long[][] real) {
      Map<Long, byte[]> expected = new TreeMap<>();
      for (int a = 0; a < ALLOCATIONS; a++) {
        for (int i = 0; i < Allocator.MAX_BLOCKS; i++) {
          long index = real[a][i];
          if (i >= allocations[a].length / BLOCK) {
            assertThat(index).isZero();
            continue;
          }
          if (index != before[a][i]) {
            assertThat(before[a][i]).as("a block that stays keeps its index").isZero();
            assertThat(given.add(index)).as("an index never used before").isTrue();
          }
          expected.put(index, Arrays.copyOfRange(allocations[a], i * BLOCK, (i + 1) * BLOCK));
        }
      }
      before = Arrays.stream(real).map(long[]::clone).toArray(long[][]::new);
      Map<Long, byte[]> blocks = allocator.blocks();
      assertThat(blocks.keySet()).isEqualTo(expected.keySet());
      expected.forEach((index, block) -> assertThat(blocks.get(index)).isEqualTo(block));
      assertThat(allocator.blocksInUse()).isEqualTo(expected.size());
    }
  }
}
