package org.kerbykv.bpf;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Optional;

/**
 * Finds native functions and makes downcall handles of them.
 *
 * <p>A function that is missing (no libbpf, or one too old) gets a handle that throws a {@link
 * BPFException} when it is called, so that classes that hold handles can always be initialized.
 */
final class NativeLibrary {
  static final String LIBBPF_FILE = "libbpf.so.1";

  private static final Linker LINKER = Linker.nativeLinker();
  private static final Optional<SymbolLookup> LIBBPF = openLibbpf();
  private static final Linker.Option CAPTURE_ERRNO = Linker.Option.captureCallState("errno");
  private static final long ERRNO_OFFSET =
      Linker.Option.captureStateLayout().byteOffset(MemoryLayout.PathElement.groupElement("errno"));

  private NativeLibrary() {}

  /** Whether libbpf was found. */
  static boolean hasLibbpf() {
    return LIBBPF.isPresent();
  }

  static MethodHandle libbpf(String function, FunctionDescriptor descriptor) {
    return LIBBPF
        .flatMap(library -> library.find(function))
        .map(address -> LINKER.downcallHandle(address, descriptor))
        .orElseGet(() -> missing(function, descriptor.toMethodType()));
  }

  /**
   * As {@link #libbpf}, for functions that report errors in errno: the handle takes a segment for
   * it, of {@link #errnoCapture}, as its first argument.
   */
  static MethodHandle libbpfWithErrno(String function, FunctionDescriptor descriptor) {
    return LIBBPF
        .flatMap(library -> library.find(function))
        .map(address -> LINKER.downcallHandle(address, descriptor, CAPTURE_ERRNO))
        .orElseGet(
            () ->
                missing(
                    function,
                    descriptor.toMethodType().insertParameterTypes(0, MemorySegment.class)));
  }

  static MethodHandle libc(String function, FunctionDescriptor descriptor) {
    return LINKER
        .defaultLookup()
        .find(function)
        .map(address -> LINKER.downcallHandle(address, descriptor))
        .orElseGet(() -> missing(function, descriptor.toMethodType()));
  }

  static MethodHandle libcWithErrno(String function, FunctionDescriptor descriptor) {
    return LINKER.downcallHandle(
        LINKER.defaultLookup().findOrThrow(function), descriptor, CAPTURE_ERRNO);
  }

  /** A function pointer to {@code target}, valid while {@code arena} lives. */
  static MemorySegment upcall(MethodHandle target, FunctionDescriptor descriptor, Arena arena) {
    return LINKER.upcallStub(target, descriptor, arena);
  }

  static MemorySegment errnoCapture(Arena arena) {
    return arena.allocate(Linker.Option.captureStateLayout());
  }

  static int errno(MemorySegment capture) {
    return capture.get(ValueLayout.JAVA_INT, ERRNO_OFFSET);
  }

  /** What a downcall handle threw: either ours, or a bug in the binding. */
  static RuntimeException unexpected(Throwable thrown) {
    switch (thrown) {
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      default -> throw new AssertionError("a native call threw a checked exception", thrown);
    }
  }

  /** What the handle of a missing function throws. */
  @SuppressWarnings("UnusedMethod") // found by name in missing()
  private static BPFException missingFunction(String function) {
    return new BPFException(
        "call " + function,
        Errno.ENOSYS,
        hasLibbpf()
            ? LIBBPF_FILE + " lacks it; version 1.1 or newer is needed"
            : LIBBPF_FILE + " is not installed (Debian package libbpf1)",
        "");
  }

  private static MethodHandle missing(String function, MethodType type) {
    try {
      MethodHandle create =
          MethodHandles.lookup()
              .findStatic(
                  NativeLibrary.class,
                  "missingFunction",
                  MethodType.methodType(BPFException.class, String.class))
              .bindTo(function);
      MethodHandle fail =
          MethodHandles.collectArguments(
              MethodHandles.throwException(type.returnType(), BPFException.class), 0, create);
      return MethodHandles.dropArguments(fail, 0, type.parameterList());
    } catch (ReflectiveOperationException e) {
      throw new LinkageError(e.getMessage(), e);
    }
  }

  private static Optional<SymbolLookup> openLibbpf() {
    try {
      return Optional.of(SymbolLookup.libraryLookup(LIBBPF_FILE, Arena.global()));
    } catch (IllegalArgumentException _) { // the one sign that the library cannot be opened
      return Optional.empty();
    }
  }
}
