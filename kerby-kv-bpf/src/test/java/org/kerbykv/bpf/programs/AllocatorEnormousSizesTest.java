package org.kerbykv.bpf.programs;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.kerbykv.bpf.RequiresBPF;

/** Sizes of nearly 4 GiB, which are no small ones though some sums of theirs do not fit 32 bits. */
@RequiresBPF
@ParameterizedClass
@EnumSource(Allocator.Pool.class)
class AllocatorEnormousSizesTest {
  private static final int BLOCK = 64;
  private static final int HAVE = 3;

  private static Allocator allocator;

  private Allocator.Caller caller;
  private long[] idx;
  private byte[] content;

  @Parameter Allocator.Pool pool;

  @BeforeParameterizedClassInvocation
  static void load(Allocator.Pool pool) {
    allocator = pool.allocator(BLOCK, 40);
  }

  @AfterParameterizedClassInvocation
  static void unload() {
    allocator.close();
  }

  @BeforeEach
  void allocate() {
    allocator.clear();
    caller = allocator.caller(0);
    caller.malloc(HAVE * BLOCK);
    content = "sixteen letters.".repeat(HAVE * BLOCK / 16).getBytes(US_ASCII);
    caller.poolUpdate(content);
    idx = caller.blocks(HAVE);
  }

  private void asItWas() {
    caller.setIdx(idx);
    assertThat(caller.content()).isEqualTo(content);
    assertThat(allocator.blocks().keySet())
        .containsExactlyInAnyOrderElementsOf(Arrays.stream(idx).boxed().toList());
    assertThat(allocator.blocksInUse()).isEqualTo(HAVE);
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, -2, -BLOCK + 2, -BLOCK + 1, -BLOCK, -BLOCK - 1, Integer.MIN_VALUE})
  void areTooBig(int size) {
    caller.setIdx(LongStream.range(1, 1 + Allocator.MAX_BLOCKS).toArray());
    assertThat(caller.malloc(size)).isEqualTo(Allocator.E2BIG);
    caller.blocks(0);
    asItWas();

    assertThat(caller.resize(size)).isEqualTo(Allocator.E2BIG);
    assertThat(caller.blocks(HAVE)).isEqualTo(idx);
    asItWas();

    byte[] values = new byte[Allocator.MAX_BLOCKS * BLOCK];
    assertThat(caller.poolUpdate(values, size)).isEqualTo(Allocator.ENOSPC);
    asItWas();
  }
}
