package org.kerbykv.loadgen.figures;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.PrintStream;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.kerbykv.loadgen.engine.Arrivals;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.engine.LoadSpec;
import org.kerbykv.loadgen.engine.Progress;
import org.kerbykv.loadgen.engine.Protocol;
import org.kerbykv.loadgen.report.ServerMetrics;
import org.kerbykv.loadgen.socket.SocketEngine;
import org.kerbykv.loadgen.topology.Target;
import org.kerbykv.loadgen.topology.VethTopology;
import org.kerbykv.loadgen.workload.KeyDistribution;
import org.kerbykv.loadgen.workload.SizeDistribution;
import org.kerbykv.loadgen.workload.SyntheticWorkload;

/**
 * How much kernel memory items take in this project's server, which is started with just the memory
 * that they need and filled with them.
 */
final class MemorySubject implements Subject {
  static final String MEMORY = "memory";

  /** Of a cell: one of {@link Sizes}. */
  static final String SIZES = "sizes";

  /** Of a cell: bytes of a block, or of a slot. */
  static final String UNIT = "unit";

  // Figures.
  static final String PER_STORED = "bytes_per_stored_byte";

  /** Share of the bytes that have no room in the kernel. */
  static final String SPILLED = "spilled_share";

  /** Which sizes of keys and of values there are, as {@link SizeDistribution#parse} takes them. */
  enum Sizes {
    UNIFORM("16", "16-1024", "values of 16 to 1024 bytes"),
    BIMODAL("16", "64:1,1024:1", "values of 64 and of 1024 bytes, as many of each"),
    ETC("fb_key", "fb_value:1024", "ETC's keys and values, cut to 1024 bytes");

    final String keySize;
    final String valueSize;
    private final String words;

    Sizes(String keySize, String valueSize, String words) {
      this.keySize = keySize;
      this.valueSize = valueSize;
      this.words = words;
    }

    String words() {
      return words;
    }

    SyntheticWorkload workload(int keys) {
      return new SyntheticWorkload(
          keys,
          SizeDistribution.parse(keySize),
          KeyDistribution.uniform(keys),
          SizeDistribution.parse(valueSize));
    }

    @Override
    public String toString() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  /** Bytes of an item that stand in its index entry, and what the entry takes in all. */
  private static final int HEAD_BYTES = 128;

  private static final int ENTRY_BYTES = 256;

  /** What a map's element takes beside its value, and one with a large block takes in all. */
  private static final int ELEMENT_OVERHEAD = 64;

  private static final int LARGE_ELEMENT = 1024;
  private static final int LARGE_BYTES = LARGE_ELEMENT - ELEMENT_OVERHEAD;
  private static final int NEVER_LARGE = 1 << 16;

  /** Of a hash map's buckets, of which there are a power of two, at least one an element. */
  private static final int BUCKET_BYTES = 16;

  /** What is kept free: above that mark, items leave the kernel. */
  private static final double LIMIT_MARGIN = 1.12;

  private static final long MIB = 1 << 20;
  private static final int OUTSTANDING = 32;

  private final int blockBytes;
  private final Sizes sizes;
  private final int keys;

  /**
   * @param blockBytes of the server's pool
   * @param keys how many items
   */
  MemorySubject(int blockBytes, Sizes sizes, int keys) {
    this.blockBytes = blockBytes;
    this.sizes = sizes;
    this.keys = keys;
  }

  /**
   * What an item with so many bytes of key and value counts as in the server's pool: its index
   * entry, and blocks or large ones.
   */
  static int blocks(int bytes, int blockBytes) {
    int rest = Math.max(0, bytes - HEAD_BYTES);
    int large = Math.ceilDiv(rest, LARGE_BYTES) * largeUnits(blockBytes);
    return 1 + Math.min(Math.ceilDiv(rest, blockBytes), large);
  }

  /** As the server has it: the blocks that take a large one's memory, or more than an item has. */
  static int largeUnits(int blockBytes) {
    int element = blockBytes + ELEMENT_OVERHEAD;
    boolean fits = element < LARGE_ELEMENT && LARGE_ELEMENT % element == 0;
    return fits ? LARGE_ELEMENT / element : NEVER_LARGE;
  }

  static Cell cell(String system, Sizes sizes, int unit) {
    return Cell.of(system, LoadSubject.KIND, MEMORY, SIZES, sizes, UNIT, unit);
  }

  @Override
  public List<Cell> cells() {
    return List.of(cell(KvSystem.KERBY, sizes, blockBytes));
  }

  @Override
  public int roundsMax() {
    return 1;
  }

  @Override
  public Session open(PrintStream log) throws LoadException, InterruptedException {
    Stored stored = Stored.of(sizes.workload(keys), blockBytes);
    long limit = limit((long) (stored.blocks * LIMIT_MARGIN));
    KvSystem system =
        new KvSystem(
            KvSystem.KERBY,
            Target.KERBY,
            List.of(
                "--block-size",
                Integer.toString(blockBytes),
                "--memory-limit",
                Long.toString(limit / MIB + 1)),
            1,
            List.of());
    List<Integer> cpus = LoadSubject.sending(LoadSubject.BOTH);
    StorePlace place = StorePlace.open(system, cpus, cpus, false, log);
    return new Session() {
      @Override
      public Map<String, Double> measure(Cell cell) throws LoadException, InterruptedException {
        return fill(place, stored);
      }

      @Override
      public void close() throws LoadException {
        place.close();
      }
    };
  }

  /** The memory with which the server has so many blocks: with its index, pool and large blocks. */
  private long limit(long blocks) {
    long buckets = 2 * buckets(blocks) + buckets(Math.ceilDiv(blocks, largeUnits(blockBytes)));
    return blocks * Math.max(blockBytes + ELEMENT_OVERHEAD, ENTRY_BYTES) + buckets * BUCKET_BYTES;
  }

  private static long buckets(long elements) {
    return Long.highestOneBit(elements * 2 - 1);
  }

  private Map<String, Double> fill(StorePlace place, Stored stored)
      throws LoadException, InterruptedException {
    SyntheticWorkload workload = sizes.workload(keys);
    LoadSpec spec =
        new LoadSpec(
            VethTopology.serverAddress(),
            Protocol.UDP,
            1,
            new Arrivals.Closed(OUTSTANDING),
            workload,
            true,
            Duration.ZERO,
            Duration.ofMillis(1),
            LoadSpec.UNLIMITED,
            1,
            1,
            false,
            false,
            Duration.ofMillis(250),
            1400);
    new SocketEngine().populate(spec, Progress.NONE);
    ServerMetrics metrics = place.metrics().orElseThrow();
    double inKernel = metrics.sum("kerby_kv_items", "tier=\"kernel\"");
    if (inKernel != keys) {
      throw new LoadException("only " + inKernel + " of " + keys + " items are in the kernel");
    }
    double memory = metrics.sum("kerby_pool_memory_bytes");
    Map<String, Double> figures = new LinkedHashMap<>();
    figures.put("memory_bytes", memory);
    figures.put("stored_bytes", (double) stored.bytes);
    figures.put(PER_STORED, memory / stored.bytes);
    figures.put(SPILLED, 0.0);
    return figures;
  }

  /** Bytes of keys and values, and the blocks that they fill, with the entries. */
  private record Stored(long bytes, long blocks) {
    static Stored of(SyntheticWorkload workload, int blockBytes) {
      long bytes = 0;
      long blocks = 0;
      ByteBuf key = Unpooled.buffer(workload.keyLengthMax());
      for (int i = 0; i < workload.keys(); i++) {
        int length = workload.writeKey(i, key.clear()) + workload.valueLength(i, 0);
        bytes += length;
        blocks += MemorySubject.blocks(length, blockBytes);
      }
      return new Stored(bytes, blocks);
    }
  }
}
