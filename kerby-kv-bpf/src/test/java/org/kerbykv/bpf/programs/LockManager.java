package org.kerbykv.bpf.programs;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFPerCpuArray;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFRingBuffer;
import org.kerbykv.bpf.BPFType;

/**
 * The programs of Kerby-Lock, loaded, and their maps. For one thread, but for {@link #session},
 * which lets others in. What TC cannot send in a test run comes out of {@link #drainEvents}.
 */
final class LockManager implements AutoCloseable {
  /** The token of a lock that comes into being at time 0. */
  static final long TOKEN_BASE = 1_000_000_000_000L;

  private static final long SLOT_STRIDE = (LockAbi.SLOT.size() + 7) / 8 * 8;
  private static final long OWN = LockAbi.BATCH_MAX * SLOT_STRIDE; // of one session

  private final BPFProgram program;
  private final MemorySegment ctl;
  private final MemorySegment poolState;
  private final MemorySegment slots;
  private final BPFPerCpuArray<byte[]> stats;
  private final BPFRingBuffer events;
  private final Sources sources;
  private final List<Event> received = new ArrayList<>();

  /** What the programs tell user space. */
  sealed interface Event {
    /** Something will be due at a lock that has a queue. */
    record Watch(long lock, long due) implements Event {}

    /** To be sent. */
    record Send(LockSession.Notice notice) implements Event {}
  }

  LockManager(LockConfig config) {
    program = loader(config).load();
    ctl = program.mmap("lock_ctl");
    poolState = program.mmap("kerby_state");
    slots = program.mmap("lock_slots");
    stats = program.getPerCpuArray("lock_stats", BPFType.bytes((int) LockAbi.STATS.size()));
    events = program.getRingBuffer("lock_events", event -> received.add(read(event)));
    ctl.set(JAVA_LONG, ctl("token_base"), TOKEN_BASE);
    serve(KvAbi.mapped(Frame.SERVER_IP));
    serve(ByteBuffer.allocate(16).putLong(Frame.IP6_PREFIX).putLong(Frame.SERVER_IP6).array());
    sources = new Sources(program);
    sources.allowClients();
  }

  /** Who may ask: at first, all that frames come from unless a test has it otherwise. */
  Sources sources() {
    return sources;
  }

  private static BPFLoader loader(LockConfig config) {
    return BPFLoader.open(BPFProgram.class, LockAbi.OBJECT)
        .constant("lock_queue_max", config.queueMax())
        .constant("lock_holders_max", config.holdersMax())
        .constant("lock_lease_max_ms", LockConfig.LEASE_MAX_MILLIS)
        .constant("lock_wait_max_ms", LockConfig.WAIT_MAX_MILLIS)
        .constant("lock_clones", config.clones() ? 1 : 0)
        .constant("lock_manual_clock", config.manualClock() ? 1 : 0)
        .constant("kerby_capacity", config.blocks())
        .mapMaxEntries("kerby_pool", config.blocks())
        .mapMaxEntries("lock_table", config.locks())
        .mapMaxEntries("lock_sessions", config.clients());
  }

  BPFProgram program() {
    return program;
  }

  /** Has the programs answer what is sent to this address: 16 bytes. */
  void serve(byte[] address) {
    program
        .getHashMap("lock_local", BPFType.bytes(address.length), BPFType.INT8)
        .put(address, (byte) 1);
  }

  /**
   * A way in for one thread.
   *
   * @param number 0 to 7: its part of the slots of user space's door
   */
  LockSession session(int number) {
    MemorySegment own = slots.asSlice(number * OWN, OWN);
    return new LockSession(program, number * LockAbi.BATCH_MAX, own);
  }

  /** Sets the time, in nanoseconds, where the clock is manual. */
  void setNow(long nanos) {
    ctl.set(JAVA_LONG, ctl("manual_now"), nanos);
  }

  /** What the programs have told user space since the last time. */
  List<Event> drainEvents() {
    received.clear();
    events.consume();
    return List.copyOf(received);
  }

  /** The notices among {@link #drainEvents}. */
  List<LockSession.Notice> drainNotices() {
    List<LockSession.Notice> notices = new ArrayList<>();
    for (Event event : drainEvents()) {
      if (event instanceof Event.Send(LockSession.Notice notice)) {
        notices.add(notice);
      }
    }
    return notices;
  }

  private static Event read(MemorySegment event) {
    int kind = event.get(JAVA_INT, LockAbi.EVENT.member("kind").offset());
    if (kind == KvAbi.number(LockAbi.Event.WATCH)) {
      return new Event.Watch(
          event.get(JAVA_LONG, LockAbi.EVENT.member("number").offset()),
          event.get(JAVA_LONG, LockAbi.EVENT.member("due").offset()));
    }
    if (kind == KvAbi.number(LockAbi.Event.NOTICE)) {
      long at = LockAbi.EVENT.member("notice").offset();
      return new Event.Send(LockSession.Notice.read(event.asSlice(at, LockAbi.NOTICE.size())));
    }
    throw new AssertionError("event of kind " + kind);
  }

  /** What the maps hold. */
  LockState state() {
    return LockState.read(program);
  }

  long blocksInUse() {
    return poolState.get(JAVA_LONG, LockAbi.STATE.member("blocks_in_use").offset());
  }

  /** A member of struct lock_stats behind the counters, summed up. */
  long stat(String member) {
    return sums()[(int) (LockAbi.STATS.member(member).offset() / Long.BYTES)];
  }

  /** The replies with this status, or those let pass, at one door. */
  long count(KvAbi.Path path, LockAbi.Op op, LockAbi.Status status) {
    int ops = LockAbi.Op.values().length;
    int statuses = LockAbi.Status.values().length;
    return sums()[(KvAbi.number(path) * ops + KvAbi.number(op)) * statuses + KvAbi.number(status)];
  }

  private long[] sums() {
    long[] sums = new long[(int) (LockAbi.STATS.size() / Long.BYTES)];
    stats.sumWords(0, sums);
    return sums;
  }

  /** Makes it as new, but for block indexes, which never come back. */
  void clear() {
    LockState state = state();
    clear("lock_table", (int) LockAbi.ENTRY.size(), state.entries().keySet());
    clear("kerby_pool", (int) LockAbi.NODE.size(), state.nodes().keySet());
    clear("lock_sessions", (int) LockAbi.SESSION.size(), state.sessions().keySet());
    poolState.set(JAVA_LONG, LockAbi.STATE.member("blocks_in_use").offset(), 0);
    byte[] zero = new byte[(int) LockAbi.STATS.size()];
    stats.set(0, Collections.nCopies(stats.cpus(), zero));
    setNow(0);
    drainEvents();
  }

  private void clear(String map, int valueBytes, Iterable<Long> keys) {
    var elements = program.getHashMap(map, BPFType.INT64, BPFType.bytes(valueBytes));
    keys.forEach(elements::delete);
  }

  @Override
  public void close() {
    program.close();
  }

  private static long ctl(String member) {
    return LockAbi.CTL.member(member).offset();
  }
}
