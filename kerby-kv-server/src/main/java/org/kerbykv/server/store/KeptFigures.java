package org.kerbykv.server.store;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;

/**
 * What the stores of earlier processes have done, of the same maps: written down about once a
 * second, so that a kill costs what was counted since.
 *
 * <p>Thread-safe but for {@link #write}.
 */
final class KeptFigures {
  private static final int EVICTED = 0;
  private static final int EXPIRED = 1;
  private static final int DEMOTED = 2;
  private static final int PROMOTED = 3;
  private static final int LOST = 4;
  private static final int COUNT = 5;

  private final MemorySegment row;
  private final long[] before = new long[COUNT];

  /** Reads what was written last. */
  KeptFigures(MemorySegment row) {
    this.row = row;
    MemorySegment.copy(row, JAVA_LONG, 0, before, 0, COUNT);
  }

  /** Returns figures of this process with the counts of those before. */
  StoreFigures addedTo(StoreFigures now) {
    return new StoreFigures(
        now.kernelItems(),
        now.userItems(),
        now.kernelValueBytes(),
        now.userValueBytes(),
        now.userMemoryBytes(),
        now.userMemoryTakenBytes(),
        now.userMemoryLimitBytes(),
        now.evicted() + before[EVICTED],
        now.expired() + before[EXPIRED],
        now.demoted() + before[DEMOTED],
        now.promoted() + before[PROMOTED],
        now.lost() + before[LOST]);
  }

  /** Writes down figures that {@link #addedTo} made. */
  void write(StoreFigures all) {
    row.setAtIndex(JAVA_LONG, EVICTED, all.evicted());
    row.setAtIndex(JAVA_LONG, EXPIRED, all.expired());
    row.setAtIndex(JAVA_LONG, DEMOTED, all.demoted());
    row.setAtIndex(JAVA_LONG, PROMOTED, all.promoted());
    row.setAtIndex(JAVA_LONG, LOST, all.lost());
  }
}
