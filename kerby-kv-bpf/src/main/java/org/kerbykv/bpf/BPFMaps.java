package org.kerbykv.bpf;

import java.lang.foreign.MemorySegment;

/**
 * A set of open maps, by name. All of them, and the memory of {@link #mmap}, are closed with it. A
 * wrong name, or a type or size that is not the map's, is an {@link IllegalArgumentException}.
 */
public sealed interface BPFMaps extends AutoCloseable permits BPFProgram, BPFPinnedMaps {
  /** A hash map, LRU hash map or LPM trie. */
  <K, V> BPFHashMap<K, V> getHashMap(String name, BPFType<K> keyType, BPFType<V> valueType);

  /** An array. */
  <V> BPFArray<V> getArray(String name, BPFType<V> valueType);

  /** A per-CPU array. */
  <V> BPFPerCpuArray<V> getPerCpuArray(String name, BPFType<V> valueType);

  /**
   * The memory of an array with BPF_F_MMAPABLE, shared with the programs: element i starts at i
   * times the value's size rounded up to 8 bytes. Or all addresses of a BPF arena, at the address
   * that was set before loading, which has to be free (else a {@link BPFException}: EEXIST): what
   * is touched there and has no memory is given some, behind the programs' back. Usable from any
   * thread until close; later use throws {@link IllegalStateException}. Access it with the {@link
   * java.lang.invoke.VarHandle} mode that the programs' use of it asks for.
   */
  MemorySegment mmap(String name);

  /** The size of a map's values, for whoever must know it before the type. */
  int valueSize(String name);

  @Override
  void close();
}
