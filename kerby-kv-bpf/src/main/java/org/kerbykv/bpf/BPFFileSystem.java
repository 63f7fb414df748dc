package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/** The file system that pins live in, by custom at /sys/fs/bpf. */
public final class BPFFileSystem {
  private static final String TYPE = "bpf";

  private static final long BPF_FS_MAGIC = 0xcafe4a11L;

  /** More than a struct statfs takes, whose first member is the type. */
  private static final long STATFS_BYTES = 256;

  private static final MethodHandle STATFS =
      NativeLibrary.libcWithErrno("statfs", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS));
  private static final MethodHandle MOUNT =
      NativeLibrary.libcWithErrno(
          "mount", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS));
  private static final MethodHandle UMOUNT =
      NativeLibrary.libcWithErrno("umount", FunctionDescriptor.of(JAVA_INT, ADDRESS));

  private BPFFileSystem() {}

  /** Whether {@code directory}, which exists, is in a BPF file system. */
  public static boolean contains(Path directory) {
    // Not by the list of mounts, which has all of those that are stacked at one place.
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment capture = NativeLibrary.errnoCapture(arena);
      MemorySegment status = arena.allocate(STATFS_BYTES, Long.BYTES);
      int result =
          (int) STATFS.invokeExact(capture, arena.allocateFrom(directory.toString()), status);
      if (result != 0) {
        throw new BPFException(
            "query the file system of " + directory, NativeLibrary.errno(capture));
      }
      return status.get(JAVA_LONG, 0) == BPF_FS_MAGIC;
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  /**
   * Mounts a BPF file system that only root can look into. Needs CAP_SYS_ADMIN.
   *
   * @param directory exists; what it contains is hidden by the mount
   */
  public static void mount(Path directory) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment capture = NativeLibrary.errnoCapture(arena);
      MemorySegment type = arena.allocateFrom(TYPE);
      int result =
          (int)
              MOUNT.invokeExact(
                  capture,
                  type,
                  arena.allocateFrom(directory.toString()),
                  type,
                  0L,
                  arena.allocateFrom("mode=0700"));
      if (result != 0) {
        throw new BPFException(
            "mount a BPF file system at " + directory, NativeLibrary.errno(capture));
      }
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  /** Unmounts what {@link #mount} mounted; what was pinned in it, and nowhere else, goes away. */
  public static void unmount(Path directory) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment capture = NativeLibrary.errnoCapture(arena);
      int result = (int) UMOUNT.invokeExact(capture, arena.allocateFrom(directory.toString()));
      if (result != 0) {
        throw new BPFException(
            "unmount the BPF file system at " + directory, NativeLibrary.errno(capture));
      }
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }
}
