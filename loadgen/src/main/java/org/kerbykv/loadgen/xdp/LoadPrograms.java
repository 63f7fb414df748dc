package org.kerbykv.loadgen.xdp;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFPerCpuArray;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFType;
import org.kerbykv.bpf.BTFLayout;
import org.kerbykv.loadgen.engine.LoadCounts;
import org.kerbykv.loadgen.engine.LoadSpec;

/**
 * The generator's programs, loaded for one load, and the Java side of their contract, load_abi.h.
 * The layouts are read from the object. Usable from any thread; the sweep from one.
 */
final class LoadPrograms implements AutoCloseable {
  static final String OBJECT = "xdp_load.bpf.o";
  static final String SEND = "load_send";
  static final String RECEIVE = "load_receive";
  static final BTFLayout LAYOUT = BTFLayout.read(BPFProgram.class, OBJECT);

  private static final BTFLayout.Struct LANE = LAYOUT.struct("load_lane");
  private static final VarHandle LONG = JAVA_LONG.varHandle();
  private static final long LANE_BYTES = LANE.size();
  private static final long LANE_COUNTED = LANE.member("counted").offset();
  private static final long LANE_LIMIT = LANE.member("limit").offset();
  private static final long LANE_NEXT = LANE.member("next").offset();
  private static final long LANE_DUE = LANE.member("due").offset();
  private static final long LANE_GIVEN_UP = LANE.member("given_up").offset();
  private static final int COUNTERS = number("LOAD_COUNTERS");
  private static final int LANE_NONE = -1;

  /** enum load_counter. */
  enum Counter {
    SENT,
    HITS,
    MISSES,
    STORED,
    ERRORS,
    CORRUPT,
    LOST_SENDING,
    LATE,
    LATE_LOST,
    DUPLICATE,
    FOREIGN,
    AHEAD,
    FULL,
    BROKEN;

    private final int index = number("LOAD_" + name());

    long in(long[] counters) {
      return counters[index];
    }
  }

  private final BPFProgram programs;
  private final MemorySegment control;
  private final MemorySegment lanes;
  private final BPFPerCpuArray<byte[]> counts;
  private final BPFPerCpuArray<byte[]> latency;
  private final SlotSweep sweep;
  private final int laneCount;
  private boolean closed;

  /**
   * @param cpus the CPU of each lane
   */
  LoadPrograms(LoadSpec spec, Route route, RequestTable requests, int slotsPerLane, int[] cpus) {
    laneCount = cpus.length;
    int laneBits = laneBits(laneCount);
    BPFLoader loader = BPFLoader.open(BPFProgram.class, OBJECT);
    route.setConstants(loader, spec.server());
    loader
        .constant("load_lane_bits", laneBits)
        .constant("load_slot_mask", slotsPerLane - 1L)
        .constant("load_stream_mask", requests.length() - 1L)
        .constant("load_key_room", requests.keyLengthMax())
        .constant("load_value_max", requests.valueLengthMax())
        .constant("load_timeout_ns", spec.timeout().toNanos())
        .constant("load_verify", spec.verify() ? 1 : 0)
        .constant("load_echo", spec.echo() ? 1 : 0)
        .mapMaxEntries("load_stream", requests.length())
        .mapMaxEntries("load_keys", requests.keys())
        .mapValueSize("load_keys", requests.keyStride())
        .mapMaxEntries("load_slots", (long) slotsPerLane << laneBits);
    programs = loader.load();
    try {
      requests.write(
          programs.mmap("load_stream"), programs.mmap("load_keys"), programs.mmap("load_pattern"));
      BTFLayout.Variable variable = LAYOUT.variable("load_control");
      control = programs.mmap(variable.section()).asSlice(variable.offset(), variable.size());
      lanes = programs.mmap("load_lanes");
      counts = programs.getPerCpuArray("load_counts", structure("load_counts"));
      latency = programs.getPerCpuArray("load_latency", structure("load_latency"));
      sweep = new SlotSweep(programs.mmap("load_slots"), slotsPerLane, laneCount);
      assignLanes(cpus);
    } catch (RuntimeException e) {
      programs.close();
      throw e;
    }
  }

  /** An enumerator of load_abi.h. */
  static int number(String enumerator) {
    return Math.toIntExact(LAYOUT.enumerator(enumerator));
  }

  static int laneBits(int lanes) {
    return Integer.SIZE - Integer.numberOfLeadingZeros(lanes - 1);
  }

  private static BPFType<byte[]> structure(String struct) {
    return BPFType.bytes(Math.toIntExact(LAYOUT.struct(struct).size()));
  }

  private void assignLanes(int[] cpus) {
    BPFPerCpuArray<Integer> map = programs.getPerCpuArray("load_lane_of_cpu", BPFType.INT32);
    List<Integer> byCpu = new ArrayList<>();
    for (int cpu = 0; cpu < map.cpus(); cpu++) {
      byCpu.add(LANE_NONE);
    }
    for (int lane = 0; lane < cpus.length; lane++) {
      byCpu.set(cpus[lane], lane);
    }
    map.set(0, byCpu);
  }

  BPFProgram programs() {
    return programs;
  }

  /** Sets one of the members of struct load_control. */
  void control(String member, long value) {
    LONG.setVolatile(control, LAYOUT.struct("load_control").member(member).offset(), value);
  }

  /**
   * Sets how a lane begins, before anything is sent.
   *
   * @param due of its first request, in 2^-16 ns from the start
   * @param limit of counted requests
   */
  void lane(int lane, long due, long limit) {
    lanes.set(JAVA_LONG, lane * LANE_BYTES + LANE_DUE, due);
    lanes.set(JAVA_LONG, lane * LANE_BYTES + LANE_LIMIT, limit);
  }

  /** Whether each lane has sent as many counted requests as it may. */
  boolean reachedLimit() {
    for (int lane = 0; lane < laneCount; lane++) {
      if (lane(lane, LANE_COUNTED) < lane(lane, LANE_LIMIT)) {
        return false;
      }
    }
    return true;
  }

  private long lane(int lane, long member) {
    return (long) LONG.getVolatile(lanes, lane * LANE_BYTES + member);
  }

  /** Requests of a lane so far. */
  long sent(int lane) {
    return lane(lane, LANE_NEXT);
  }

  /** Gives up requests that were sent before {@code nanoTime} and still have no answer. */
  void giveUp(long nanoTime) {
    for (int lane = 0; lane < laneCount; lane++) {
      long givenUp = sweep.giveUp(lane, sent(lane), nanoTime);
      LONG.setVolatile(lanes, lane * LANE_BYTES + LANE_GIVEN_UP, givenUp);
    }
  }

  /** Whether each request has been answered or given up, as of the last sweep. */
  boolean isSettled() {
    for (int lane = 0; lane < laneCount; lane++) {
      if (sweep.reached(lane) != sent(lane)) {
        return false;
      }
    }
    return true;
  }

  /** One of the counters, over all CPUs. */
  long count(Counter counter) {
    long[] sums = new long[COUNTERS];
    counts.sumWords(0, sums);
    return counter.in(sums);
  }

  /** What there has been until now. */
  LoadCounts counts() {
    long[] sums = new long[COUNTERS];
    counts.sumWords(0, sums);
    long answered = 0;
    for (Counter counter : ANSWERS) {
      answered += counter.in(sums);
    }
    return new LoadCounts(
        Counter.SENT.in(sums),
        answered,
        Counter.LOST_SENDING.in(sums) + Counter.LATE_LOST.in(sums) + sweep.countedLost(),
        Counter.LATE.in(sums),
        Counter.DUPLICATE.in(sums),
        Counter.FOREIGN.in(sums),
        Counter.CORRUPT.in(sums),
        Counter.HITS.in(sums),
        Counter.MISSES.in(sums),
        Counter.STORED.in(sums),
        Counter.ERRORS.in(sums));
  }

  private static final Counter[] ANSWERS = {
    Counter.HITS, Counter.MISSES, Counter.STORED, Counter.ERRORS, Counter.CORRUPT
  };

  /** The buckets of latency until now; see {@link LatencyBuckets}. */
  void latency(long[] buckets) {
    latency.sumWords(0, buckets);
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      programs.close();
    }
  }
}
