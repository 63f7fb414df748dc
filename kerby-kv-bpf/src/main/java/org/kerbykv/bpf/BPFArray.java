package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * BPF_MAP_TYPE_ARRAY: elements 0 to {@link #maxEntries()} - 1, all there from the start, zero. Each
 * operation is one system call; for arrays with BPF_F_MMAPABLE see {@link BPFMaps#mmap}.
 *
 * @param <V> the Java side of an element
 */
public final class BPFArray<V> extends BPFMap {
  private final BPFType<V> valueType;

  BPFArray(MapHandle handle, BPFType<V> valueType) {
    super(handle);
    handle.requireType("an array", MapHandle.TYPE_ARRAY);
    handle.requireValue(valueType);
    this.valueType = valueType;
  }

  /**
   * The element at {@code index}.
   *
   * @throws IndexOutOfBoundsException unless 0 <= index < {@link #maxEntries()}
   */
  public V get(long index) {
    Objects.checkIndex(index, maxEntries());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = room(arena, valueType);
      lookupElement(arena.allocateFrom(JAVA_INT, (int) index), value);
      return valueType.read(value, 0);
    }
  }

  /**
   * Sets the element at {@code index}.
   *
   * @throws IndexOutOfBoundsException unless 0 <= index < {@link #maxEntries()}
   */
  public void set(long index, V value) {
    Objects.checkIndex(index, maxEntries());
    try (Arena arena = Arena.ofConfined()) {
      updateElement(
          arena.allocateFrom(JAVA_INT, (int) index),
          encode(arena, valueType, value),
          MapHandle.ANY);
    }
  }
}
