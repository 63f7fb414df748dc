package org.kerbykv.loadgen.figures;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.kerbykv.bpf.BPFException;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFTestRun;
import org.kerbykv.loadgen.baseline.QueueMaps;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.lock.LockMessages;

/**
 * How much kernel memory locks take whose queues may get so long: of queue maps, which have it from
 * the start, and of Kerby-Lock, which takes it for those who wait. Slabs and mapped memory of the
 * whole machine, before and after; less what the programs take with a single lock.
 */
final class LockMemorySubject implements Subject {
  /** What is measured. */
  enum Line {
    QUEUE_MAPS("queue maps, made beforehand", LockFigures.QUEUE, 0),
    KERBY_IDLE("kerby, all locks held, nobody waits", LockFigures.KERBY, 0),
    KERBY_SOME("kerby, one queue in a hundred is full", LockFigures.KERBY, 100),
    KERBY_FULL("kerby, all queues are full", LockFigures.KERBY, 1);

    private final String words;
    private final String system;

    /** One queue in so many is full; 0: none. */
    private final int fullOneIn;

    Line(String words, String system, int fullOneIn) {
      this.words = words;
      this.system = system;
      this.fullOneIn = fullOneIn;
    }

    static Line of(String words) {
      return Arrays.stream(values()).filter(one -> one.words.equals(words)).findAny().orElseThrow();
    }

    String system() {
      return system;
    }

    @Override
    public String toString() {
      return words;
    }
  }

  static final String PER_LOCK = "bytes_per_lock";

  private static final String CAPACITY = "queue_capacity";
  private static final String LINE = "line";
  private static final Path MEMORY = Path.of("/proc/meminfo");

  /** So much that the rest of the machine does not matter. */
  private static final int WAITERS = 1 << 19;

  private static final int LOCKS_MAX = 1 << 15;
  private static final int PORT = 11_311;

  /** Maps are freed some time after they are closed: memory has to be still for so long. */
  private static final int STILL_MILLIS = 150;

  private static final long STILL_BYTES = 64 << 10;
  private static final int LOOKS_MAX = 40;

  private static final int WAIT_MILLIS = 3_600_000;

  /** Acquisitions of one client that may be under way. */
  private static final int CLIENT_WINDOW = 56;

  private final Line line;
  private final int capacity;

  /**
   * @param capacity most waiters of a lock
   */
  LockMemorySubject(Line line, int capacity) {
    this.line = line;
    this.capacity = capacity;
  }

  static Cell cell(Line line, int capacity) {
    return Cell.of(
        line.system, LoadSubject.KIND, MemorySubject.MEMORY, LINE, line, CAPACITY, capacity);
  }

  @Override
  public List<Cell> cells() {
    return List.of(cell(line, capacity));
  }

  @Override
  public int roundsMax() {
    return 1;
  }

  @Override
  public Session open(PrintStream log) {
    return new Session() {
      @Override
      public Map<String, Double> measure(Cell cell) throws LoadException, InterruptedException {
        int locks = Math.min(LOCKS_MAX, WAITERS / capacity);
        try {
          long fixed = memory(1, 1);
          return Map.of(PER_LOCK, (double) (memory(locks, capacity) - fixed) / (locks - 1));
        } catch (BPFException | IOException e) {
          throw new LoadException(e.getMessage(), e);
        }
      }

      @Override
      public void close() {}
    };
  }

  /** What so many locks take, whose queues may get so long. */
  private long memory(int locks, int longest)
      throws IOException, LoadException, InterruptedException {
    long before = inUseWhenStill();
    try (BPFProgram programs = load(locks, longest)) {
      if (line != Line.QUEUE_MAPS) {
        fill(programs, locks, longest);
      }
      return inUse() - before;
    }
  }

  private BPFProgram load(int locks, int longest) {
    if (line == Line.QUEUE_MAPS) {
      BPFLoader loader = BPFLoader.open(BPFProgram.class, QueueMaps.OBJECT);
      return QueueMaps.load(loader, locks, longest);
    }
    int waiters = line.fullOneIn == 0 ? 1 : Math.ceilDiv(locks, line.fullOneIn) * longest;
    int clients = (longest + 1) * Math.ceilDiv(locks, CLIENT_WINDOW);
    return BPFLoader.open(BPFProgram.class, "lock.bpf.o")
        .constant("lock_udp_port", PORT)
        .constant(
            "lock_listen_ip4",
            Integer.toUnsignedLong(Integer.reverseBytes(RequestFrame.SERVER_ADDRESS)))
        .constants("net_allow4", RequestFrame.FROM_EVERYWHERE)
        .constant("lock_queue_max", longest)
        .constant("kerby_capacity", waiters)
        .mapMaxEntries("kerby_pool", waiters)
        .mapMaxEntries("lock_table", locks)
        .mapMaxEntries("lock_sessions", clients)
        .load();
  }

  /** Has each lock held, and the queues filled that are to be full. */
  private void fill(BPFProgram programs, int locks, int longest) throws LoadException {
    try (Arena arena = Arena.ofConfined();
        BPFTestRun run = programs.testRun("lock_xdp")) {
      for (int lock = 0; lock < locks; lock++) {
        boolean full = line.fullOneIn > 0 && lock % line.fullOneIn == 0;
        for (int place = 0; place <= (full ? longest : 0); place++) {
          acquire(run, arena, locks, lock, place);
        }
      }
    }
  }

  /** Acquires a lock for who is at this place of it: 0 holds it, those behind wait. */
  private static void acquire(BPFTestRun run, Arena arena, int locks, int lock, int place)
      throws LoadException {
    long client = 1L + (long) place * Math.ceilDiv(locks, CLIENT_WINDOW) + lock / CLIENT_WINDOW;
    ByteBuffer message = ByteBuffer.allocate(LockMessages.BYTES);
    message
        .putShort(LockMessages.AT_MAGIC, (short) LockMessages.MAGIC)
        .put(LockMessages.AT_VERSION, (byte) LockMessages.PROTOCOL)
        .put(LockMessages.AT_OP, LockMessages.ACQUIRE)
        .put(LockMessages.AT_MODE, LockMessages.EXCLUSIVE)
        .putLong(LockMessages.AT_LOCK, lock)
        .putLong(LockMessages.AT_CLIENT, client)
        .putLong(LockMessages.AT_SEQUENCE, 1 + lock % CLIENT_WINDOW)
        .putInt(LockMessages.AT_WAIT, WAIT_MILLIS)
        .putInt(LockMessages.AT_LEASE, WAIT_MILLIS);
    byte[] bytes = RequestFrame.datagram(PORT, message.array(), true);
    MemorySegment frame = arena.allocate(bytes.length);
    MemorySegment.copy(bytes, 0, frame, JAVA_BYTE, 0, bytes.length);
    byte status =
        run.run(frame, 1).dataOut().get(JAVA_BYTE, RequestFrame.PAYLOAD + LockMessages.AT_STATUS);
    if (status != (place == 0 ? LockMessages.GRANTED : LockMessages.QUEUED)) {
      throw new LoadException("lock " + lock + ", place " + place + ": status " + status);
    }
  }

  private static long inUseWhenStill() throws IOException, InterruptedException {
    long last = inUse();
    for (int looks = 1; looks < LOOKS_MAX; looks++) {
      Thread.sleep(STILL_MILLIS);
      long now = inUse();
      if (Math.abs(now - last) < STILL_BYTES) {
        return now;
      }
      last = now;
    }
    return last;
  }

  /** Bytes of slabs, of mapped memory and of that of each CPU. */
  private static long inUse() throws IOException {
    try (var lines = Files.lines(MEMORY)) {
      return lines
          .filter(
              one ->
                  one.startsWith("Slab:")
                      || one.startsWith("VmallocUsed:")
                      || one.startsWith("Percpu:"))
          .mapToLong(one -> 1024 * Long.parseLong(one.replaceAll("\\D", "")))
          .sum();
    }
  }
}
