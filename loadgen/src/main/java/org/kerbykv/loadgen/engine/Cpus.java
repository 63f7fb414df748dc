package org.kerbykv.loadgen.engine;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;

/** The CPUs that threads run on. */
public final class Cpus {
  private static final int MASK_BYTES = 128;
  private static final MethodHandle SET = handle("sched_setaffinity");
  private static final MethodHandle GET = handle("sched_getaffinity");

  private Cpus() {}

  private static MethodHandle handle(String function) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(
        linker.defaultLookup().findOrThrow(function),
        FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS));
  }

  /** The CPUs that the calling thread may run on, in order. */
  public static List<Integer> allowed() {
    List<Integer> cpus = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment mask = arena.allocate(MASK_BYTES);
      if (call(GET, mask) < 0) {
        throw new IllegalStateException("sched_getaffinity failed");
      }
      for (int cpu = 0; cpu < MASK_BYTES * Byte.SIZE; cpu++) {
        if ((mask.get(JAVA_BYTE, cpu / Byte.SIZE) >> cpu % Byte.SIZE & 1) == 1) {
          cpus.add(cpu);
        }
      }
    }
    return cpus;
  }

  /**
   * Has the calling thread, and those that it starts, run on these CPUs alone.
   *
   * @throws IllegalArgumentException if one of them is not there, or not ours
   */
  public static void keepThreadTo(List<Integer> cpus) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment mask = arena.allocate(MASK_BYTES);
      for (int cpu : cpus) {
        if (cpu < 0 || cpu >= MASK_BYTES * Byte.SIZE) {
          throw new IllegalArgumentException("there is no CPU " + cpu);
        }
        int bits = mask.get(JAVA_BYTE, cpu / Byte.SIZE) | 1 << cpu % Byte.SIZE;
        mask.set(JAVA_BYTE, cpu / Byte.SIZE, (byte) bits);
      }
      if (call(SET, mask) < 0) {
        throw new IllegalArgumentException("no thread of ours may run on CPU " + cpus);
      }
    }
  }

  private static int call(MethodHandle function, MemorySegment mask) {
    try {
      return (int) function.invokeExact(0, (long) MASK_BYTES, mask);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
