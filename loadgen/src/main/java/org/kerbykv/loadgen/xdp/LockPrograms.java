package org.kerbykv.loadgen.xdp;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import org.HdrHistogram.AbstractHistogram;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFPerCpuArray;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFType;
import org.kerbykv.bpf.BTFLayout;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.lock.LockCounts;
import org.kerbykv.loadgen.lock.LockLoadSpec;
import org.kerbykv.loadgen.lock.LockRun;
import org.kerbykv.loadgen.lock.LockTransactions;

/**
 * The programs that put load on lock managers, loaded for one load, and the Java side of their
 * contract, lock_load_abi.h. The layouts are read from the object. Usable from any thread.
 */
final class LockPrograms implements LockRun, AutoCloseable {
  static final String SEND = "lock_load_send";
  static final String RECEIVE = "lock_load_receive";
  private static final String OBJECT = "lock_load.bpf.o";
  private static final BTFLayout LAYOUT = BTFLayout.read(BPFProgram.class, OBJECT);

  private static final VarHandle LONG = JAVA_LONG.varHandle();
  private static final BTFLayout.Struct CLIENT = LAYOUT.struct("lock_load_client");
  private static final BTFLayout.Struct LANE = LAYOUT.struct("lock_load_lane");
  private static final long WORD = CLIENT.member("word").offset();
  private static final long BEGAN = CLIENT.member("began_ns").offset();
  private static final long RELEASING = CLIENT.member("releasing").offset();
  private static final long HELD = CLIENT.member("held").offset();
  private static final long TRANSACTION = CLIENT.member("transaction").offset();
  private static final long ACQUIRED = CLIENT.member("acquired").offset();
  private static final long LONGEST = CLIENT.member("longest_ns").offset();
  private static final long STATE_MASK = (1L << number("LOCK_LOAD_STATE_BITS")) - 1;
  private static final int BROKEN = number("LOCK_LOAD_BROKEN");
  private static final long IDLE = number("LOCK_LOAD_IDLE");

  /** Requests under way, for each CPU that sends: a veth interface has room for 256 frames. */
  private static final int WINDOW = 96;

  private final LockLoadSpec spec;
  private final BPFProgram programs;
  private final MemorySegment control;
  private final MemorySegment clients;
  private final BPFPerCpuArray<byte[]> counts;
  private final BPFPerCpuArray<byte[]> latency;
  private long[] buckets = new long[LatencyBuckets.COUNT];

  /**
   * @param cpus that send
   * @param firstClient the client ids are this and those that follow
   * @param firstSequence the numbers of their acquisitions are above this
   */
  LockPrograms(LockLoadSpec spec, Route route, int[] cpus, long firstClient, long firstSequence) {
    this.spec = spec;
    LockTransactions transactions = new LockTransactions(spec);
    BPFLoader loader = BPFLoader.open(BPFProgram.class, OBJECT);
    route.setConstants(loader, spec.server());
    programs =
        loader
            .constant("lock_load_clients_max", spec.clients())
            .constant("lock_load_first_client", firstClient)
            .constant("lock_load_first_sequence", firstSequence)
            .constant("lock_load_transaction_mask", transactions.count() - 1L)
            .constant("lock_load_locks", spec.locksPerTransaction())
            .constant("lock_load_wait_ms", spec.waitLimit().toMillis())
            .constant("lock_load_lease_ms", spec.lease().toMillis())
            .constant("lock_load_timeout_ns", spec.timeout().toNanos())
            .constant("lock_load_window", (long) WINDOW * cpus.length)
            .constant("lock_load_hold_ns", spec.hold().toNanos())
            .constant("lock_load_pause_ns", spec.backOff().shortest().toNanos())
            .constant("lock_load_level_max", spec.backOff().doublings())
            .mapMaxEntries("lock_load_stream", transactions.words().length)
            .mapMaxEntries("lock_load_clients", spec.clients())
            .mapMaxEntries("lock_load_holders", spec.locks())
            .load();
    try {
      MemorySegment stream = programs.mmap("lock_load_stream");
      int[] words = transactions.words();
      for (int i = 0; i < words.length; i++) {
        stream.setAtIndex(JAVA_LONG, i, Integer.toUnsignedLong(words[i]));
      }
      BTFLayout.Variable variable = LAYOUT.variable("lock_load_control");
      control = programs.mmap(variable.section()).asSlice(variable.offset(), variable.size());
      clients = programs.mmap("lock_load_clients");
      counts = programs.getPerCpuArray("lock_load_counts", structure("lock_load_counts"));
      latency = programs.getPerCpuArray("load_latency", structure("load_latency"));
      for (int client = 0; client < spec.clients(); client++) {
        int first = (int) ((long) transactions.count() * client / spec.clients());
        clients.set(JAVA_INT, client * CLIENT.size() + TRANSACTION, first);
      }
      setLanes(cpus);
    } catch (RuntimeException e) {
      programs.close();
      throw e;
    }
  }

  static int number(String enumerator) {
    return Math.toIntExact(LAYOUT.enumerator(enumerator));
  }

  private static BPFType<byte[]> structure(String struct) {
    return BPFType.bytes(Math.toIntExact(LAYOUT.struct(struct).size()));
  }

  private void setLanes(int[] cpus) {
    BPFPerCpuArray<byte[]> lanes =
        programs.getPerCpuArray("lock_load_lanes", structure("lock_load_lane"));
    List<byte[]> byCpu = new ArrayList<>();
    for (int cpu = 0; cpu < lanes.cpus(); cpu++) {
      byCpu.add(new byte[Math.toIntExact(LANE.size())]);
    }
    for (int lane = 0; lane < cpus.length; lane++) {
      MemorySegment one = MemorySegment.ofArray(byCpu.get(cpus[lane]));
      one.set(JAVA_INT_UNALIGNED, LANE.member("stride").offset(), cpus.length);
      one.set(JAVA_INT_UNALIGNED, LANE.member("first").offset(), lane);
      one.set(JAVA_INT_UNALIGNED, LANE.member("scan").offset(), lane);
    }
    lanes.set(0, byCpu);
  }

  BPFProgram programs() {
    return programs;
  }

  /** Sets one of the members of struct lock_load_control. */
  void control(String member, long value) {
    LONG.setVolatile(control, LAYOUT.struct("lock_load_control").member(member).offset(), value);
  }

  @Override
  public void forgetLongest() {
    for (int client = 0; client < spec.clients(); client++) {
      LONG.setVolatile(clients, client * CLIENT.size() + LONGEST, 0L);
    }
  }

  @Override
  public long longest(long nanoTime) {
    long longest = 0;
    for (int client = 0; client < spec.clients(); client++) {
      long at = client * CLIENT.size();
      longest = Math.max(longest, (long) LONG.getVolatile(clients, at + LONGEST));
      boolean acquiring =
          ((long) LONG.getVolatile(clients, at + WORD) & STATE_MASK) != IDLE
              && clients.get(JAVA_BYTE, at + RELEASING) == 0
              && clients.get(JAVA_BYTE, at + HELD) < spec.locksPerTransaction();
      if (acquiring) {
        longest = Math.max(longest, nanoTime - (long) LONG.getVolatile(clients, at + BEGAN));
      }
    }
    return longest;
  }

  @Override
  public long[] acquiredEach() {
    long[] acquired = new long[spec.clients()];
    for (int client = 0; client < acquired.length; client++) {
      acquired[client] = (long) LONG.getVolatile(clients, client * CLIENT.size() + ACQUIRED);
    }
    return acquired;
  }

  @Override
  public int unfinished() {
    int unfinished = 0;
    for (int client = 0; client < spec.clients(); client++) {
      long word = (long) LONG.getVolatile(clients, client * CLIENT.size() + WORD);
      unfinished += (word & STATE_MASK) == IDLE ? 0 : 1;
    }
    return unfinished;
  }

  @Override
  public LockCounts counts() {
    long[] sums = sums();
    return LockCounts.of(counter -> sums[number("LOCK_LOAD_" + counter.name())]);
  }

  private long[] sums() {
    long[] sums = new long[number("LOCK_LOAD_COUNTERS")];
    counts.sumWords(0, sums);
    return sums;
  }

  @Override
  public AbstractHistogram waits() {
    long[] now = new long[LatencyBuckets.COUNT];
    latency.sumWords(0, now);
    AbstractHistogram since = LatencyBuckets.between(buckets, now);
    buckets = now;
    return since;
  }

  @Override
  public void finish() {
    control("stop_ns", 0);
  }

  @Override
  public void failIfFailed() throws LoadException {
    if (sums()[BROKEN] > 0) {
      throw new LoadException("requests could not be built");
    }
  }

  @Override
  public void close() {
    programs.close();
  }
}
