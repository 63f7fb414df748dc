package org.kerbykv.bpf;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * The maps that {@link BPFLoader#pinDirectory} pinned in a directory, opened without loading any
 * program: by an audit, say, while another process or none has the programs. Usable from any
 * thread, except close.
 */
public final class BPFPinnedMaps implements BPFMaps {
  private final Path directory;
  private final Arena arena = Arena.ofShared();
  private final Map<String, MapHandle> handles = new HashMap<>();

  private BPFPinnedMaps(Path directory) {
    this.directory = directory;
  }

  /** The maps in {@code directory}, each of which is opened when it is asked for. */
  public static BPFPinnedMaps open(Path directory) {
    return new BPFPinnedMaps(directory);
  }

  @Override
  public <K, V> BPFHashMap<K, V> getHashMap(String name, BPFType<K> keyType, BPFType<V> valueType) {
    return new BPFHashMap<>(handle(name), keyType, valueType);
  }

  @Override
  public <V> BPFArray<V> getArray(String name, BPFType<V> valueType) {
    return new BPFArray<>(handle(name), valueType);
  }

  @Override
  public <V> BPFPerCpuArray<V> getPerCpuArray(String name, BPFType<V> valueType) {
    return new BPFPerCpuArray<>(handle(name), valueType);
  }

  @Override
  public int valueSize(String name) {
    return handle(name).info().valueSize();
  }

  @Override
  public MemorySegment mmap(String name) {
    return handle(name).mmap(arena);
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
      handles.values().forEach(handle -> LibC.close(handle.closedFd()));
    }
  }

  private synchronized MapHandle handle(String name) {
    if (!arena.scope().isAlive()) {
      throw new IllegalStateException(directory + " has been closed");
    }
    return handles.computeIfAbsent(
        name, _ -> new MapHandle(Pins.open("map", directory.resolve(name)), name, arena.scope()));
  }
}
