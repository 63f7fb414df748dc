package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiConsumer;

/**
 * A hash map: BPF_MAP_TYPE_HASH, LRU_HASH or LPM_TRIE. Each operation is one system call and is
 * atomic in the sense the kernel gives it: a value is replaced as a whole by update, but a program
 * that writes into a value in place can be seen half-way by a lookup.
 *
 * @param <K> the Java side of a key
 * @param <V> the Java side of a value
 */
public final class BPFHashMap<K, V> extends BPFMap {
  private static final long BATCH_BYTES = 1 << 20;
  private static final int BATCH_ELEMENTS_MIN = 64;
  private static final int BATCH_ELEMENTS_MAX = 16 * 1024;

  private final BPFType<K> keyType;
  private final BPFType<V> valueType;

  BPFHashMap(MapHandle handle, BPFType<K> keyType, BPFType<V> valueType) {
    super(handle);
    handle.requireType(
        "a hash map", MapHandle.TYPE_HASH, MapHandle.TYPE_LRU_HASH, MapHandle.TYPE_LPM_TRIE);
    handle.requireKey(keyType);
    handle.requireValue(valueType);
    this.keyType = keyType;
    this.valueType = valueType;
  }

  /** Takes the elements of a walk; the segments are valid, and its own, during the call only. */
  @FunctionalInterface
  public interface ElementVisitor {
    /** Called for each element. An exception ends the walk and is passed on. */
    void visit(MemorySegment key, MemorySegment value);
  }

  /** The value of {@code key}, or null if there is none. */
  public V get(K key) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = room(arena, valueType);
      return lookupElement(encode(arena, keyType, key), value) ? valueType.read(value, 0) : null;
    }
  }

  /** Whether {@code key} has a value. */
  public boolean containsKey(K key) {
    try (Arena arena = Arena.ofConfined()) {
      return lookupElement(encode(arena, keyType, key), room(arena, valueType));
    }
  }

  /**
   * Sets the value of {@code key}, new or not.
   *
   * @throws BPFException E2BIG if the map is full, ENOMEM if the kernel has no memory for it
   */
  public void put(K key, V value) {
    try (Arena arena = Arena.ofConfined()) {
      updateElement(encode(arena, keyType, key), encode(arena, valueType, value), MapHandle.ANY);
    }
  }

  /** Sets the value of {@code key} if it has none, and tells whether it did. */
  public boolean putIfAbsent(K key, V value) {
    try (Arena arena = Arena.ofConfined()) {
      int result =
          BPFCalls.mapUpdate(
              handle.fd(),
              encode(arena, keyType, key),
              encode(arena, valueType, value),
              MapHandle.NOEXIST);
      return result != -Errno.EEXIST && succeeded("update", result);
    }
  }

  /** Removes {@code key}, and tells whether it was there. */
  public boolean delete(K key) {
    try (Arena arena = Arena.ofConfined()) {
      return deleteElement(encode(arena, keyType, key));
    }
  }

  /**
   * As {@link #get}, without an allocation.
   *
   * @param key native memory of at least {@link #keySize()} bytes
   * @param value native memory of at least {@link #valueSize()} bytes, overwritten if true is
   *     returned
   */
  public boolean lookup(MemorySegment key, MemorySegment value) {
    requireRoom("key", key, keySize());
    requireRoom("value", value, valueSize());
    return lookupElement(key, value);
  }

  /** As {@link #put}, without an allocation. */
  public void update(MemorySegment key, MemorySegment value) {
    requireRoom("key", key, keySize());
    requireRoom("value", value, valueSize());
    updateElement(key, value, MapHandle.ANY);
  }

  /** As {@link #delete(Object)}, without an allocation. */
  public boolean deleteElement(MemorySegment key) {
    requireRoom("key", key, keySize());
    int result = BPFCalls.mapDelete(handle.fd(), key);
    return result != -Errno.ENOENT && succeeded("delete from", result);
  }

  /**
   * Visits every element, many per system call. An element that is there from before the walk until
   * after it is visited exactly once (LPM_TRIE: if nothing is deleted meanwhile); one that comes or
   * goes meanwhile may or may not be. Key and value of a visit were read together, but not at the
   * same instant as others.
   */
  public void walk(ElementVisitor visitor) {
    walk(
        visitor,
        Math.clamp(
            BATCH_BYTES / (keySize() + valueSize()), BATCH_ELEMENTS_MIN, BATCH_ELEMENTS_MAX));
  }

  void walk(ElementVisitor visitor, int elementsAtFirst) {
    Objects.requireNonNull(visitor);
    try (Cursor cursor = new Cursor(elementsAtFirst)) {
      while (cursor.next(visitor)) {}
    }
  }

  /**
   * Makes a cursor at the beginning of the map.
   *
   * @param elements about how many to visit at a time, 1 or more; also what memory it holds
   */
  public Cursor cursor(int elements) {
    if (elements < 1) {
      throw new IllegalArgumentException("a cursor of " + elements + " elements");
    }
    return new Cursor(elements);
  }

  /**
   * A walk that is done in parts, round and round. What {@link #walk} says of elements that come
   * and go holds for each round.
   *
   * <p>The order is that of the map's hash, which has nothing to do with what is stored or when:
   * the elements of one part are a random sample of them all.
   *
   * <p>Used by one thread at a time, not always the same one.
   */
  public final class Cursor implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    // The kernel's place in the map: a bucket number, or for a trie a key.
    private final MemorySegment place = arena.allocate(Math.max(keySize(), Long.BYTES), Long.BYTES);
    private final MemorySegment next = arena.allocate(place.byteSize(), Long.BYTES);
    private boolean started;
    private Batch batch;

    private Cursor(int elements) {
      batch = new Batch(elements);
    }

    /**
     * Visits the next elements, with one system call.
     *
     * @return whether there may be more: after a false, the next call begins at the beginning
     */
    public boolean next(ElementVisitor visitor) {
      int result = batch.lookup(started ? place : MemorySegment.NULL, next);
      while (result == -Errno.ENOSPC) {
        // One bucket holds more than that.
        int elements = Math.multiplyExact(batch.elements, 2);
        batch.close();
        batch = new Batch(elements);
        result = batch.lookup(started ? place : MemorySegment.NULL, next);
      }
      if (result != -Errno.ENOENT) {
        succeeded("walk", result);
      }
      place.copyFrom(next);
      started = result == 0;
      batch.visit(visitor);
      return started;
    }

    /** Goes back to the beginning of the map. */
    public void rewind() {
      started = false;
    }

    @Override
    public void close() {
      batch.close();
      arena.close();
    }
  }

  /** {@link #walk} with keys and values as Java objects. */
  public void forEach(BiConsumer<? super K, ? super V> action) {
    walk((key, value) -> action.accept(keyType.read(key, 0), valueType.read(value, 0)));
  }

  /** Counts the elements by a {@link #walk}, the kernel keeping no count that user space sees. */
  public long count() {
    LongAdder count = new LongAdder();
    walk((_, _) -> count.increment());
    return count.sum();
  }

  /** Room for the elements of one system call. */
  private final class Batch implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final int elements;
    private final MemorySegment keys;
    private final MemorySegment values;
    private final MemorySegment count;

    Batch(int elements) {
      this.elements = elements;
      this.keys = arena.allocate((long) elements * keySize(), Long.BYTES);
      this.values = arena.allocate((long) elements * valueSize(), Long.BYTES);
      this.count = arena.allocate(JAVA_INT);
    }

    int lookup(MemorySegment from, MemorySegment next) {
      count.set(JAVA_INT, 0, elements);
      return BPFCalls.mapLookupBatch(
          handle.fd(), from, next, keys, values, count, MemorySegment.NULL);
    }

    void visit(ElementVisitor visitor) {
      int found = count.get(JAVA_INT, 0);
      for (long i = 0; i < found; i++) {
        visitor.visit(
            keys.asSlice(i * keySize(), keySize()), values.asSlice(i * valueSize(), valueSize()));
      }
    }

    @Override
    public void close() {
      arena.close();
    }
  }
}
