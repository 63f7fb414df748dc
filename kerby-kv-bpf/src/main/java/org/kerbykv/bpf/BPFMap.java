package org.kerbykv.bpf;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/**
 * A BPF map. It belongs to the {@link BPFProgram} or {@link BPFPinnedMaps} it was got from and is
 * closed with that; from then on its methods throw {@link IllegalStateException}. Usable from any
 * thread.
 */
public abstract sealed class BPFMap permits BPFHashMap, BPFArray, BPFPerCpuArray, BPFArrayOfQueues {
  final MapHandle handle;

  BPFMap(MapHandle handle) {
    this.handle = handle;
  }

  /** The name it was looked up by. */
  public final String name() {
    return handle.name();
  }

  /** The most elements it can hold (of an array: its length). */
  public final long maxEntries() {
    return handle.info().maxEntries();
  }

  /** The size of a key, in bytes. */
  public final int keySize() {
    return handle.info().keySize();
  }

  /** The size of a value, in bytes. */
  public final int valueSize() {
    return handle.info().valueSize();
  }

  /** The kernel's id of the map, the one that {@code bpftool map} shows. */
  public final int id() {
    return handle.info().id();
  }

  /**
   * Pins the map: it outlives this process, until the file is removed.
   *
   * @param file to be created, in a mounted BPF file system
   */
  public final void pin(Path file) {
    Pins.pin(handle.fd(), "map " + handle.name(), file);
  }

  /** One lookup. Whether there was such an element; if so, {@code value} holds it. */
  final boolean lookupElement(MemorySegment key, MemorySegment value) {
    int result = BPFCalls.mapLookup(handle.fd(), key, value);
    if (result == -Errno.ENOENT) {
      return false;
    }
    return succeeded("look up in", result);
  }

  final void updateElement(MemorySegment key, MemorySegment value, long flags) {
    succeeded("update", BPFCalls.mapUpdate(handle.fd(), key, value, flags));
  }

  final boolean succeeded(String attempted, int result) {
    if (result < 0) {
      throw new BPFException(attempted + " map " + handle.name(), -result);
    }
    return true;
  }

  static <T> MemorySegment encode(Arena arena, BPFType<T> type, T value) {
    MemorySegment segment = arena.allocate(type.byteSize(), Long.BYTES);
    type.write(segment, 0, value);
    return segment;
  }

  final MemorySegment room(Arena arena, BPFType<?> type) {
    return arena.allocate(type.byteSize(), Long.BYTES);
  }

  /** The kernel copies whole keys and values from and to user memory, however small that is. */
  static void requireRoom(String what, MemorySegment segment, long bytes) {
    if (segment.byteSize() < bytes) {
      throw new IllegalArgumentException(
          "a " + what + " of " + bytes + " bytes in a segment of " + segment.byteSize());
    }
  }
}
