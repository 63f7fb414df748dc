package org.kerbykv.server.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.BPFTestRun;
import org.kerbykv.bpf.BPFType;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.XdpMode;

@RequiresBPF
class KernelDoorsTest {
  private static final int MIB = 1 << 20;

  @Test
  void storesThroughXdpAndAuditsClean() throws Exception {
    try (KernelDoors doors = KernelDoors.open(config(192), 8);
        BPFTestRun xdp = doors.program().testRun("kv_xdp")) {
      KvStats stats = doors.stats();
      assertThat(send(xdp, "set k 7 0 300\r\n" + "v".repeat(300) + "\r\n")).isEqualTo("STORED\r\n");
      stats.refresh();
      assertThat(stats.requests(0, 1, 2)).isEqualTo(1);
      assertThat(stats.items(0)).isEqualTo(1);
      assertThat(stats.valueBytes(0)).isEqualTo(300);
      assertThat(doors.blocksInUse()).isEqualTo(2);
      assertThat(Audit.of(doors.program()))
          .isEqualTo(new Audit(1, 1, 2, 2, 2, 0, 0, 0, 0))
          .matches(Audit::ok);
    }
  }

  @Test
  void auditSeesALeakedAndAMissingBlock() throws Exception {
    try (KernelDoors doors = KernelDoors.open(config(64), 8);
        BPFTestRun xdp = doors.program().testRun("kv_xdp")) {
      send(xdp, "set k 0 0 200\r\n" + "v".repeat(200) + "\r\n");
      var pool =
          doors
              .program()
              .getHashMap("kerby_pool", BPFType.INT64, BPFType.bytes(doors.size().blockBytes()));
      pool.put(1_000_000L, new byte[64]);
      assertThat(Audit.of(doors.program()).blocksLeaked()).isEqualTo(1);
      pool.delete(1_000_000L);
      pool.delete(2L);
      Audit audit = Audit.of(doors.program());
      assertThat(audit.blocksMissing()).isEqualTo(1);
      assertThat(audit.ok()).isFalse();
    }
  }

  @Test
  void blockSizesThatThePoolDoesNotHaveAreRefusedInALine() {
    for (int bytes : new int[] {0, 31, 33, 968}) {
      assertThatThrownBy(() -> PoolSize.of(64L * MIB, bytes))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageStartingWith("block size " + bytes);
    }
  }

  /** Whatever the items' sizes are, the blocks that the budget has room for fit the pool's map. */
  @Test
  void poolHasRoomForAllBlocksButHeads() {
    for (int bytes : new int[] {32, 64, 128, 192, 448, 960}) {
      PoolSize size = PoolSize.of(64L * MIB, bytes);
      for (int rest = 1; rest <= KvEntry.VALUE_MAX + KvEntry.KEY_MAX - KvEntry.HEAD_BYTES; rest++) {
        int blocks = Math.ceilDiv(rest, bytes);
        // Where large ones count as much, they are taken.
        if (blocks < Math.ceilDiv(rest, KvEntry.LARGE_BYTES) * size.largeUnits()) {
          assertThat(blocks * size.blocks()).isLessThanOrEqualTo((blocks + 1) * size.poolBlocks());
        }
      }
    }
  }

  @Test
  void poolStaysWithinItsLimit() {
    for (int bytes : new int[] {32, 64, 128, 192, 448, 960}) {
      PoolSize size = PoolSize.of(64L * MIB, bytes);
      long ofHeads = size.memoryBytes(size.blocks(), size.blocks());
      long ofThePools = size.memoryBytes(size.blocks(), 0);
      assertThat(Math.max(ofHeads, ofThePools)).isBetween(56L * MIB, 64L * MIB);
    }
  }

  private static KernelConfig config(int blockBytes) throws Exception {
    return config(blockBytes, 64L * MIB);
  }

  static KernelConfig config(int blockBytes, long memoryBytes) throws Exception {
    return new KernelConfig(
        new DoorPlace(
            "lo",
            List.of(InetAddress.getByName("198.18.0.2")),
            XdpMode.GENERIC,
            Optional.empty(),
            RequestFrame.ALLOWED),
        11211,
        memoryBytes,
        blockBytes,
        1400,
        0);
  }

  static String send(BPFTestRun run, String text) {
    byte[] frame = RequestFrame.of(text.getBytes(StandardCharsets.ISO_8859_1));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment in = arena.allocateFrom(ValueLayout.JAVA_BYTE, frame);
      byte[] out = run.run(in, 1).data();
      return new String(
          out, RequestFrame.TEXT, out.length - RequestFrame.TEXT, StandardCharsets.ISO_8859_1);
    }
  }
}
