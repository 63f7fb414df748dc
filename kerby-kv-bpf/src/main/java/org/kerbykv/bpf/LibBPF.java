package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BOOLEAN;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Downcalls to libbpf's objects, programs, maps, ring buffers and BTF (libbpf.h, btf.h), under
 * libbpf's names without the prefix. Functions that return int return 0 or more, or -errno.
 */
final class LibBPF {
  private static final MethodHandle BPF_OBJECT_OPEN_MEM =
      NativeLibrary.libbpfWithErrno(
          "bpf_object__open_mem", FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_LONG, ADDRESS));

  private static final MethodHandle BPF_OBJECT_LOAD =
      NativeLibrary.libbpf("bpf_object__load", FunctionDescriptor.of(JAVA_INT, ADDRESS));

  private static final MethodHandle BPF_OBJECT_CLOSE =
      NativeLibrary.libbpf("bpf_object__close", FunctionDescriptor.ofVoid(ADDRESS));

  private static final MethodHandle BPF_OBJECT_BTF =
      NativeLibrary.libbpf("bpf_object__btf", FunctionDescriptor.of(ADDRESS, ADDRESS));

  private static final MethodHandle BPF_OBJECT_FIND_MAP_BY_NAME =
      NativeLibrary.libbpf(
          "bpf_object__find_map_by_name", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS));

  private static final MethodHandle BPF_OBJECT_FIND_PROGRAM_BY_NAME =
      NativeLibrary.libbpf(
          "bpf_object__find_program_by_name", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS));

  private static final MethodHandle BPF_OBJECT_NEXT_MAP =
      NativeLibrary.libbpf(
          "bpf_object__next_map", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS));

  private static final MethodHandle BPF_OBJECT_NEXT_PROGRAM =
      NativeLibrary.libbpf(
          "bpf_object__next_program", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS));

  private static final MethodHandle BPF_PROGRAM_NAME =
      NativeLibrary.libbpf("bpf_program__name", FunctionDescriptor.of(ADDRESS, ADDRESS));

  private static final MethodHandle BPF_PROGRAM_SECTION_NAME =
      NativeLibrary.libbpf("bpf_program__section_name", FunctionDescriptor.of(ADDRESS, ADDRESS));

  private static final MethodHandle BPF_PROGRAM_FD =
      NativeLibrary.libbpf("bpf_program__fd", FunctionDescriptor.of(JAVA_INT, ADDRESS));

  private static final MethodHandle BPF_PROGRAM_SET_AUTOLOAD =
      NativeLibrary.libbpf(
          "bpf_program__set_autoload", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_BOOLEAN));

  private static final MethodHandle BPF_PROGRAM_AUTOLOAD =
      NativeLibrary.libbpf("bpf_program__autoload", FunctionDescriptor.of(JAVA_BOOLEAN, ADDRESS));

  private static final MethodHandle BPF_PROGRAM_SET_TYPE =
      NativeLibrary.libbpf(
          "bpf_program__set_type", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));

  private static final MethodHandle BPF_PROGRAM_SET_LOG_BUF =
      NativeLibrary.libbpf(
          "bpf_program__set_log_buf", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG));

  private static final MethodHandle BPF_MAP_FD =
      NativeLibrary.libbpf("bpf_map__fd", FunctionDescriptor.of(JAVA_INT, ADDRESS));

  private static final MethodHandle BPF_MAP_NAME =
      NativeLibrary.libbpf("bpf_map__name", FunctionDescriptor.of(ADDRESS, ADDRESS));

  private static final MethodHandle BPF_MAP_IS_INTERNAL =
      NativeLibrary.libbpf("bpf_map__is_internal", FunctionDescriptor.of(JAVA_BOOLEAN, ADDRESS));

  private static final MethodHandle BPF_MAP_SET_MAX_ENTRIES =
      NativeLibrary.libbpf(
          "bpf_map__set_max_entries", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));

  private static final MethodHandle BPF_MAP_SET_VALUE_SIZE =
      NativeLibrary.libbpf(
          "bpf_map__set_value_size", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));

  private static final MethodHandle BPF_MAP_SET_MAP_EXTRA =
      NativeLibrary.libbpf(
          "bpf_map__set_map_extra", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG));

  private static final MethodHandle BPF_MAP_SET_PIN_PATH =
      NativeLibrary.libbpf(
          "bpf_map__set_pin_path", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS));

  private static final MethodHandle BPF_MAP_INITIAL_VALUE =
      NativeLibrary.libbpf(
          "bpf_map__initial_value", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS));

  private static final MethodHandle RING_BUFFER_NEW =
      NativeLibrary.libbpfWithErrno(
          "ring_buffer__new", FunctionDescriptor.of(ADDRESS, JAVA_INT, ADDRESS, ADDRESS, ADDRESS));

  private static final MethodHandle RING_BUFFER_FREE =
      NativeLibrary.libbpf("ring_buffer__free", FunctionDescriptor.ofVoid(ADDRESS));

  private static final MethodHandle RING_BUFFER_POLL =
      NativeLibrary.libbpf("ring_buffer__poll", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));

  private static final MethodHandle RING_BUFFER_CONSUME =
      NativeLibrary.libbpf("ring_buffer__consume", FunctionDescriptor.of(JAVA_INT, ADDRESS));

  private static final MethodHandle BTF_TYPE_CNT =
      NativeLibrary.libbpf("btf__type_cnt", FunctionDescriptor.of(JAVA_INT, ADDRESS));

  private static final MethodHandle BTF_TYPE_BY_ID =
      NativeLibrary.libbpf("btf__type_by_id", FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_INT));

  private static final MethodHandle BTF_NAME_BY_OFFSET =
      NativeLibrary.libbpf(
          "btf__name_by_offset", FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_INT));

  private static final MethodHandle BTF_RESOLVE_SIZE =
      NativeLibrary.libbpf(
          "btf__resolve_size", FunctionDescriptor.of(JAVA_LONG, ADDRESS, JAVA_INT));

  private static final MethodHandle LIBBPF_NUM_POSSIBLE_CPUS =
      NativeLibrary.libbpf("libbpf_num_possible_cpus", FunctionDescriptor.of(JAVA_INT));

  private LibBPF() {}

  /** Null on failure; errno in {@code capture}. */
  static MemorySegment objectOpenMem(
      MemorySegment capture, MemorySegment bytes, long size, MemorySegment options) {
    try {
      return (MemorySegment) BPF_OBJECT_OPEN_MEM.invokeExact(capture, bytes, size, options);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int objectLoad(MemorySegment object) {
    try {
      return (int) BPF_OBJECT_LOAD.invokeExact(object);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static void objectClose(MemorySegment object) {
    try {
      BPF_OBJECT_CLOSE.invokeExact(object);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  /** The object's BTF, owned by the object; null if it has none. */
  static MemorySegment objectBtf(MemorySegment object) {
    try {
      return (MemorySegment) BPF_OBJECT_BTF.invokeExact(object);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  /** Null if there is none. */
  static MemorySegment objectFindMap(MemorySegment object, MemorySegment name) {
    try {
      return (MemorySegment) BPF_OBJECT_FIND_MAP_BY_NAME.invokeExact(object, name);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  /** Null if there is none. */
  static MemorySegment objectFindProgram(MemorySegment object, MemorySegment name) {
    try {
      return (MemorySegment) BPF_OBJECT_FIND_PROGRAM_BY_NAME.invokeExact(object, name);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  /** The first map for a null {@code previous}; null after the last. */
  static MemorySegment objectNextMap(MemorySegment object, MemorySegment previous) {
    try {
      return (MemorySegment) BPF_OBJECT_NEXT_MAP.invokeExact(object, previous);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  /** The first program for a null {@code previous}; null after the last. */
  static MemorySegment objectNextProgram(MemorySegment object, MemorySegment previous) {
    try {
      return (MemorySegment) BPF_OBJECT_NEXT_PROGRAM.invokeExact(object, previous);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static MemorySegment programName(MemorySegment program) {
    try {
      return (MemorySegment) BPF_PROGRAM_NAME.invokeExact(program);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static MemorySegment programSectionName(MemorySegment program) {
    try {
      return (MemorySegment) BPF_PROGRAM_SECTION_NAME.invokeExact(program);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int programFd(MemorySegment program) {
    try {
      return (int) BPF_PROGRAM_FD.invokeExact(program);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int programSetAutoload(MemorySegment program, boolean load) {
    try {
      return (int) BPF_PROGRAM_SET_AUTOLOAD.invokeExact(program, load);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static boolean programAutoload(MemorySegment program) {
    try {
      return (boolean) BPF_PROGRAM_AUTOLOAD.invokeExact(program);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int programSetType(MemorySegment program, int type) {
    try {
      return (int) BPF_PROGRAM_SET_TYPE.invokeExact(program, type);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int programSetLogBuf(MemorySegment program, MemorySegment buffer, long size) {
    try {
      return (int) BPF_PROGRAM_SET_LOG_BUF.invokeExact(program, buffer, size);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int mapFd(MemorySegment map) {
    try {
      return (int) BPF_MAP_FD.invokeExact(map);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static MemorySegment mapName(MemorySegment map) {
    try {
      return (MemorySegment) BPF_MAP_NAME.invokeExact(map);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  /** Whether the map is a global data section. */
  static boolean mapIsInternal(MemorySegment map) {
    try {
      return (boolean) BPF_MAP_IS_INTERNAL.invokeExact(map);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int mapSetMaxEntries(MemorySegment map, int entries) {
    try {
      return (int) BPF_MAP_SET_MAX_ENTRIES.invokeExact(map, entries);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int mapSetMapExtra(MemorySegment map, long extra) {
    try {
      return (int) BPF_MAP_SET_MAP_EXTRA.invokeExact(map, extra);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int mapSetValueSize(MemorySegment map, int bytes) {
    try {
      return (int) BPF_MAP_SET_VALUE_SIZE.invokeExact(map, bytes);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int mapSetPinPath(MemorySegment map, MemorySegment path) {
    try {
      return (int) BPF_MAP_SET_PIN_PATH.invokeExact(map, path);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  /** A data section before it is loaded; its size in {@code size}. */
  static MemorySegment mapInitialValue(MemorySegment map, MemorySegment size) {
    try {
      return (MemorySegment) BPF_MAP_INITIAL_VALUE.invokeExact(map, size);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  /** Null on failure; errno in {@code capture}. */
  static MemorySegment ringBufferNew(
      MemorySegment capture,
      int mapFd,
      MemorySegment callback,
      MemorySegment context,
      MemorySegment options) {
    try {
      return (MemorySegment)
          RING_BUFFER_NEW.invokeExact(capture, mapFd, callback, context, options);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static void ringBufferFree(MemorySegment ringBuffer) {
    try {
      RING_BUFFER_FREE.invokeExact(ringBuffer);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int ringBufferPoll(MemorySegment ringBuffer, int timeoutMillis) {
    try {
      return (int) RING_BUFFER_POLL.invokeExact(ringBuffer, timeoutMillis);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int ringBufferConsume(MemorySegment ringBuffer) {
    try {
      return (int) RING_BUFFER_CONSUME.invokeExact(ringBuffer);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int btfTypeCount(MemorySegment btf) {
    try {
      return (int) BTF_TYPE_CNT.invokeExact(btf);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  /** A struct btf_type; null if there is none. */
  static MemorySegment btfTypeById(MemorySegment btf, int id) {
    try {
      return (MemorySegment) BTF_TYPE_BY_ID.invokeExact(btf, id);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static MemorySegment btfNameByOffset(MemorySegment btf, int offset) {
    try {
      return (MemorySegment) BTF_NAME_BY_OFFSET.invokeExact(btf, offset);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static long btfResolveSize(MemorySegment btf, int id) {
    try {
      return (long) BTF_RESOLVE_SIZE.invokeExact(btf, id);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int numPossibleCpus() {
    try {
      return (int) LIBBPF_NUM_POSSIBLE_CPUS.invokeExact();
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }
}
