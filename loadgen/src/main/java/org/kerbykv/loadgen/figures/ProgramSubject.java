package org.kerbykv.loadgen.figures;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.kerbykv.bpf.BPFException;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFTestRun;
import org.kerbykv.bpf.BTFLayout;
import org.kerbykv.loadgen.engine.LoadException;

/**
 * How long an XDP program takes for a request, by test runs of the program as it is: no network, no
 * generator. Where the time goes follows from requests that end at successive stages.
 */
final class ProgramSubject implements Subject {
  /** Of {@link LoadSubject#KIND}. */
  static final String PROGRAM = "program";

  static final String OP = "op";
  static final String NANOS = "ns";

  /** What is asked. */
  enum Op {
    /** A command that the program lets pass once it has read the headers. */
    PASS,
    /** A get of what was never stored. */
    MISS,
    GET,
    /** A set of a value as long as the one before. */
    SET,
    /** A set of a value that takes another number of blocks than the one before. */
    SET_OTHER_LENGTH;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Value sizes, an empty one among them. */
  static final List<Integer> VALUE_SIZES = List.of(0, 64, 128, 256, 512, 1024);

  private static final int XDP_PASS = 2;
  private static final int ROUNDS_OF_KEYS = 2;

  /** The longest value that BMC keeps. */
  private static final int BMC_MAX = 1000;

  /** So that few buckets of DINT-KV are too full. */
  private static final int SLOTS_PER_KEY = 3;

  /** So that few keys of BMC, one in sixteen, have lost their entry to another. */
  private static final int ENTRIES_PER_KEY = 8;

  /** Bytes that an item takes beside its value, rounded up: its key. */
  private static final int KEY_ROOM = 256;

  private final String system;
  private final int unit;
  private final int keys;
  private final boolean isOnce;

  /**
   * @param system {@link KvSystem#KERBY}, {@link KvSystem#REFLECTOR}, {@link KvSystem#BMC} or a
   *     {@link KvSystem#dint}
   * @param unit bytes of a block, or of a slot; 0 where there is neither
   * @param keys how many items, stored before
   * @param isOnce whether one round is enough
   */
  ProgramSubject(String system, int unit, int keys, boolean isOnce) {
    this.system = system;
    this.unit = unit;
    this.keys = keys;
    this.isOnce = isOnce;
  }

  static Cell cell(String system, int unit, Op op, int valueSize) {
    return Cell.of(
        system,
        LoadSubject.KIND,
        PROGRAM,
        OP,
        op,
        MemorySubject.UNIT,
        unit,
        LoadSubject.VALUE_SIZE,
        valueSize);
  }

  @Override
  public List<Cell> cells() {
    if (isReflector()) {
      return List.of(cell(system, unit, Op.GET, 0));
    }
    List<Cell> cells = new ArrayList<>();
    cells.add(cell(system, unit, Op.PASS, 0));
    cells.add(cell(system, unit, Op.MISS, 0));
    for (int valueSize : VALUE_SIZES) {
      if (isKerby() || valueSize == 0 || valueSize == unit || (isBmc() && valueSize <= BMC_MAX)) {
        cells.add(cell(system, unit, Op.GET, valueSize));
        cells.add(cell(system, unit, Op.SET, valueSize));
      }
      if (isKerby()) {
        cells.add(cell(system, unit, Op.SET_OTHER_LENGTH, valueSize));
      }
    }
    return cells;
  }

  @Override
  public int roundsMax() {
    return isOnce ? 1 : Integer.MAX_VALUE;
  }

  private boolean isKerby() {
    return system.equals(KvSystem.KERBY);
  }

  private boolean isBmc() {
    return system.equals(KvSystem.BMC);
  }

  private boolean isReflector() {
    return system.equals(KvSystem.REFLECTOR);
  }

  @Override
  public Session open(PrintStream log) throws LoadException {
    try {
      if (isReflector()) {
        return new Runs(reflector(), "xdp_reflect");
      }
      if (isBmc()) {
        return new Runs(bmc(), "bmc_xdp");
      }
      return isKerby() ? new Runs(kerby(), "kv_xdp") : new Runs(dint(), "dint_xdp");
    } catch (BPFException e) {
      throw new LoadException(e.summary(), e);
    }
  }

  private static BPFProgram reflector() {
    short port = Short.reverseBytes((short) RequestFrame.PORT);
    return BPFLoader.open(BPFProgram.class, "xdp_reflect.bpf.o")
        .constant("reflect_port", Short.toUnsignedInt(port))
        .load();
  }

  private BPFProgram bmc() {
    int entries = ENTRIES_PER_KEY * keys;
    return BPFLoader.open(BPFProgram.class, "bmc.bpf.o")
        .constant("mc_port", RequestFrame.PORT)
        .constant("bmc_entries", entries)
        .mapMaxEntries("bmc_cache", entries)
        .load();
  }

  private BPFProgram dint() {
    return SlotMemorySubject.load(unit, SLOTS_PER_KEY * keys);
  }

  private BPFProgram kerby() {
    String object = "kv.bpf.o";
    int longest = KEY_ROOM + VALUE_SIZES.getLast();
    long blocks = (long) keys * (1 + Math.ceilDiv(longest, unit));
    ByteBuffer address = ByteBuffer.allocate(Integer.BYTES).putInt(0, RequestFrame.SERVER_ADDRESS);
    long networkOrder = Integer.toUnsignedLong(address.order(ByteOrder.nativeOrder()).getInt(0));
    BPFProgram programs =
        BPFLoader.open(BPFProgram.class, object)
            .mapMaxEntries("kerby_pool", blocks)
            .mapValueSize("kerby_pool", unit)
            .mapMaxEntries("kv_index", blocks)
            .constant("kerby_capacity", blocks)
            .constant("kerby_block_bytes", unit)
            .mapMaxEntries("kv_large", blocks)
            .constant("kv_large_units", MemorySubject.largeUnits(unit))
            .constant("kv_udp_port", RequestFrame.PORT)
            .constant("kv_listen_ip4", networkOrder)
            .constants("net_allow4", RequestFrame.FROM_EVERYWHERE)
            .load();
    long hashKey =
        BTFLayout.read(BPFProgram.class, object).struct("kv_ctl").member("hash_key").offset();
    programs.mmap("kv_ctl").set(JAVA_LONG, hashKey, System.nanoTime());
    return programs;
  }

  /** A store of items of one size at a time. */
  private final class Runs implements Session {
    private final BPFProgram programs;
    private final String program;
    private final ProgramBench bench = new ProgramBench(keys);
    private int stored = -1;

    Runs(BPFProgram programs, String program) {
      this.programs = programs;
      this.program = program;
    }

    @Override
    public Map<String, Double> measure(Cell cell) throws LoadException {
      int valueSize = Integer.parseInt(cell.get(LoadSubject.VALUE_SIZE));
      try {
        Op op = Op.valueOf(cell.get(OP).toUpperCase(Locale.ROOT));
        return Map.of(NANOS, nanos(op, valueSize));
      } catch (BPFException e) {
        throw new LoadException(e.summary(), e);
      }
    }

    private double nanos(Op op, int valueSize) throws LoadException {
      return switch (op) {
        case PASS -> timed(RequestFrame.unknown(), XDP_PASS, "");
        case MISS ->
            isBmc()
                ? timed(RequestFrame.getAbsent(), XDP_PASS, "")
                : timed(RequestFrame.getAbsent(), ProgramBench.XDP_TX, "END\r\n");
        case GET -> {
          if (!isReflector()) {
            store(valueSize);
          }
          String reply = isReflector() ? "get k" : "VALUE k";
          yield timed(RequestFrame.get(), ProgramBench.XDP_TX, reply);
        }
        case SET -> {
          store(valueSize);
          if (isBmc()) {
            stored = -1;
            yield timed(RequestFrame.set(valueSize), XDP_PASS, "");
          }
          yield timed(RequestFrame.set(valueSize), ProgramBench.XDP_TX, "STORED\r\n");
        }
        case SET_OTHER_LENGTH -> {
          store(valueSize < VALUE_SIZES.getLast() / 2 ? VALUE_SIZES.getLast() : 0);
          stored = valueSize;
          yield once(RequestFrame.set(valueSize));
        }
      };
    }

    private void store(int valueSize) throws LoadException {
      if (stored != valueSize) {
        if (isBmc()) {
          learn(valueSize);
        } else {
          run(RequestFrame.set(valueSize), keys, ProgramBench.XDP_TX, "STORED\r\n");
        }
        stored = valueSize;
      }
    }

    /**
     * A cache learns from the replies to what it let pass, and forgets what was in the same place.
     * Key 0 comes last, so it is there.
     */
    private void learn(int valueSize) {
      try (Arena arena = Arena.ofConfined();
          BPFTestRun in = programs.testRun(program);
          BPFTestRun out = programs.testRun("bmc_egress")) {
        MemorySegment memory = arena.allocate(RequestFrame.LENGTH_MAX);
        for (int i = keys - 1; i >= 0; i--) {
          send(in, RequestFrame.get(i), memory);
          send(out, RequestFrame.reply(i, valueSize), memory);
        }
      }
    }

    private static void send(BPFTestRun run, RequestFrame frame, MemorySegment memory) {
      frame.copyTo(memory);
      run.run(memory.asSlice(0, frame.length()), 1);
    }

    private double timed(RequestFrame request, int verdict, String reply) throws LoadException {
      run(request, 1, verdict, reply);
      return bench.nanos(
          programs, program, request, ProgramBench.Order.RANDOM, ROUNDS_OF_KEYS * keys);
    }

    /** Each key once: the next time it would be a value as long as the one before. */
    private double once(RequestFrame request) {
      return bench.nanos(programs, program, request, ProgramBench.Order.ONCE, keys);
    }

    private void run(RequestFrame request, int times, int verdict, String reply)
        throws LoadException {
      BPFTestRun.Result result =
          bench.run(programs, program, request, ProgramBench.Order.STORING, times);
      boolean isReply = verdict == ProgramBench.XDP_TX;
      if (result.retval() != verdict
          || (isReply && !RequestFrame.text(result.data()).startsWith(reply))) {
        throw new LoadException("verdict " + result.retval() + " instead of " + verdict);
      }
    }

    @Override
    public void close() {
      bench.close();
      programs.close();
    }
  }
}
