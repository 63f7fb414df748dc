package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * libbpf's warnings, kept for the exception that follows them instead of being printed to standard
 * error. libbpf prints on the thread that called it, so each thread has its own.
 */
final class LibBPFMessages {
  private static final int LEVEL_WARN = 0; // LIBBPF_WARN
  private static final int LINES_MAX = 8;
  private static final int LINE_BYTES_MAX = 1024;

  private static final ThreadLocal<Deque<String>> LINES = ThreadLocal.withInitial(ArrayDeque::new);

  static {
    if (NativeLibrary.hasLibbpf()) {
      install();
    }
  }

  private LibBPFMessages() {}

  private static void install() {
    // A va_list reaches its callee as a pointer in the calling conventions of x86-64 (an array),
    // aarch64 (a structure of over 16 bytes) and riscv64 (a pointer).
    FunctionDescriptor type = FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS);
    try {
      MemorySegment function =
          NativeLibrary.upcall(
              MethodHandles.lookup().findStatic(LibBPFMessages.class, "print", type.toMethodType()),
              type,
              Arena.global());
      MemorySegment _ =
          (MemorySegment)
              NativeLibrary.libbpf("libbpf_set_print", FunctionDescriptor.of(ADDRESS, ADDRESS))
                  .invokeExact(function);
    } catch (Throwable e) {
      throw NativeLibrary.unexpected(e);
    }
  }

  /** Forgets what this thread has collected: to be called before the calls of one operation. */
  static void clear() {
    LINES.get().clear();
  }

  /** The warnings since {@link #clear()}, joined to one line; empty if there was none. */
  static String take() {
    Deque<String> lines = LINES.get();
    String joined = String.join("; ", lines);
    lines.clear();
    return joined;
  }

  /** Called by libbpf. Nothing may escape: an exception out of an upcall ends the JVM. */
  @SuppressWarnings("UnusedMethod") // found by name in install()
  private static int print(int level, MemorySegment format, MemorySegment arguments) {
    if (level != LEVEL_WARN) {
      return 0;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(LINE_BYTES_MAX);
      int length = LibC.vsnprintf(buffer, format, arguments);
      Deque<String> lines = LINES.get();
      if (lines.size() == LINES_MAX) {
        lines.removeFirst();
      }
      lines.addLast(buffer.getString(0).strip().replace('\n', ' ').replaceFirst("^libbpf: ", ""));
      return length;
    } catch (Throwable _) {
      return 0; // out of memory: the exception that follows lacks libbpf's words
    }
  }
}
