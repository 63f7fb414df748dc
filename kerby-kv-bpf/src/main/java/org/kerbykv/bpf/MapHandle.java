package org.kerbykv.bpf;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Locale;

/**
 * An open map: its descriptor and shape. The descriptor belongs to {@code owner}, and is not
 * touched once that has been closed (its number may then be another file's).
 */
final class MapHandle {
  static final int TYPE_HASH = 1;
  static final int TYPE_ARRAY = 2;
  static final int TYPE_PROG_ARRAY = 3;
  static final int TYPE_PERCPU_ARRAY = 6;
  static final int TYPE_LRU_HASH = 9;
  static final int TYPE_LPM_TRIE = 11;
  static final int TYPE_ARRAY_OF_MAPS = 12;
  static final int TYPE_QUEUE = 22;
  static final int TYPE_RINGBUF = 27;
  static final int TYPE_ARENA = 33;

  static final long ANY = 0; // BPF_ANY
  static final long NOEXIST = 1; // BPF_NOEXIST

  private static final int F_MMAPABLE = 1 << 10;
  private static final int F_RDONLY_PROG = 1 << 7;

  private final int fd;
  private final String name;
  private final ObjectInfo.MapInfo info;
  private final MemorySegment.Scope owner;

  MapHandle(int fd, String name, MemorySegment.Scope owner) {
    this.fd = fd;
    this.name = name;
    this.info = ObjectInfo.map(fd, "query map " + name);
    this.owner = owner;
  }

  int fd() {
    if (!owner.isAlive()) {
      throw new IllegalStateException("map " + name + " has been closed");
    }
    return fd;
  }

  /** For the owner, which has closed itself and now closes the descriptor. */
  int closedFd() {
    return fd;
  }

  String name() {
    return name;
  }

  ObjectInfo.MapInfo info() {
    return info;
  }

  /** The distance of one CPU's value, or one mapped element, from the next, in bytes. */
  long stride() {
    return (info.valueSize() + 7L) & ~7L;
  }

  void requireType(String wanted, int... types) {
    for (int type : types) {
      if (info.type() == type) {
        return;
      }
    }
    throw new IllegalArgumentException(
        "map %s has BPF map type %d, which is not %s".formatted(name, info.type(), wanted));
  }

  void requireKey(BPFType<?> type) {
    requireSize("key", info.keySize(), type);
  }

  void requireValue(BPFType<?> type) {
    requireSize("value", info.valueSize(), type);
  }

  private void requireSize(String what, int actual, BPFType<?> type) {
    if (type.byteSize() != actual) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "map %s has %ss of %d bytes, not %d",
              name,
              what,
              actual,
              type.byteSize()));
    }
  }

  /**
   * Maps the elements, {@link #stride()} apart, into memory that lives as long as {@code arena}:
   * read-only for constants, else writable. A BPF arena is mapped whole, where it wants to be.
   */
  MemorySegment mmap(Arena arena) {
    requireType("an array or arena", TYPE_ARRAY, TYPE_ARENA);
    if ((info.flags() & F_MMAPABLE) == 0) {
      throw new IllegalArgumentException("map " + name + " was made without BPF_F_MMAPABLE");
    }
    boolean constant = (info.flags() & F_RDONLY_PROG) != 0;
    long page = LibC.pageSize();
    boolean pages = info.type() == TYPE_ARENA;
    long bytes = (pages ? page : stride()) * info.maxEntries();
    LibC.Mapping mapping =
        LibC.mmap(
            arena,
            pages ? info.extra() : 0,
            (bytes + page - 1) / page * page,
            constant ? LibC.PROT_READ : LibC.PROT_READ | LibC.PROT_WRITE,
            LibC.MAP_SHARED,
            fd());
    if (mapping.errno() != 0) {
      throw new BPFException("mmap map " + name, mapping.errno());
    }
    MemorySegment elements = mapping.memory().asSlice(0, bytes);
    return constant ? elements.asReadOnly() : elements;
  }
}
