package org.kerbykv.bpf.programs;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;

/**
 * The pool's map refuses a block that the allocator has reserved room for, as it does when the
 * kernel has no memory. Here the map is smaller than the allocator was told.
 */
@RequiresBPF
class AllocatorFailureTest {
  private static final int BLOCK = 64;
  private static final int POOL_ENTRIES = 10;

  private final Allocator allocator = new HashAllocator(BLOCK, 100, POOL_ENTRIES);
  private final Allocator.Caller caller = allocator.caller(0);

  @AfterEach
  void unload() {
    allocator.close();
  }

  @Test
  void mallocThatFailsHalfWayGivesBackWhatItTook() {
    for (int blocks = POOL_ENTRIES + 1; blocks <= Allocator.MAX_BLOCKS; blocks++) {
      caller.setIdx(1, 2, 3);
      assertThat(caller.malloc(blocks * BLOCK)).isEqualTo(Allocator.E2BIG);
      caller.blocks(0);
      assertThat(allocator.blocks()).isEmpty();
      assertThat(allocator.blocksInUse()).isZero();
    }
    assertThat(caller.malloc(POOL_ENTRIES * BLOCK)).isEqualTo(POOL_ENTRIES);
    assertThat(allocator.blocks()).hasSize(POOL_ENTRIES);
    assertThat(allocator.blocksInUse()).isEqualTo(POOL_ENTRIES);
    caller.setIdx();
    assertThat(caller.malloc(1)).as("fails at once").isEqualTo(Allocator.E2BIG);
    caller.blocks(0);
    assertThat(allocator.blocksInUse()).isEqualTo(POOL_ENTRIES);
  }

  @Test
  void resizeThatFailsHalfWayLeavesTheAllocationAsItWas() {
    for (int have = 1; have <= POOL_ENTRIES; have++) {
      caller.malloc(have * BLOCK);
      byte[] content =
          "what stays, again and again".repeat(100).substring(0, have * BLOCK).getBytes(US_ASCII);
      assertThat(caller.poolUpdate(content)).isZero();
      long[] idx = caller.blocks(have);

      assertThat(caller.resize(Allocator.MAX_BLOCKS * BLOCK)).isEqualTo(Allocator.E2BIG);

      assertThat(caller.blocks(have)).isEqualTo(idx);
      assertThat(caller.content()).isEqualTo(content);
      assertThat(allocator.blocks()).hasSize(have);
      assertThat(allocator.blocksInUse()).isEqualTo(have);
      assertThat(caller.resize(POOL_ENTRIES * BLOCK)).isEqualTo(POOL_ENTRIES);
      caller.free();
      assertThat(allocator.blocksInUse()).isZero();
    }
  }
}
