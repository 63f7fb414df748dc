package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;

/**
 * Runs one program on demand (BPF_PROG_TEST_RUN): a SEC("syscall") program with arguments, or an
 * XDP or TC program with a packet. Holds the buffers that takes, so {@link #run(MemorySegment)}
 * allocates nothing. Not thread-safe: one for each thread.
 */
public final class BPFTestRun implements OwnedByProgram {
  /** The longest context of a SEC("syscall") program, in bytes. */
  public static final int SYSCALL_CONTEXT_BYTES_MAX = 0xffff;

  /** The most packets of live frames that the kernel sends at once. */
  public static final int BATCH_SIZE_MAX = 256;

  // struct bpf_test_run_opts
  private static final long OPTS_BYTES = 80;
  private static final long DATA_IN = 8;
  private static final long DATA_OUT = 16;
  private static final long DATA_SIZE_IN = 24;
  private static final long DATA_SIZE_OUT = 28;
  private static final long CTX_IN = 32;
  private static final long CTX_OUT = 40;
  private static final long CTX_SIZE_IN = 48;
  private static final long CTX_SIZE_OUT = 52;
  private static final long RETVAL = 56;
  private static final long REPEAT = 60;
  private static final long DURATION = 64;
  private static final long FLAGS = 68;
  private static final long BATCH_SIZE = 76;

  private static final int LIVE_FRAMES = 1 << 1; // BPF_F_TEST_XDP_LIVE_FRAMES
  private static final long DATA_OUT_BYTES = 128 * 1024; // above any frame and its growth
  private static final long CTX_OUT_BYTES = 256;

  private final BPFProgram owner;
  private final String program;
  private final int fd;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment options = arena.allocate(OPTS_BYTES, Long.BYTES);
  private MemorySegment dataOut = MemorySegment.NULL;
  private MemorySegment ctxOut = MemorySegment.NULL;

  BPFTestRun(BPFProgram owner, String program) {
    this.owner = owner;
    this.program = program;
    this.fd = owner.programFd(program);
    options.set(JAVA_LONG, 0, OPTS_BYTES);
    owner.own(this);
  }

  /**
   * What a packet program did.
   *
   * @param retval what it returned: XDP_TX, TC_ACT_OK...
   * @param durationNanos mean time of one run
   * @param dataOut the packet as the last run left it, from the start of its metadata if it has
   *     any; memory of the runner, overwritten by the next run
   * @param ctxOut the context as the last run left it, likewise; empty if none was given
   */
  public record Result(int retval, int durationNanos, MemorySegment dataOut, MemorySegment ctxOut) {
    /** A copy of {@link #dataOut}. */
    public byte[] data() {
      return dataOut.toArray(JAVA_BYTE);
    }
  }

  /**
   * Runs a SEC("syscall") program once.
   *
   * @param context native memory of 0 to {@link #SYSCALL_CONTEXT_BYTES_MAX} bytes; what the program
   *     writes into its context appears in it
   * @return what the program returned, or -errno if it did not run: so a program that can fail
   *     should not return negative numbers, or say how it went in its context
   */
  public int run(MemorySegment context) {
    requireNative(context);
    options.set(JAVA_LONG, CTX_IN, context.address());
    options.set(JAVA_INT, CTX_SIZE_IN, (int) context.byteSize());
    int result = call(MemorySegment.NULL, context);
    return result < 0 ? result : options.get(JAVA_INT, RETVAL);
  }

  /**
   * Runs an XDP or TC program with a packet, without context.
   *
   * @param dataIn native memory with the whole frame, of 14 bytes or more
   * @param repeat how often; each run gets the packet that the one before left behind
   */
  public Result run(MemorySegment dataIn, int repeat) {
    return run(dataIn, MemorySegment.NULL, repeat);
  }

  /**
   * Runs an XDP or TC program with a packet and its context.
   *
   * @param dataIn native memory with the metadata, if the context says there is any, and the whole
   *     frame, of 14 bytes or more
   * @param context native memory with a {@link XdpMd} or {@link SkBuff}; {@link MemorySegment#NULL}
   *     for none
   * @param repeat how often; each run gets the packet that the one before left behind
   * @throws BPFException EINTR if a signal came in the midst of many runs
   */
  public Result run(MemorySegment dataIn, MemorySegment context, int repeat) {
    if (dataOut.address() == 0) {
      dataOut = arena.allocate(DATA_OUT_BYTES, Long.BYTES);
      ctxOut = arena.allocate(CTX_OUT_BYTES, Long.BYTES);
    }
    options.set(ADDRESS, DATA_OUT, dataOut);
    options.set(JAVA_INT, DATA_SIZE_OUT, (int) dataOut.byteSize());
    boolean hasContext = context.address() != 0;
    options.set(ADDRESS, CTX_OUT, hasContext ? ctxOut : MemorySegment.NULL);
    options.set(JAVA_INT, CTX_SIZE_OUT, hasContext ? (int) ctxOut.byteSize() : 0);
    runPackets(dataIn, context, repeat, 0, 0);
    return new Result(
        options.get(JAVA_INT, RETVAL),
        options.get(JAVA_INT, DURATION),
        dataOut.asSlice(0, options.get(JAVA_INT, DATA_SIZE_OUT)),
        ctxOut.asSlice(0, options.get(JAVA_INT, CTX_SIZE_OUT)));
  }

  /**
   * Runs an XDP program with packets that are then really sent, redirected or passed up, as its
   * verdict says (live frames). Frames are used again without being reset: the program has to write
   * all it relies on.
   *
   * @param dataIn as in {@link #run(MemorySegment, MemorySegment, int)}
   * @param context with the interface that the packets seem to come from
   * @param repeat how many packets
   * @param batchSize packets handled in one go, 1 to {@link #BATCH_SIZE_MAX}
   * @return mean time of one packet, in nanoseconds
   * @throws BPFException EINTR if a signal came in the midst
   */
  public int runLiveFrames(MemorySegment dataIn, MemorySegment context, int repeat, int batchSize) {
    options.set(ADDRESS, DATA_OUT, MemorySegment.NULL);
    options.set(JAVA_INT, DATA_SIZE_OUT, 0);
    options.set(ADDRESS, CTX_OUT, MemorySegment.NULL);
    options.set(JAVA_INT, CTX_SIZE_OUT, 0);
    runPackets(dataIn, context, repeat, LIVE_FRAMES, batchSize);
    return options.get(JAVA_INT, DURATION);
  }

  /** Frees the buffers. Closed with its {@link BPFProgram} at the latest. Closing twice is fine. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      owner.disown(this);
      arena.close();
    }
  }

  private void runPackets(
      MemorySegment dataIn, MemorySegment context, int repeat, int flags, int batchSize) {
    requireNative(dataIn);
    requireNative(context);
    options.set(ADDRESS, DATA_IN, dataIn);
    options.set(JAVA_INT, DATA_SIZE_IN, (int) dataIn.byteSize());
    options.set(ADDRESS, CTX_IN, context);
    options.set(JAVA_INT, CTX_SIZE_IN, (int) context.byteSize());
    options.set(JAVA_INT, REPEAT, repeat);
    options.set(JAVA_INT, FLAGS, flags);
    options.set(JAVA_INT, BATCH_SIZE, batchSize);
    int result = call(dataIn, context);
    if (result < 0) {
      throw new BPFException("test run of program " + program, -result);
    }
  }

  /** The system call, during which the segments whose addresses it gets stay allocated. */
  private int call(MemorySegment dataIn, MemorySegment context) {
    try {
      return BPFCalls.progTestRun(fd, options);
    } finally {
      Reference.reachabilityFence(dataIn);
      Reference.reachabilityFence(context);
    }
  }

  /**
   * The kernel gets the bare address: a segment that is closed or on the heap must not reach it.
   */
  private static void requireNative(MemorySegment segment) {
    if (!segment.isNative()) {
      throw new IllegalArgumentException("a heap segment for the kernel");
    }
    if (!segment.scope().isAlive()) {
      throw new IllegalStateException("a closed segment for the kernel");
    }
  }
}
