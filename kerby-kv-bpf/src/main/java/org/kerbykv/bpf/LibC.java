package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** The few functions of the C library that the binding needs. */
final class LibC {
  static final int PROT_READ = 1;
  static final int PROT_WRITE = 2;
  static final int MAP_SHARED = 0x1;
  private static final int MAP_FIXED_NOREPLACE = 0x100000;
  static final int MAP_PRIVATE = 0x2;
  static final int MAP_ANONYMOUS = 0x20;
  static final int MAP_NORESERVE = 0x4000;

  /** The longest text taken from native code; none is near this. */
  static final long TEXT_BYTES_MAX = 64 * 1024;

  private static final MethodHandle MMAP =
      NativeLibrary.libcWithErrno(
          "mmap",
          FunctionDescriptor.of(
              ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
  private static final MethodHandle MUNMAP =
      NativeLibrary.libc("munmap", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG));
  private static final MethodHandle CLOSE =
      NativeLibrary.libc("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
  private static final MethodHandle OPEN =
      NativeLibrary.libcWithErrno("open", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle FLOCK =
      NativeLibrary.libc("flock", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle GETPAGESIZE =
      NativeLibrary.libc("getpagesize", FunctionDescriptor.of(JAVA_INT));
  private static final MethodHandle STRERRORNAME =
      NativeLibrary.libc("strerrorname_np", FunctionDescriptor.of(ADDRESS, JAVA_INT));
  private static final MethodHandle STRERRORDESC =
      NativeLibrary.libc("strerrordesc_np", FunctionDescriptor.of(ADDRESS, JAVA_INT));
  private static final MethodHandle IF_NAMETOINDEX =
      NativeLibrary.libc("if_nametoindex", FunctionDescriptor.of(JAVA_INT, ADDRESS));
  private static final MethodHandle IF_INDEXTONAME =
      NativeLibrary.libc("if_indextoname", FunctionDescriptor.of(ADDRESS, JAVA_INT, ADDRESS));
  private static final MethodHandle VSNPRINTF =
      NativeLibrary.libc(
          "vsnprintf", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS));

  private static final long IFNAMSIZ = 16;
  private static final int O_CLOEXEC = 0x80000;
  private static final int LOCK_EX = 2;
  private static final int LOCK_NB = 4;

  private LibC() {}

  /** What {@link #mmap} gave: memory, or the errno of the failure and no memory. */
  record Mapping(MemorySegment memory, int errno) {}

  /**
   * mmap(2). The memory is unmapped when {@code arena} closes.
   *
   * @param address where, if that is free, or 0: where the kernel chooses
   */
  static Mapping mmap(Arena arena, long address, long length, int protection, int flags, int fd) {
    try (Arena call = Arena.ofConfined()) {
      MemorySegment capture = NativeLibrary.errnoCapture(call);
      int placed = address == 0 ? flags : flags | MAP_FIXED_NOREPLACE;
      MemorySegment mapped =
          (MemorySegment)
              MMAP.invokeExact(
                  capture, MemorySegment.ofAddress(address), length, protection, placed, fd, 0L);
      if (mapped.address() == -1L) {
        return new Mapping(MemorySegment.NULL, NativeLibrary.errno(capture));
      }
      return new Mapping(mapped.reinterpret(length, arena, LibC::munmap), 0);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  private static void munmap(MemorySegment memory) {
    try {
      int _ = (int) MUNMAP.invokeExact(memory, memory.byteSize());
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  /** close(2). Linux frees the descriptor whatever it returns, so that is not looked at. */
  static void close(int fd) {
    try {
      int _ = (int) CLOSE.invokeExact(fd);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  /** open(2) for reading: a descriptor, or -errno. */
  static int openDirectory(String path) {
    try (Arena call = Arena.ofConfined()) {
      MemorySegment capture = NativeLibrary.errnoCapture(call);
      int fd = (int) OPEN.invokeExact(capture, call.allocateFrom(path), O_CLOEXEC);
      return fd < 0 ? -NativeLibrary.errno(capture) : fd;
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  /** flock(2), exclusive and without waiting: whether nobody else has it. */
  static boolean tryLock(int fd) {
    try {
      return (int) FLOCK.invokeExact(fd, LOCK_EX | LOCK_NB) == 0;
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  static int pageSize() {
    try {
      return (int) GETPAGESIZE.invokeExact();
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  /** The symbolic name of an errno ("EPERM"), or "" if the C library knows none. */
  static String strerrorname(int errno) {
    try {
      return text((MemorySegment) STRERRORNAME.invokeExact(errno));
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  /** The untranslated description of an errno, or "" if the C library knows none. */
  static String strerrordesc(int errno) {
    try {
      return text((MemorySegment) STRERRORDESC.invokeExact(errno));
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  /** The index of an interface, or 0 if there is none of that name. */
  static int ifNameToIndex(String name) {
    try (Arena call = Arena.ofConfined()) {
      return (int) IF_NAMETOINDEX.invokeExact(call.allocateFrom(name));
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  /** The name of an interface, or "" if there is none of that index. */
  static String ifIndexToName(int ifindex) {
    try (Arena call = Arena.ofConfined()) {
      return text((MemorySegment) IF_INDEXTONAME.invokeExact(ifindex, call.allocate(IFNAMSIZ)));
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  /** vsnprintf(3) with the {@code va_list} that native code passed to an upcall. */
  static int vsnprintf(MemorySegment into, MemorySegment format, MemorySegment arguments) {
    try {
      return (int) VSNPRINTF.invokeExact(into, into.byteSize(), format, arguments);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  /** The string at a {@code char *} returned by native code; "" for a null pointer. */
  static String text(MemorySegment pointer) {
    return pointer.address() == 0 ? "" : pointer.reinterpret(TEXT_BYTES_MAX).getString(0);
  }
}
