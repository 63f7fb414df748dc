package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Downcalls to libbpf's wrappers of the bpf(2) system call and of XDP and TC over netlink (bpf.h,
 * libbpf.h), under libbpf's names without the prefix. All return 0 or more, or -errno.
 */
final class BPFCalls {
  private static final MethodHandle BPF_MAP_CREATE =
      NativeLibrary.libbpf(
          "bpf_map_create",
          FunctionDescriptor.of(
              JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS));

  private static final MethodHandle BPF_MAP_LOOKUP_ELEM =
      NativeLibrary.libbpf(
          "bpf_map_lookup_elem", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));

  private static final MethodHandle BPF_MAP_UPDATE_ELEM =
      NativeLibrary.libbpf(
          "bpf_map_update_elem",
          FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG));

  private static final MethodHandle BPF_MAP_DELETE_ELEM =
      NativeLibrary.libbpf(
          "bpf_map_delete_elem", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS));

  private static final MethodHandle BPF_MAP_LOOKUP_BATCH =
      NativeLibrary.libbpf(
          "bpf_map_lookup_batch",
          FunctionDescriptor.of(
              JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS));

  private static final MethodHandle BPF_OBJ_PIN =
      NativeLibrary.libbpf("bpf_obj_pin", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS));

  private static final MethodHandle BPF_OBJ_GET =
      NativeLibrary.libbpf("bpf_obj_get", FunctionDescriptor.of(JAVA_INT, ADDRESS));

  private static final MethodHandle BPF_OBJ_GET_INFO_BY_FD =
      NativeLibrary.libbpf(
          "bpf_obj_get_info_by_fd", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));

  private static final MethodHandle BPF_PROG_GET_FD_BY_ID =
      NativeLibrary.libbpf("bpf_prog_get_fd_by_id", FunctionDescriptor.of(JAVA_INT, JAVA_INT));

  private static final MethodHandle BPF_PROG_LOAD =
      NativeLibrary.libbpf(
          "bpf_prog_load",
          FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS));

  private static final MethodHandle BPF_PROG_TEST_RUN_OPTS =
      NativeLibrary.libbpf(
          "bpf_prog_test_run_opts", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS));

  private static final MethodHandle BPF_LINK_CREATE =
      NativeLibrary.libbpf(
          "bpf_link_create",
          FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS));

  private static final MethodHandle BPF_LINK_UPDATE =
      NativeLibrary.libbpf(
          "bpf_link_update", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS));

  private static final MethodHandle BPF_LINK_DETACH =
      NativeLibrary.libbpf("bpf_link_detach", FunctionDescriptor.of(JAVA_INT, JAVA_INT));

  private static final MethodHandle BPF_XDP_QUERY =
      NativeLibrary.libbpf(
          "bpf_xdp_query", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS));

  private static final MethodHandle BPF_TC_HOOK_CREATE =
      NativeLibrary.libbpf("bpf_tc_hook_create", FunctionDescriptor.of(JAVA_INT, ADDRESS));

  private static final MethodHandle BPF_TC_HOOK_DESTROY =
      NativeLibrary.libbpf("bpf_tc_hook_destroy", FunctionDescriptor.of(JAVA_INT, ADDRESS));

  private static final MethodHandle BPF_TC_ATTACH =
      NativeLibrary.libbpf("bpf_tc_attach", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS));

  private static final MethodHandle BPF_TC_DETACH =
      NativeLibrary.libbpf("bpf_tc_detach", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS));

  private BPFCalls() {}

  static int mapCreate(int type, MemorySegment name, int keySize, int valueSize, int maxEntries) {
    try {
      return (int)
          BPF_MAP_CREATE.invokeExact(
              type, name, keySize, valueSize, maxEntries, MemorySegment.NULL);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int mapLookup(int fd, MemorySegment key, MemorySegment value) {
    try {
      return (int) BPF_MAP_LOOKUP_ELEM.invokeExact(fd, key, value);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int mapUpdate(int fd, MemorySegment key, MemorySegment value, long flags) {
    try {
      return (int) BPF_MAP_UPDATE_ELEM.invokeExact(fd, key, value, flags);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int mapDelete(int fd, MemorySegment key) {
    try {
      return (int) BPF_MAP_DELETE_ELEM.invokeExact(fd, key);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int mapLookupBatch(
      int fd,
      MemorySegment inBatch,
      MemorySegment outBatch,
      MemorySegment keys,
      MemorySegment values,
      MemorySegment count,
      MemorySegment options) {
    try {
      return (int)
          BPF_MAP_LOOKUP_BATCH.invokeExact(fd, inBatch, outBatch, keys, values, count, options);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int objPin(int fd, MemorySegment path) {
    try {
      return (int) BPF_OBJ_PIN.invokeExact(fd, path);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int objGet(MemorySegment path) {
    try {
      return (int) BPF_OBJ_GET.invokeExact(path);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int objGetInfoByFd(int fd, MemorySegment info, MemorySegment infoLength) {
    try {
      return (int) BPF_OBJ_GET_INFO_BY_FD.invokeExact(fd, info, infoLength);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int progGetFdById(int id) {
    try {
      return (int) BPF_PROG_GET_FD_BY_ID.invokeExact(id);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int progLoad(
      int type,
      MemorySegment name,
      MemorySegment license,
      MemorySegment instructions,
      long count,
      MemorySegment options) {
    try {
      return (int) BPF_PROG_LOAD.invokeExact(type, name, license, instructions, count, options);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int progTestRun(int fd, MemorySegment options) {
    try {
      return (int) BPF_PROG_TEST_RUN_OPTS.invokeExact(fd, options);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int linkCreate(int programFd, int targetFd, int attachType, MemorySegment options) {
    try {
      return (int) BPF_LINK_CREATE.invokeExact(programFd, targetFd, attachType, options);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int linkUpdate(int fd, int programFd, MemorySegment options) {
    try {
      return (int) BPF_LINK_UPDATE.invokeExact(fd, programFd, options);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int linkDetach(int fd) {
    try {
      return (int) BPF_LINK_DETACH.invokeExact(fd);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int xdpQuery(int ifindex, int flags, MemorySegment options) {
    try {
      return (int) BPF_XDP_QUERY.invokeExact(ifindex, flags, options);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int tcHookCreate(MemorySegment hook) {
    try {
      return (int) BPF_TC_HOOK_CREATE.invokeExact(hook);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int tcHookDestroy(MemorySegment hook) {
    try {
      return (int) BPF_TC_HOOK_DESTROY.invokeExact(hook);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int tcAttach(MemorySegment hook, MemorySegment options) {
    try {
      return (int) BPF_TC_ATTACH.invokeExact(hook, options);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int tcDetach(MemorySegment hook, MemorySegment options) {
    try {
      return (int) BPF_TC_DETACH.invokeExact(hook, options);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }
}
