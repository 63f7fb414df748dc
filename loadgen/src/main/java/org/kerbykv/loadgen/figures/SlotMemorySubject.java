package org.kerbykv.loadgen.figures;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.kerbykv.bpf.BPFException;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFTestRun;
import org.kerbykv.bpf.BPFType;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.workload.SyntheticWorkload;

/**
 * How much kernel memory items take in slots of one size: DINT-KV with one slot for each item that
 * fits one, and all items set. What XDP does not keep is in user space: items that are too large,
 * and those that find the four slots of their bucket taken.
 */
final class SlotMemorySubject implements Subject {
  /** As {@link MemorySubject#PER_STORED}, were none of the slots empty. */
  static final String PER_STORED_AT_BEST = "bytes_per_stored_byte_at_best";

  private static final String MAP = "dint_cache";
  private static final int WAYS = 4;
  private static final Path DESCRIPTORS = Path.of("/proc/self/fdinfo");

  private final int slotBytes;
  private final int keys;

  /**
   * @param slotBytes of the longest value in a slot
   * @param keys how many items
   */
  SlotMemorySubject(int slotBytes, int keys) {
    this.slotBytes = slotBytes;
    this.keys = keys;
  }

  /** DINT-KV's programs with room for so many items. */
  static BPFProgram load(int slotBytes, int slots) {
    int buckets = Math.ceilDiv(slots, WAYS);
    return BPFLoader.open(BPFProgram.class, "dint_kv_" + slotBytes + ".bpf.o")
        .constant("mc_port", RequestFrame.PORT)
        .constant("dint_buckets", buckets)
        .mapMaxEntries(MAP, buckets)
        .load();
  }

  @Override
  public List<Cell> cells() {
    return Arrays.stream(MemorySubject.Sizes.values())
        .map(sizes -> MemorySubject.cell(KvSystem.dint(slotBytes), sizes, slotBytes))
        .toList();
  }

  @Override
  public int roundsMax() {
    return 1;
  }

  @Override
  public Session open(PrintStream log) {
    return new Session() {
      @Override
      public Map<String, Double> measure(Cell cell) throws LoadException {
        String sizes = cell.get(MemorySubject.SIZES);
        return slots(MemorySubject.Sizes.valueOf(sizes.toUpperCase(java.util.Locale.ROOT)));
      }

      @Override
      public void close() {}
    };
  }

  private Map<String, Double> slots(MemorySubject.Sizes sizes) throws LoadException {
    SyntheticWorkload workload = sizes.workload(keys);
    ByteBuf key = Unpooled.buffer(workload.keyLengthMax());
    long all = 0;
    long fitting = 0;
    int slots = 0;
    for (int i = 0; i < keys; i++) {
      int valueBytes = workload.valueLength(i, 0);
      int bytes = workload.writeKey(i, key.clear()) + valueBytes;
      all += bytes;
      if (valueBytes <= slotBytes) {
        slots++;
        fitting += bytes;
      }
    }
    try (BPFProgram programs = load(slotBytes, slots)) {
      long stored = store(programs, workload);
      double memory = memory(programs.getArray(MAP, BPFType.bytes(programs.valueSize(MAP))).id());
      Map<String, Double> figures = new LinkedHashMap<>();
      figures.put("memory_bytes", memory);
      figures.put("stored_bytes", (double) stored);
      figures.put(MemorySubject.PER_STORED, memory / stored);
      figures.put(PER_STORED_AT_BEST, memory / fitting);
      figures.put(MemorySubject.SPILLED, 1 - (double) stored / all);
      return figures;
    } catch (BPFException e) {
      throw new LoadException(e.summary(), e);
    }
  }

  /** Sets all items; returns the bytes of keys and values that XDP keeps. */
  private static long store(BPFProgram programs, SyntheticWorkload workload) {
    BPFTestRun run = programs.testRun("dint_xdp");
    ByteBuf key = Unpooled.buffer(workload.keyLengthMax());
    long stored = 0;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(RequestFrame.LENGTH_MAX);
      for (int i = 0; i < workload.keys(); i++) {
        int keyBytes = workload.writeKey(i, key.clear());
        int valueBytes = workload.valueLength(i, 0);
        RequestFrame set = RequestFrame.set(key.toString(US_ASCII), valueBytes);
        set.copyTo(memory);
        if (run.run(memory.asSlice(0, set.length()), 1).retval() == ProgramBench.XDP_TX) {
          stored += keyBytes + valueBytes;
        }
      }
    }
    return stored;
  }

  /** What the kernel says that one of our maps takes. */
  private static double memory(int mapId) throws LoadException {
    try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(DESCRIPTORS)) {
      for (Path descriptor : descriptors) {
        Map<String, String> info = info(descriptor);
        if (Integer.toString(mapId).equals(info.get("map_id"))) {
          return Double.parseDouble(info.get("memlock"));
        }
      }
    } catch (IOException e) {
      throw new LoadException("cannot read " + DESCRIPTORS + ": " + e.getMessage(), e);
    }
    throw new LoadException("map " + mapId + " is none of ours");
  }

  /** Name and value, a line each; of a descriptor that is closed meanwhile, nothing. */
  private static Map<String, String> info(Path descriptor) {
    Map<String, String> info = new LinkedHashMap<>();
    try {
      for (String line : Files.readAllLines(descriptor)) {
        int colon = line.indexOf(':');
        if (colon > 0) {
          info.put(line.substring(0, colon), line.substring(colon + 1).strip());
        }
      }
    } catch (IOException e) {
      return Map.of();
    }
    return info;
  }
}
