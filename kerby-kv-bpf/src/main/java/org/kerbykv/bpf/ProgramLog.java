package org.kerbykv.bpf;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Where the verifier writes what it has against a program. */
final class ProgramLog {
  private final MemorySegment program;
  private final String name;
  private final MemorySegment buffer;

  private ProgramLog(MemorySegment program, String name, MemorySegment buffer) {
    this.program = program;
    this.name = name;
    this.buffer = buffer;
  }

  /** A log for {@code program}, which takes memory only as it is written. */
  static ProgramLog of(Arena arena, MemorySegment program, long bytes) {
    String name = LibC.text(LibBPF.programName(program));
    String attempted = "reserve the verifier's log of program " + name;
    LibC.Mapping mapping =
        LibC.mmap(
            arena,
            0,
            bytes,
            LibC.PROT_READ | LibC.PROT_WRITE,
            LibC.MAP_PRIVATE | LibC.MAP_ANONYMOUS | LibC.MAP_NORESERVE,
            -1);
    if (mapping.errno() != 0) {
      throw new BPFException(attempted, mapping.errno());
    }
    int result = LibBPF.programSetLogBuf(program, mapping.memory(), bytes);
    if (result < 0) {
      throw new BPFException(attempted, -result);
    }
    return new ProgramLog(program, name, mapping.memory());
  }

  String program() {
    return name;
  }

  /** What has been written; empty for a program that was accepted or not looked at. */
  String text() {
    return buffer.getString(0).strip();
  }

  /** Takes the memory away from the program, before it is unmapped. */
  void detach() {
    int _ = LibBPF.programSetLogBuf(program, MemorySegment.NULL, 0);
  }
}
