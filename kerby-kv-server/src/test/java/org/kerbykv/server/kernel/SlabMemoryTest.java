package org.kerbykv.server.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.kerbykv.bpf.BPFTestRun;
import org.kerbykv.bpf.RequiresBPF;

/**
 * The memory that the metrics tell of, compared with what the kernel's slab allocator hands out.
 */
@RequiresBPF
@Tag("alone")
class SlabMemoryTest {
  private static final long MIB = 1 << 20;
  private static final int ITEMS = 20_000;
  private static final int VALUE_BYTES_MAX = 1024;

  /**
   * Elements that the kernel's allocator keeps ready on each CPU, and whatever the rest of the
   * machine takes and gives back meanwhile.
   */
  private static final double PERCENT = 4;

  @ParameterizedTest
  @ValueSource(ints = {64, 128, 192, 448, 960})
  void metricsTellWhatTheSlabsHold(int blockBytes) throws Exception {
    try (KernelDoors doors = KernelDoors.open(KernelDoorsTest.config(blockBytes, 128 * MIB), 8);
        BPFTestRun xdp = doors.program().testRun("kv_xdp")) {
      long slabsBefore = slabBytes();
      SplittableRandom random = new SplittableRandom(7);
      for (int i = 0; i < ITEMS; i++) {
        String value = "v".repeat(random.nextInt(VALUE_BYTES_MAX + 1));
        KernelDoorsTest.send(
            xdp, "set key" + i + " 0 0 " + value.length() + "\r\n" + value + "\r\n");
      }
      long slabs = slabBytes() - slabsBefore;
      KvStats stats = doors.stats();
      stats.refresh();
      assertThat(stats.items(0)).isEqualTo(ITEMS);
      long empty = doors.size().memoryBytes(0, 0);
      assertThat(doors.size().memoryBytes(doors.blocksInUse(), ITEMS) - empty)
          .isCloseTo(slabs, withinPercentage(PERCENT));
    }
  }

  /** Bytes of all objects that are taken, of the sizes in which maps get their elements. */
  private static long slabBytes() throws IOException {
    try (Stream<String> lines = Files.lines(Path.of("/proc/slabinfo"), StandardCharsets.US_ASCII)) {
      return lines
          .filter(line -> line.startsWith("kmalloc-cg-"))
          .map(line -> line.split(" +"))
          .mapToLong(fields -> Long.parseLong(fields[1]) * Long.parseLong(fields[3]))
          .sum();
    }
  }
}
