package org.kerbykv.loadgen.demo;

import java.nio.file.Path;
import java.util.List;

/**
 * What a store with slots of one size would take for files: a map element for each, with room for
 * the longest key and for a value of 1024 bytes. Longer values have no slot.
 */
final class SlotStore {
  private static final long VALUE_ROOM = 1024;
  private static final long KEY_ROOM = 256;

  /** What a BPF hash map keeps beside each value. */
  private static final long ELEMENT_OVERHEAD = 64;

  private SlotStore() {}

  /** Bytes of memory for a byte stored, of the files that fit a slot; NaN if none does. */
  static double bytesPerByte(List<Path> paths) {
    long slots = 0;
    long stored = 0;
    for (Path path : paths) {
      long size = path.toFile().length();
      if (size <= VALUE_ROOM) {
        slots++;
        stored += size;
      }
    }
    return stored == 0
        ? Double.NaN
        : (double) slots * (VALUE_ROOM + KEY_ROOM + ELEMENT_OVERHEAD) / stored;
  }
}
