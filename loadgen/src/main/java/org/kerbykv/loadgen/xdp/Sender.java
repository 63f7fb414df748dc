package org.kerbykv.loadgen.xdp;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.kerbykv.bpf.BPFException;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFTestRun;
import org.kerbykv.bpf.XdpMd;
import org.kerbykv.loadgen.engine.Cpus;

/** One CPU that runs the sending program, turn after turn, until it is told to stop. */
final class Sender implements Runnable {
  private static final int EINTR = 4;
  private static final int TURNS_FIRST = 1 << 16;
  private static final int TURNS_MAX = 1 << 28;

  /** A call's own cost, some 100 us, delays requests that are due then: so calls are long. */
  private static final long CALL_NANOS = 400_000_000;

  private final BPFProgram programs;
  private final String program;
  private final int ifindex;
  private final int cpu;
  private final int frameBytes;
  private final int batch;
  private volatile boolean stopped;
  private volatile RuntimeException failure;

  /**
   * @param program its name
   * @param ifindex the interface to send from, in the namespace of the thread that runs this
   * @param frameBytes longer than any frame that is sent
   * @param batch turns after which the frames of these turns go out at the latest
   */
  Sender(BPFProgram programs, String program, int ifindex, int cpu, int frameBytes, int batch) {
    this.programs = programs;
    this.program = program;
    this.ifindex = ifindex;
    this.cpu = cpu;
    this.frameBytes = frameBytes;
    this.batch = batch;
  }

  @Override
  public void run() {
    try (Arena arena = Arena.ofConfined();
        BPFTestRun runner = programs.testRun(program)) {
      Cpus.keepThreadTo(List.of(cpu));
      MemorySegment frame = arena.allocate(frameBytes);
      MemorySegment context = XdpMd.allocate(arena, frameBytes, 0, ifindex);
      int turns = TURNS_FIRST;
      while (!stopped) {
        int turnNanos = runOnce(runner, frame, context, turns);
        turns = Math.clamp(CALL_NANOS / Math.max(1, turnNanos), TURNS_FIRST, TURNS_MAX);
      }
    } catch (RuntimeException e) {
      failure = e;
    }
  }

  private int runOnce(BPFTestRun runner, MemorySegment frame, MemorySegment context, int turns) {
    try {
      return runner.runLiveFrames(frame, context, turns, batch);
    } catch (BPFException e) {
      if (e.errno() == EINTR) {
        return 1;
      }
      throw e;
    }
  }

  /** Has the thread end after the call that is under way. */
  void stop() {
    stopped = true;
  }

  /** Throws what ended the thread before its time. */
  void failIfFailed() {
    if (failure != null) {
      throw failure;
    }
  }
}
