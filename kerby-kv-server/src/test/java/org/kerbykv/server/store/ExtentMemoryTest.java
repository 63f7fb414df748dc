package org.kerbykv.server.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class ExtentMemoryTest {
  private static final int LIMIT = 2 * ExtentMemory.REGION_BYTES;

  /** An allocation with all of its payload set to one byte. */
  private record Filled(int head, int payload, byte pattern) {}

  @Property(tries = 50)
  void allocationsNeverOverlapAndAllMemoryComesBack(@ForAll long seed) {
    Random random = new Random(seed);
    try (ExtentMemory memory = new ExtentMemory(LIMIT)) {
      List<Filled> live = new ArrayList<>();
      for (int i = 0; i < 500; i++) {
        if (random.nextInt(3) > 0) {
          int payload = 1 + random.nextInt(1 << random.nextInt(19));
          int head = memory.allocate(payload);
          if (head != 0) {
            live.add(fill(memory, new Filled(head, payload, (byte) random.nextInt())));
          }
        } else if (!live.isEmpty()) {
          Filled filled = live.remove(random.nextInt(live.size()));
          check(memory, filled);
          memory.free(filled.head);
        }
      }
      long used = 0;
      for (Filled filled : live) {
        used += extentBytes(memory, filled.head);
      }
      assertThat(memory.usedBytes()).isEqualTo(used);
      for (Filled filled : live) {
        check(memory, filled);
        memory.free(filled.head);
      }
      assertThat(memory.usedBytes()).isZero();
      assertThat(memory.allocate(LIMIT - (LIMIT >> 6))).as("merged again").isNotZero();
    }
  }

  @Test
  void usesMemoryToTheLastUnit() {
    try (ExtentMemory memory = new ExtentMemory(ExtentMemory.REGION_BYTES)) {
      int allocated = 0;
      while (memory.allocate(1) != 0) {
        allocated++;
      }
      assertThat(allocated).isEqualTo(ExtentMemory.REGION_BYTES / ExtentMemory.UNIT_BYTES - 1);
    }
  }

  @Test
  void largeAllocationIsMadeOfScatteredUnits() {
    try (ExtentMemory memory = new ExtentMemory(ExtentMemory.REGION_BYTES)) {
      List<Integer> heads = new ArrayList<>();
      for (int head = memory.allocate(1); head != 0; head = memory.allocate(1)) {
        heads.add(head);
      }
      for (int i = 0; i < heads.size(); i += 2) {
        memory.free(heads.get(i));
      }
      int payload = 56 * 1000;
      Filled scattered = fill(memory, new Filled(memory.allocate(payload), payload, (byte) 7));
      check(memory, scattered);
      assertThat(extentBytes(memory, scattered.head)).isEqualTo(1000L * 64);
    }
  }

  @Test
  void failureTakesNothing() {
    try (ExtentMemory memory = new ExtentMemory(ExtentMemory.REGION_BYTES)) {
      List<Integer> heads = new ArrayList<>();
      for (int head = memory.allocate(1); head != 0; head = memory.allocate(1)) {
        heads.add(head);
      }
      for (int i = 0; i < 20; i += 2) {
        memory.free(heads.get(i));
      }
      long used = memory.usedBytes();
      // Fits as one extent, but not as ten, each with a header.
      assertThat(memory.allocate(10 * 64 - 8)).isZero();
      assertThat(memory.usedBytes()).isEqualTo(used);
      assertThat(memory.allocate(10 * 56)).isNotZero();
    }
  }

  @Test
  void wastesLessThanAUnitAndAHeaderPerExtent() {
    try (ExtentMemory memory = new ExtentMemory(LIMIT)) {
      for (int payload : new int[] {1, 56, 57, 120, 1000, 1400, 65528, 65529, 1 << 20}) {
        int head = memory.allocate(payload);
        int extents = 0;
        for (int extent = head; extent != 0; extent = memory.next(extent)) {
          extents++;
        }
        assertThat(extentBytes(memory, head))
            .as("payload %d in %d extents", payload, extents)
            .isLessThan(payload + 64L + extents * 8L);
      }
    }
  }

  private static long extentBytes(ExtentMemory memory, int head) {
    long sum = 0;
    for (int extent = head; extent != 0; extent = memory.next(extent)) {
      sum += memory.extentBytes(extent);
    }
    return sum;
  }

  private static Filled fill(ExtentMemory memory, Filled filled) {
    walk(memory, filled, (region, at) -> region.set(ValueLayout.JAVA_BYTE, at, filled.pattern));
    return filled;
  }

  private static void check(ExtentMemory memory, Filled filled) {
    walk(
        memory,
        filled,
        (region, at) ->
            assertThat(region.get(ValueLayout.JAVA_BYTE, at)).isEqualTo(filled.pattern));
  }

  private interface Visitor {
    void visit(MemorySegment region, long at);
  }

  private static void walk(ExtentMemory memory, Filled filled, Visitor visitor) {
    int left = filled.payload;
    int extent = filled.head;
    while (left > 0) {
      assertThat(extent).as("chain covers the payload").isNotZero();
      int room = memory.extentBytes(extent) - ExtentMemory.EXTENT_HEADER_BYTES;
      long from = ExtentMemory.offset(extent) + ExtentMemory.EXTENT_HEADER_BYTES;
      for (int i = 0; i < Math.min(room, left); i++) {
        visitor.visit(memory.region(extent), from + i);
      }
      left -= room;
      extent = memory.next(extent);
    }
    assertThat(extent).as("chain ends with the payload").isZero();
  }
}
