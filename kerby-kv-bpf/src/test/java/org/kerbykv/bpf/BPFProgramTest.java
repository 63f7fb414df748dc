package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Loading, constants, test runs and mapped memory. */
@RequiresBPF
class BPFProgramTest {
  static final String OBJECT = "binding.bpf.o";

  private final BPFProgram program = BPFProgram.load(BPFProgramTest.class, OBJECT);
  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
    program.close();
  }

  @Test
  void syscallProgramSeesArgumentsAndConstantsAndMappedMemory() {
    try (BPFProgram other =
            BPFLoader.open(BPFProgramTest.class, OBJECT)
                .constant("constant_u8", 255)
                .constant("constant_u16", 0xffff)
                .constant("constant_u32", -1)
                .constant("constant_s64", -1_000_000_000_000L)
                .constant("constant_kind", 42)
                .load();
        BPFTestRun run = other.testRun("reflect")) {
      MemorySegment mapped = other.mmap("mapped");
      mapped.set(JAVA_BYTE, 999 * 16, (byte) 77);
      MemorySegment arguments = arena.allocate(16, 8);
      arguments.set(JAVA_INT, 0, 999);

      assertThat(run.run(arguments)).isEqualTo(42);
      assertThat(arguments.get(JAVA_INT, 4)).isEqualTo(77);
      assertThat(arguments.get(JAVA_LONG, 8))
          .isEqualTo(255 + 0xffff + 0xffff_ffffL - 1_000_000_000_000L);
      assertThat(mapped.get(JAVA_BYTE, 999 * 16 + 1)).isEqualTo((byte) 78);
    }
  }

  @Test
  void syscallRunGivesErrnoWhenTheKernelRefuses() {
    try (BPFTestRun run = program.testRun("reflect")) {
      // one byte more than the kernel takes: SYSCALL_CONTEXT_BYTES_MAX is what it says
      assertThat(run.run(arena.allocate(BPFTestRun.SYSCALL_CONTEXT_BYTES_MAX + 1L)))
          .isEqualTo(-Errno.EINVAL);
      assertThat(run.run(arena.allocate(BPFTestRun.SYSCALL_CONTEXT_BYTES_MAX))).isEqualTo(1);
    }
  }

  @Test
  void syscallRunAllocatesNothingOnceCompiled() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (BPFTestRun run = program.testRun("reflect")) {
      MemorySegment arguments = arena.allocate(16, 8);
      long allocated = Long.MAX_VALUE;
      for (int round = 0; round < 5000 && allocated > 0; round++) {
        long before = threads.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < 2000; i++) {
          int _ = run.run(arguments);
        }
        allocated = threads.getCurrentThreadAllocatedBytes() - before;
      }
      assertThat(allocated).isZero();
    }
  }

  @Test
  void memoryThatTheKernelCannotReadIsRefused() {
    MemorySegment closed;
    try (Arena brief = Arena.ofConfined()) {
      closed = brief.allocate(64);
    }
    MemorySegment heap = MemorySegment.ofArray(new long[8]);
    try (BPFTestRun syscall = program.testRun("reflect");
        BPFTestRun xdp = program.testRun("drop_xdp")) {
      assertThatIllegalArgumentException().isThrownBy(() -> syscall.run(heap));
      assertThatIllegalStateException().isThrownBy(() -> syscall.run(closed));
      assertThatIllegalArgumentException().isThrownBy(() -> xdp.run(heap, 1));
      assertThatIllegalStateException().isThrownBy(() -> xdp.run(closed, 1));
      MemorySegment frame = arena.allocate(60);
      assertThatIllegalArgumentException().isThrownBy(() -> xdp.run(frame, heap, 1));
    }
  }

  @Test
  void xdpRunGivesPacketVerdictAndTime() {
    try (BPFTestRun run = program.testRun("reflect_xdp")) {
      byte[] frame = "AAAAAABBBBBB..payload".getBytes(UTF_8);
      BPFTestRun.Result result = run.run(arena.allocateFrom(JAVA_BYTE, frame), 1);

      assertThat(result.retval()).isEqualTo(3); // XDP_TX
      assertThat(new String(result.data(), UTF_8)).isEqualTo("BBBBBBAAAAAA..payload\0");
      assertThat(result.ctxOut().byteSize()).isZero();
    }
  }

  @Test
  void repeatedRunsAreCountedAndEachGetsThePacketOfTheOneBefore() {
    BPFPerCpuArray<byte[]> counters = program.getPerCpuArray("counters", BPFType.bytes(16));
    try (BPFTestRun run = program.testRun("reflect_xdp")) {
      BPFTestRun.Result result = run.run(arena.allocate(20), 10);
      assertThat(result.dataOut().byteSize()).isEqualTo(30);
    }
    long[] sums = new long[2];
    counters.sumWords(0, sums);
    assertThat(sums).containsExactly(10, 10 * 20 + 45);
    assertThat(program.mmap(".bss").get(JAVA_LONG, offsetOf("xdp_runs"))).isEqualTo(10);
  }

  @Test
  void xdpContextCarriesMetadataAndComesBack() {
    try (BPFTestRun run = program.testRun("context_xdp")) {
      MemorySegment data = arena.allocate(4 + 60);
      int loopback = 1;
      data.set(JAVA_INT, 0, loopback);
      MemorySegment context = XdpMd.allocate(arena, 64, 4, loopback);
      context.set(JAVA_INT, XdpMd.RX_QUEUE_INDEX, 0);
      BPFTestRun.Result result = run.run(data, context, 1);

      assertThat(result.retval()).isEqualTo(2); // XDP_PASS
      assertThat(result.dataOut().byteSize()).isEqualTo(64);
      assertThat(result.dataOut().get(JAVA_INT, 0)).isEqualTo(0x6b657262);
      assertThat(result.ctxOut().get(JAVA_INT, XdpMd.DATA)).isEqualTo(4);
      assertThat(result.ctxOut().get(JAVA_INT, XdpMd.INGRESS_IFINDEX)).isEqualTo(loopback);
    }
  }

  @Test
  void tcContextComesBackChanged() {
    try (BPFTestRun run = program.testRun("mark_tc")) {
      MemorySegment context = SkBuff.allocate(arena, 1);
      context.set(JAVA_INT, SkBuff.MARK, 41);
      BPFTestRun.Result result = run.run(arena.allocate(60), context, 1);

      assertThat(result.retval()).isZero();
      assertThat(result.ctxOut().get(JAVA_INT, SkBuff.MARK)).isEqualTo(42);
    }
  }

  @Test
  void liveFramesAreReallyHandled() {
    try (BPFTestRun run = program.testRun("drop_xdp")) {
      MemorySegment frame = arena.allocate(60);
      run.runLiveFrames(frame, XdpMd.allocate(arena, 60, 0, 1), 1000, 64);
      assertThat(program.mmap(".bss").get(JAVA_LONG, offsetOf("xdp_runs")))
          .isGreaterThanOrEqualTo(1000 * 1000);
      assertThatExceptionOfType(BPFException.class)
          .isThrownBy(
              () ->
                  run.runLiveFrames(
                      frame, XdpMd.allocate(arena, 60, 0, 1), 1, BPFTestRun.BATCH_SIZE_MAX + 1))
          .satisfies(e -> assertThat(e.errnoName()).isEqualTo("E2BIG"));
    }
  }

  @Test
  void ringBufferHandsOverInOrderAndAnExceptionComesOutOfPoll() {
    List<Long> seen = new ArrayList<>();
    try (BPFRingBuffer events =
            program.getRingBuffer(
                "events",
                record -> {
                  long value = record.get(JAVA_LONG, 0);
                  if (value == 2) {
                    throw new UnsupportedOperationException("two");
                  }
                  assertThat(record.byteSize()).isEqualTo(8);
                  seen.add(value);
                });
        BPFTestRun emit = program.testRun("emit")) {
      assertThat(events.poll(0)).isZero();
      MemorySegment arguments = arena.allocate(16, 8);
      arguments.set(JAVA_INT, 0, 5);
      assertThat(emit.run(arguments)).isZero();

      assertThatExceptionOfType(UnsupportedOperationException.class)
          .isThrownBy(() -> events.poll(1000))
          .withMessage("two");
      assertThat(seen).containsExactly(0L, 1L);
      assertThat(events.consume()).isEqualTo(2);
      assertThat(seen).containsExactly(0L, 1L, 3L, 4L);
      assertThat(events.poll(0)).isZero();
    }
  }

  @Test
  void mappedConstantsAreReadOnly() {
    MemorySegment constants = program.mmap(".rodata");
    assertThat(constants.isReadOnly()).isTrue();
    assertThat(constants.get(JAVA_INT, offsetOf("constant_u32"))).isEqualTo(3);
  }

  @Test
  void verifierCountsInstructions() {
    assertThat(program.verifiedInstructions("drop_xdp"))
        .isPositive()
        .isLessThan(program.verifiedInstructions("reflect_xdp"));
  }

  @Test
  void disabledProgramIsNotLoaded() {
    try (BPFProgram one = BPFLoader.open(BPFProgramTest.class, OBJECT).disable("drop_xdp").load()) {
      assertThat(one.verifiedInstructions("reflect_xdp")).isPositive();
      assertThatIllegalArgumentException()
          .isThrownBy(() -> one.testRun("drop_xdp"))
          .withMessage("program drop_xdp was not loaded");
    }
  }

  @Test
  void sizesAreWhatTheLoaderWasTold() {
    try (BPFProgram sized =
        BPFLoader.open(BPFProgramTest.class, OBJECT)
            .mapMaxEntries("resized", 70_000)
            .mapValueSize("resized", 448)
            .load()) {
      BPFHashMap<Long, byte[]> map = sized.getHashMap("resized", BPFType.INT64, BPFType.bytes(448));
      assertThat(map.maxEntries()).isEqualTo(70_000);
      assertThat(map.valueSize()).isEqualTo(448);
    }
  }

  @Test
  void useAfterCloseIsAnExceptionNotACrash() {
    BPFProgram closed = BPFProgram.load(BPFProgramTest.class, OBJECT);
    BPFArray<Integer> array = closed.getArray("plain", BPFType.INT32);
    MemorySegment mapped = closed.mmap("mapped");
    BPFTestRun run = closed.testRun("reflect");
    BPFRingBuffer events = closed.getRingBuffer("events", _ -> {});
    closed.close();
    closed.close();
    MemorySegment arguments = arena.allocate(16, 8);

    assertThatIllegalStateException().isThrownBy(() -> array.get(0));
    assertThatIllegalStateException().isThrownBy(() -> mapped.get(JAVA_BYTE, 0));
    assertThatIllegalStateException().isThrownBy(() -> run.run(arguments));
    assertThatIllegalStateException().isThrownBy(() -> events.poll(0));
    assertThatIllegalStateException().isThrownBy(() -> closed.testRun("reflect"));
    assertThatIllegalStateException().isThrownBy(() -> closed.mmap("samples"));
  }

  static long offsetOf(String variable) {
    return BTFLayout.read(BPFProgramTest.class, OBJECT).variable(variable).offset();
  }
}
