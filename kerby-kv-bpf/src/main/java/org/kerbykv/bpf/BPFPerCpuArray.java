package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * BPF_MAP_TYPE_PERCPU_ARRAY: each element has one value for every possible CPU (which may be more
 * than are present). The values of one call are read one CPU after the other, while programs run.
 *
 * @param <V> the Java side of one CPU's value
 */
public final class BPFPerCpuArray<V> extends BPFMap {
  private final BPFType<V> valueType;
  private final int cpus;

  BPFPerCpuArray(MapHandle handle, BPFType<V> valueType) {
    super(handle);
    handle.requireType("a per-CPU array", MapHandle.TYPE_PERCPU_ARRAY);
    handle.requireValue(valueType);
    this.valueType = valueType;
    this.cpus = LibBPF.numPossibleCpus();
    if (cpus < 0) {
      throw new BPFException("count the possible CPUs", -cpus);
    }
  }

  /** How many CPUs the kernel keeps values for. */
  public int cpus() {
    return cpus;
  }

  /**
   * The values of the element at {@code index}, by CPU number.
   *
   * @throws IndexOutOfBoundsException unless 0 <= index < {@link #maxEntries()}
   */
  public List<V> get(long index) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = lookup(arena, index);
      List<V> byCpu = new ArrayList<>(cpus);
      for (int cpu = 0; cpu < cpus; cpu++) {
        byCpu.add(valueType.read(values, cpu * handle.stride()));
      }
      return byCpu;
    }
  }

  /**
   * Sets the values of the element at {@code index}, by CPU number. A program that counts in it
   * meanwhile may undo that on its CPU.
   *
   * @param byCpu {@link #cpus()} values
   * @throws IndexOutOfBoundsException unless 0 <= index < {@link #maxEntries()}
   */
  public void set(long index, List<V> byCpu) {
    Objects.checkIndex(index, maxEntries());
    if (byCpu.size() != cpus) {
      throw new IllegalArgumentException(byCpu.size() + " values for " + cpus + " CPUs");
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = arena.allocate(cpus * handle.stride(), Long.BYTES);
      for (int cpu = 0; cpu < cpus; cpu++) {
        valueType.write(values, cpu * handle.stride(), byCpu.get(cpu));
      }
      updateElement(arena.allocateFrom(JAVA_INT, (int) index), values, MapHandle.ANY);
    }
  }

  /**
   * For elements made of 64-bit counters: each counter summed over the CPUs.
   *
   * @param sums overwritten; as many counters as {@link #valueSize()} has whole words
   * @throws IndexOutOfBoundsException unless 0 <= index < {@link #maxEntries()}
   */
  public void sumWords(long index, long[] sums) {
    int words = valueSize() / Long.BYTES;
    if (sums.length != words) {
      throw new IllegalArgumentException(sums.length + " sums for " + words + " counters");
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = lookup(arena, index);
      Arrays.fill(sums, 0);
      for (int cpu = 0; cpu < cpus; cpu++) {
        long base = cpu * handle.stride();
        for (int word = 0; word < words; word++) {
          sums[word] += values.get(JAVA_LONG, base + (long) word * Long.BYTES);
        }
      }
    }
  }

  private MemorySegment lookup(Arena arena, long index) {
    Objects.checkIndex(index, maxEntries());
    MemorySegment values = arena.allocate(cpus * handle.stride(), Long.BYTES);
    lookupElement(arena.allocateFrom(JAVA_INT, (int) index), values);
    return values;
  }
}
