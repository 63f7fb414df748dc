package org.kerbykv.loadgen.figures;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFTestRun;
import org.kerbykv.bpf.BTFLayout;

/**
 * Measures how long an XDP program takes for a request, with a key of its own in each run: the Java
 * side of {@code xdp_bench.bpf.c}. For one thread.
 */
final class ProgramBench implements AutoCloseable {
  static final int XDP_TX = 3;

  private static final String OBJECT = "xdp_bench.bpf.o";
  private static final String MAP = "bench_target";
  private static final BTFLayout LAYOUT = BTFLayout.read(BPFProgram.class, OBJECT);
  private static final BTFLayout.Struct CONTROL = LAYOUT.struct("bench_control");

  /** Which keys come one after the other. */
  enum Order {
    /** Each once, as items are stored. */
    STORING(0.381966),
    /** Each once, and not in the order in which they lie in memory. */
    ONCE(0.618034),
    RANDOM(0);

    private final double strideShare;

    Order(double strideShare) {
      this.strideShare = strideShare;
    }
  }

  private final BPFProgram bench = BPFLoader.open(BPFProgram.class, OBJECT).load();
  private final BPFTestRun run = bench.testRun("bench");
  private final MemorySegment control;
  private final MemorySegment frame;
  private final MemorySegment start;
  private final int keys;

  /**
   * @param keys how many; requests go round them
   */
  ProgramBench(int keys) {
    this.keys = keys;
    BTFLayout.Variable variable = LAYOUT.variable("bench_control");
    control = bench.mmap(variable.section()).asSlice(variable.offset(), variable.size());
    frame = bench.mmap("bench_frame");
    start = Arena.ofAuto().allocate(64);
    control.set(JAVA_LONG, CONTROL.member("keys").offset(), keys);
  }

  /** From one key to the next: 0 for none in particular. */
  private long stride(Order order) {
    long stride = (long) (keys * order.strideShare);
    if (order == Order.RANDOM) {
      return 0;
    }
    while (stride == 0 || gcd(stride, keys) != 1) {
      stride++;
    }
    return stride;
  }

  private static long gcd(long a, long b) {
    return b == 0 ? a : gcd(b, a % b);
  }

  /**
   * Sends requests to a program.
   *
   * @return the last reply, and the mean time with the bench's own
   */
  BPFTestRun.Result run(
      BPFProgram target, String program, RequestFrame request, Order order, int times) {
    bench.tailCall(MAP, 0, target, program);
    request.copyTo(frame);
    control.set(JAVA_LONG, CONTROL.member("next").offset(), order == Order.RANDOM ? 1L : 0L);
    control.set(JAVA_LONG, CONTROL.member("stride").offset(), stride(order));
    control.set(JAVA_INT, CONTROL.member("frame_len").offset(), request.length());
    control.set(JAVA_INT, CONTROL.member("digits_at").offset(), request.digitsAt());
    return run.run(start, times);
  }

  /** The time of a program for a request, in nanoseconds, without the bench's own. */
  double nanos(BPFProgram target, String program, RequestFrame request, Order order, int times) {
    double own = run(bench, "bench_nothing", request, order, times).durationNanos();
    return run(target, program, request, order, times).durationNanos() - own;
  }

  @Override
  public void close() {
    bench.close();
  }
}
