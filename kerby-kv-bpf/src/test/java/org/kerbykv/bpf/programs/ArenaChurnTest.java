package org.kerbykv.bpf.programs;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFTestRun;
import org.kerbykv.bpf.BTFLayout;
import org.kerbykv.bpf.RequiresBPF;

/**
 * Many allocations of changing sizes in an arena: what is held is what its owner left, nothing is
 * lost, and runs stay long. How many: {@code -Dkerby.arena.operations=100000000}.
 */
@RequiresBPF
class ArenaChurnTest {
  private static final int BLOCK = 64;
  private static final int SPAN = ArenaAllocator.SPAN;
  private static final long OPERATIONS = Long.getLong("kerby.arena.operations", 2_000_000L);
  private static final int AT_ONCE = 10_000;

  /** CHURN_HELD of the program. */
  private static final int HELD = 256;

  private static final int XDP_DROP = 1;

  private static final BTFLayout.Struct CHURN =
      BTFLayout.read(BPFProgram.class, "allocator_arena.bpf.o").struct("churn");

  private final long seed = Long.getLong("kerby.seed", System.nanoTime());

  /** A thread's share of the load. */
  private static final class Churn {
    private final MemorySegment state;
    private final MemorySegment args = Arena.ofAuto().allocate(2L * Integer.BYTES);
    private final BPFTestRun run;

    Churn(ArenaAllocator allocator, int number, long random) {
      state = allocator.program().mmap("churns").asSlice(number * CHURN.size(), CHURN.size());
      state.set(JAVA_LONG, CHURN.member("random").offset(), random | 1);
      args.set(JAVA_INT, 0, number);
      args.set(JAVA_INT, Integer.BYTES, AT_ONCE);
      run = allocator.program().testRun("churn");
    }

    /**
     * Sizes of what is allocated from now on.
     *
     * @param mask the most that they differ by: a power of two less one
     */
    void sizes(int min, int mask) {
      state.set(JAVA_INT, CHURN.member("size_min").offset(), min);
      state.set(JAVA_INT, CHURN.member("size_mask").offset(), mask);
    }

    void run() {
      assertThat(run.run(args)).isZero();
    }

    long count(String member) {
      return state.get(JAVA_LONG, CHURN.member(member).offset());
    }

    /** The indexes that it holds. */
    List<Long> held() {
      List<Long> held = new ArrayList<>();
      long each = (1L + Allocator.MAX_BLOCKS) * Long.BYTES;
      for (int i = 0; i < HELD; i++) {
        for (int j = 0; j < Allocator.MAX_BLOCKS; j++) {
          held.add(
              state.get(
                  JAVA_LONG, CHURN.member("held").offset() + i * each + (1L + j) * Long.BYTES));
        }
      }
      held.removeIf(index -> index == 0);
      return held;
    }
  }

  @Test
  void changingSizesDoNotWearThePoolOut(TestReporter reporter) {
    int capacity = 60 * SPAN; // five in six are taken while the largest sizes are
    try (ArenaAllocator allocator = new ArenaAllocator(BLOCK, capacity, false)) {
      allocator.upkeep(capacity, capacity);
      Churn churn = new Churn(allocator, 0, seed);
      int[][] sizes = {{1, 1023}, {1, 127}, {512, 511}, {1, 1023}};
      long[] runsBefore = null;
      for (long i = 0; i < OPERATIONS / AT_ONCE; i++) {
        int[] size = sizes[(int) (i * 40 * AT_ONCE / OPERATIONS % sizes.length)];
        churn.sizes(size[0], size[1]);
        churn.run();
        if (i == OPERATIONS / AT_ONCE / 2) {
          runsBefore = new long[] {churn.count("runs"), churn.count("operations")};
        }
      }
      long operations = churn.count("operations");
      double runs = (double) churn.count("runs") / operations;
      double runsLate =
          (double) (churn.count("runs") - runsBefore[0]) / (operations - runsBefore[1]);
      reporter.publishEntry(
          "%,d allocations, %.4f runs each, in the second half %.4f"
              .formatted(operations, runs, runsLate));
      nothingIsLost(allocator, List.of(churn));
      assertThat(churn.count("refused")).isZero();
      assertThat(churn.count("without_memory")).isZero();
      assertThat(runs).as("runs of an allocation, seed %d", seed).isLessThan(1.02);
      assertThat(runsLate).as("and no more after a while").isLessThan(runs * 1.01);
    }
  }

  @Test
  void manyAtOnceWhileMemoryComesAndGoes() throws Exception {
    int threads = 3;
    int capacity = threads * 30 * SPAN;
    try (ArenaAllocator allocator = new ArenaAllocator(BLOCK, capacity, false);
        ExecutorService executor = Executors.newFixedThreadPool(threads + 2)) {
      Random random = new Random(seed);
      List<Churn> churns = new ArrayList<>();
      List<Callable<Void>> work = new ArrayList<>();
      for (int i = 0; i < threads; i++) {
        Churn churn = new Churn(allocator, i, random.nextLong());
        churn.sizes(1, 1023);
        churns.add(churn);
        work.add(
            () -> {
              for (long done = 0; done < OPERATIONS / 4; done += AT_ONCE) {
                churn.run();
              }
              return null;
            });
      }
      Churn packets = new Churn(allocator, 7, random.nextLong());
      packets.sizes(1, 255);
      churns.add(packets);
      AtomicBoolean isOver = new AtomicBoolean();
      Future<?> upkeep =
          executor.submit(
              () -> {
                while (!isOver.get()) {
                  allocator.upkeep(8, 8);
                  allocator.upkeep(1, 1);
                }
              });
      Future<?> receiving =
          executor.submit(
              () -> {
                MemorySegment frame = Arena.ofAuto().allocate(64);
                BPFTestRun packet = allocator.program().testRun("churn_packet");
                while (!isOver.get()) {
                  assertThat(packet.run(frame, 1000).retval()).isEqualTo(XDP_DROP);
                }
              });
      for (Future<Void> end : executor.invokeAll(work)) {
        end.get();
      }
      isOver.set(true);
      upkeep.get();
      receiving.get();
      nothingIsLost(allocator, churns);
      assertThat(packets.count("operations")).isPositive();
    }
  }

  private void nothingIsLost(ArenaAllocator allocator, List<Churn> churns) {
    List<Long> held = new ArrayList<>();
    for (Churn churn : churns) {
      assertThat(churn.count("damaged")).as("seed %d", seed).isZero();
      held.addAll(churn.held());
    }
    assertThat(allocator.blocks().keySet())
        .as("seed %d", seed)
        .containsExactlyInAnyOrderElementsOf(held);
    assertThat(allocator.blocksInUse()).isEqualTo(held.size());
    allocator.clear();
    long spans = allocator.state("spans");
    assertThat(allocator.state("spans_idle")).isEqualTo(spans);
    assertThat(allocator.upkeep(0, 0)).as("all are found idle").isEqualTo(spans);
  }
}
