package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * What the kernel tells of a descriptor (BPF_OBJ_GET_INFO_BY_FD). The offsets are those of struct
 * bpf_map_info, bpf_prog_info and bpf_link_info in linux/bpf.h, which only ever grow at their ends.
 */
final class ObjectInfo {
  private static final long INFO_BYTES = 256;
  private static final long NAME_BYTES = 16;

  private ObjectInfo() {}

  /** struct bpf_map_info. Sizes in bytes; {@code name} is cut to 15 characters by the kernel. */
  record MapInfo(
      int type,
      int id,
      int keySize,
      int valueSize,
      long maxEntries,
      int flags,
      String name,
      long extra) {}

  /** struct bpf_prog_info. */
  record ProgramInfo(int id, String name, int verifiedInstructions) {}

  /** struct bpf_link_info; {@code ifindex} is 0 if the link is not to an interface. */
  record LinkInfo(int type, int id, int programId, int ifindex) {}

  static MapInfo map(int fd, String attempted) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment info = get(arena, fd, attempted);
      return new MapInfo(
          info.get(JAVA_INT, 0),
          info.get(JAVA_INT, 4),
          info.get(JAVA_INT, 8),
          info.get(JAVA_INT, 12),
          Integer.toUnsignedLong(info.get(JAVA_INT, 16)),
          info.get(JAVA_INT, 20),
          info.asSlice(24, NAME_BYTES).getString(0),
          info.get(JAVA_LONG, 80));
    }
  }

  static ProgramInfo program(int fd, String attempted) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment info = get(arena, fd, attempted);
      return new ProgramInfo(
          info.get(JAVA_INT, 4),
          info.asSlice(64, NAME_BYTES).getString(0),
          info.get(JAVA_INT, 216));
    }
  }

  static LinkInfo link(int fd, String attempted) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment info = get(arena, fd, attempted);
      int type = info.get(JAVA_INT, 0);
      boolean toInterface = type == BPFLink.TYPE_XDP || type == BPFLink.TYPE_TCX;
      return new LinkInfo(
          type,
          info.get(JAVA_INT, 4),
          info.get(JAVA_INT, 8),
          toInterface ? info.get(JAVA_INT, 16) : 0);
    }
  }

  private static MemorySegment get(Arena arena, int fd, String attempted) {
    MemorySegment info = arena.allocate(INFO_BYTES, JAVA_LONG.byteAlignment());
    MemorySegment length = arena.allocateFrom(JAVA_INT, (int) INFO_BYTES);
    int result = BPFCalls.objGetInfoByFd(fd, info, length);
    if (result < 0) {
      throw new BPFException(attempted, -result);
    }
    return info;
  }
}
