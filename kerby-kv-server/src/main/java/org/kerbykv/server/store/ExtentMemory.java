package org.kerbykv.server.store;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Off-heap memory, bounded to the byte, in which an allocation is a chain of extents.
 *
 * <p>A buddy system hands out extents of 64 bytes to 64 KiB. An allocation takes the few extents
 * that add up to its size and falls back to smaller ones where larger ones are gone, so it succeeds
 * as long as enough units are free anywhere: there is no external fragmentation to fail on and no
 * slab class to be stuck in, and only the last unit of a chain is partly empty.
 *
 * <p>An extent is named by the index of its first unit, counted over all regions; 0 names none.
 * Every extent starts with {@value #EXTENT_HEADER_BYTES} bytes: the next extent of its chain (int)
 * and its order (byte); the three bytes after that are the owner's. Memory is taken from the
 * operating system a region at a time, when first needed.
 *
 * <p>Thread-safe. What is inside an allocation is its owner's to guard.
 */
final class ExtentMemory implements AutoCloseable {
  static final int UNIT_BYTES = 64;
  static final int EXTENT_HEADER_BYTES = 8;
  static final int ORDER_MAX = 10;
  static final int REGION_BYTES = 4 << 20;

  private static final int UNIT_SHIFT = 6;
  private static final int REGION_UNIT_SHIFT = 16;
  private static final int REGION_UNITS = 1 << REGION_UNIT_SHIFT;
  private static final int REGION_UNIT_MASK = REGION_UNITS - 1;
  private static final int NEXT = 0;
  private static final int ORDER = 4;

  /** In a free extent, where an allocated one has its owner's bytes: the list's back link. */
  private static final int FREE_PREVIOUS = 8;

  private final Arena arena = Arena.ofShared();
  private final int regionsMax;
  private final int[] freeHeads = new int[ORDER_MAX + 1];
  private final List<byte[]> freeOrders = new ArrayList<>();
  private volatile MemorySegment[] regions = {};
  private long freeUnits;
  private boolean systemExhausted;

  /**
   * Makes an empty memory.
   *
   * @param limitBytes most bytes ever taken from the system, rounded down to whole regions of 4 MiB
   *     but at least one; at most 64 GiB
   */
  ExtentMemory(long limitBytes) {
    long regionCount = Math.max(1, limitBytes / REGION_BYTES);
    if (regionCount > Integer.MAX_VALUE >>> REGION_UNIT_SHIFT) {
      throw new IllegalArgumentException("memory limit above 64 GiB: " + limitBytes);
    }
    regionsMax = (int) regionCount;
  }

  /** Returns the most bytes that can be in use, in bytes. */
  long limitBytes() {
    return (long) regionsMax * REGION_BYTES;
  }

  /** Returns the bytes taken from the system: whole regions of {@value #REGION_BYTES}. */
  long takenBytes() {
    return (long) regions.length * REGION_BYTES;
  }

  /** Returns the bytes of all extents that are allocated now. */
  synchronized long usedBytes() {
    return ((long) regions.length * REGION_UNITS - reservedUnits() - freeUnits) << UNIT_SHIFT;
  }

  /**
   * Allocates a chain with room for {@code payloadBytes} beside its extents' headers.
   *
   * @return the first extent, or 0 when not enough memory is free
   */
  synchronized int allocate(long payloadBytes) {
    if (!reserve(payloadBytes)) {
      return 0;
    }
    int head = 0;
    int last = 0;
    long remaining = payloadBytes;
    do {
      int extent = takeExtent(wantedOrder(remaining));
      if (extent == 0) {
        // The estimate was for the best case: many small extents have more headers.
        if (head != 0) {
          freeChain(head);
        }
        return 0;
      }
      if (head == 0) {
        head = extent;
      } else {
        setNext(last, extent);
      }
      last = extent;
      remaining -= extentBytes(extent) - EXTENT_HEADER_BYTES;
    } while (remaining > 0);
    return head;
  }

  /** Frees the whole chain that starts with this extent. */
  synchronized void free(int head) {
    freeChain(head);
  }

  /** Returns the region in which an extent lies. */
  MemorySegment region(int extent) {
    return regions[extent >>> REGION_UNIT_SHIFT];
  }

  /** Returns where in its region an extent starts. */
  static long offset(int extent) {
    return (long) (extent & REGION_UNIT_MASK) << UNIT_SHIFT;
  }

  /** Returns the extent after this one in its chain, or 0. */
  int next(int extent) {
    return region(extent).get(ValueLayout.JAVA_INT, offset(extent) + NEXT);
  }

  /** Returns the size of an extent with its header. */
  int extentBytes(int extent) {
    return UNIT_BYTES << region(extent).get(ValueLayout.JAVA_BYTE, offset(extent) + ORDER);
  }

  /** Gives all memory back. No extent may be used any more. */
  @Override
  public void close() {
    arena.close();
  }

  private boolean reserve(long payloadBytes) {
    long units = (payloadBytes + EXTENT_HEADER_BYTES + UNIT_BYTES - 1) >>> UNIT_SHIFT;
    while (freeUnits < units) {
      if (!addRegion()) {
        return false;
      }
    }
    return true;
  }

  private boolean addRegion() {
    MemorySegment[] old = regions;
    if (old.length == regionsMax || systemExhausted) {
      return false;
    }
    MemorySegment region;
    try {
      region = arena.allocate(REGION_BYTES, UNIT_BYTES);
    } catch (OutOfMemoryError e) {
      systemExhausted = true;
      return false;
    }
    MemorySegment[] grown = Arrays.copyOf(old, old.length + 1);
    grown[old.length] = region;
    freeOrders.add(new byte[REGION_UNITS]);
    regions = grown;
    int step = 1 << ORDER_MAX;
    int base = old.length << REGION_UNIT_SHIFT;
    if (old.length == 0) {
      // Unit 0 is never handed out, because 0 means none: cut the first extent up.
      for (int order = 0; order < ORDER_MAX; order++) {
        putFree(1 << order, order);
      }
    } else {
      putFree(base, ORDER_MAX);
    }
    for (int unit = step; unit < REGION_UNITS; unit += step) {
      putFree(base + unit, ORDER_MAX);
    }
    return true;
  }

  private long reservedUnits() {
    return regions.length == 0 ? 0 : 1;
  }

  private static int wantedOrder(long remaining) {
    long units = (remaining + EXTENT_HEADER_BYTES + UNIT_BYTES - 1) >>> UNIT_SHIFT;
    return Math.min(ORDER_MAX, 63 - Long.numberOfLeadingZeros(units));
  }

  /** Takes an extent of the order, or splits a larger one, or else takes the next smaller. */
  private int takeExtent(int order) {
    for (int o = order; o <= ORDER_MAX; o++) {
      if (freeHeads[o] != 0) {
        return split(removeFree(freeHeads[o], o), o, order);
      }
    }
    for (int o = order - 1; o >= 0; o--) {
      if (freeHeads[o] != 0) {
        return split(removeFree(freeHeads[o], o), o, o);
      }
    }
    return addRegion() ? takeExtent(order) : 0;
  }

  private int split(int extent, int from, int to) {
    for (int order = from - 1; order >= to; order--) {
      putFree(extent + (1 << order), order);
    }
    MemorySegment region = region(extent);
    region.set(ValueLayout.JAVA_INT, offset(extent) + NEXT, 0);
    region.set(ValueLayout.JAVA_BYTE, offset(extent) + ORDER, (byte) to);
    return extent;
  }

  private void freeChain(int head) {
    for (int extent = head; extent != 0; ) {
      MemorySegment region = region(extent);
      int next = region.get(ValueLayout.JAVA_INT, offset(extent) + NEXT);
      merge(extent, region.get(ValueLayout.JAVA_BYTE, offset(extent) + ORDER));
      extent = next;
    }
  }

  private void merge(int extent, int extentOrder) {
    byte[] orders = freeOrders.get(extent >>> REGION_UNIT_SHIFT);
    int order = extentOrder;
    int merged = extent;
    while (order < ORDER_MAX) {
      int buddy = merged ^ (1 << order);
      if (orders[buddy & REGION_UNIT_MASK] != order + 1) {
        break;
      }
      removeFree(buddy, order);
      merged &= ~(1 << order);
      order++;
    }
    putFree(merged, order);
  }

  private void putFree(int extent, int order) {
    freeOrders.get(extent >>> REGION_UNIT_SHIFT)[extent & REGION_UNIT_MASK] = (byte) (order + 1);
    int head = freeHeads[order];
    setNext(extent, head);
    setPrevious(extent, 0);
    if (head != 0) {
      setPrevious(head, extent);
    }
    freeHeads[order] = extent;
    freeUnits += 1L << order;
  }

  private int removeFree(int extent, int order) {
    freeOrders.get(extent >>> REGION_UNIT_SHIFT)[extent & REGION_UNIT_MASK] = 0;
    int next = next(extent);
    int previous = region(extent).get(ValueLayout.JAVA_INT, offset(extent) + FREE_PREVIOUS);
    if (previous == 0) {
      freeHeads[order] = next;
    } else {
      setNext(previous, next);
    }
    if (next != 0) {
      setPrevious(next, previous);
    }
    freeUnits -= 1L << order;
    return extent;
  }

  private void setNext(int extent, int next) {
    region(extent).set(ValueLayout.JAVA_INT, offset(extent) + NEXT, next);
  }

  private void setPrevious(int extent, int previous) {
    region(extent).set(ValueLayout.JAVA_INT, offset(extent) + FREE_PREVIOUS, previous);
  }
}
