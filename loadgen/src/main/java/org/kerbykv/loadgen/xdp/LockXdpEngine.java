package org.kerbykv.loadgen.xdp;

import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import org.kerbykv.bpf.BPFException;
import org.kerbykv.bpf.XdpMode;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.lock.LockEngine;
import org.kerbykv.loadgen.lock.LockLoadResult;
import org.kerbykv.loadgen.lock.LockLoadSpec;

/**
 * Loads on lock managers, sent and received in the kernel: a reply is answered with the next
 * request in the frame it came in, and BPF_PROG_TEST_RUN starts, resumes and repairs.
 */
public final class LockXdpEngine implements LockEngine {
  /** Headers and a message, and one byte more. */
  private static final int FRAME_BYTES = 14 + 20 + 8 + 48 + 1;

  private static final int BATCH = 64;
  private final int[] cpus;

  /** The same clients for all loads of this engine, so that a server's sessions do not pile up. */
  private final long firstClient = new SecureRandom().nextLong() >>> 1 | 1;

  /**
   * @param cpus that send, 1 to 8 of them
   */
  public LockXdpEngine(int... cpus) {
    this.cpus = cpus.clone();
    int cpusMax = LoadPrograms.number("LOAD_LANES_MAX");
    if (cpus.length == 0 || cpus.length > cpusMax) {
      throw new IllegalArgumentException("the xdp engine sends from 1 to " + cpusMax + " CPUs");
    }
  }

  @Override
  public LockLoadResult run(LockLoadSpec spec) throws LoadException, InterruptedException {
    Route route = Route.to(spec.server());
    // Numbers that grow from load to load, as each acquisition takes longer than a nanosecond.
    long firstSequence = System.nanoTime();
    try (LockPrograms programs = new LockPrograms(spec, route, cpus, firstClient, firstSequence)) {
      int ifindex = route.device().getIndex();
      programs.programs().xdpAttach(LockPrograms.RECEIVE, ifindex, XdpMode.NATIVE);
      return load(spec, programs, ifindex);
    } catch (BPFException e) {
      throw new LoadException("the kernel does not send: " + e.getMessage(), e);
    }
  }

  private LockLoadResult load(LockLoadSpec spec, LockPrograms programs, int ifindex)
      throws LoadException, InterruptedException {
    List<Sender> senders = new ArrayList<>();
    List<Thread> threads = new ArrayList<>();
    programs.control("stop_ns", Long.MAX_VALUE);
    for (int cpu : cpus) {
      Sender sender =
          new Sender(programs.programs(), LockPrograms.SEND, ifindex, cpu, FRAME_BYTES, BATCH);
      senders.add(sender);
      threads.add(Thread.ofPlatform().name("sender-" + cpu).daemon().start(sender));
    }
    try {
      return programs.follow(XdpEngine.NAME, spec);
    } finally {
      programs.control("quit", 1);
      senders.forEach(Sender::stop);
      for (Thread thread : threads) {
        thread.join();
      }
      senders.forEach(Sender::failIfFailed);
    }
  }
}
