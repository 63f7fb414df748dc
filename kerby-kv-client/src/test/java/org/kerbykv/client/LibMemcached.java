package org.kerbykv.client;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.List;
import org.junit.jupiter.api.Assumptions;

/** libmemcached itself, asked where it would put a key. Connects to nothing. */
final class LibMemcached implements AutoCloseable {
  /** From libmemcached's public header; {@link #set} checks the names that go with them. */
  enum Behavior {
    MEMCACHED_BEHAVIOR_KETAMA(3),
    MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED(16);

    private final int number;

    Behavior(int number) {
      this.number = number;
    }
  }

  private static final String LIBRARY = "libmemcached.so.11";

  private final Arena arena = Arena.ofConfined();
  private final SymbolLookup library;
  private final MethodHandle generateHash;
  private final MemorySegment handle;
  private final MemorySegment keyRoom = arena.allocate(256);

  /** Skips the test if the library is not installed. */
  LibMemcached(Behavior behavior, List<ServerAddress> servers) {
    library = lookup();
    generateHash = function("memcached_generate_hash", JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG);
    handle =
        (MemorySegment) call(function("memcached_create", ADDRESS, ADDRESS), MemorySegment.NULL);
    set(behavior);
    MethodHandle add =
        function(
            "memcached_server_add_with_weight", JAVA_INT, ADDRESS, ADDRESS, JAVA_SHORT, JAVA_INT);
    for (ServerAddress server : servers) {
      MemorySegment host = arena.allocateFrom(server.host());
      succeed((int) call(add, handle, host, (short) server.port(), server.weight()));
    }
  }

  private SymbolLookup lookup() {
    try {
      return SymbolLookup.libraryLookup(LIBRARY, arena);
    } catch (IllegalArgumentException e) {
      return Assumptions.abort("Debian package libmemcached11 is not installed");
    }
  }

  private void set(Behavior behavior) {
    MethodHandle name = function("libmemcached_string_behavior", ADDRESS, JAVA_INT);
    String known =
        ((MemorySegment) call(name, behavior.number)).reinterpret(Long.MAX_VALUE).getString(0);
    if (!known.equals(behavior.name())) {
      throw new IllegalStateException("libmemcached's behaviour " + behavior + " is " + known);
    }
    MethodHandle set = function("memcached_behavior_set", JAVA_INT, ADDRESS, JAVA_INT, JAVA_LONG);
    succeed((int) call(set, handle, behavior.number, 1L));
  }

  /** The index of the server that gets this key. */
  int owner(byte[] key) {
    MemorySegment.copy(key, 0, keyRoom, java.lang.foreign.ValueLayout.JAVA_BYTE, 0, key.length);
    try {
      return (int) generateHash.invokeExact(handle, keyRoom, (long) key.length);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private MethodHandle function(String name, MemoryLayout result, MemoryLayout... arguments) {
    return Linker.nativeLinker()
        .downcallHandle(library.find(name).orElseThrow(), FunctionDescriptor.of(result, arguments));
  }

  private static Object call(MethodHandle function, Object... arguments) {
    try {
      return function.invokeWithArguments(arguments);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private static void succeed(int result) {
    if (result != 0) {
      throw new IllegalStateException("libmemcached returned " + result);
    }
  }

  @Override
  public void close() {
    MethodHandle free =
        Linker.nativeLinker()
            .downcallHandle(
                library.find("memcached_free").orElseThrow(), FunctionDescriptor.ofVoid(ADDRESS));
    call(free, handle);
    arena.close();
  }
}
