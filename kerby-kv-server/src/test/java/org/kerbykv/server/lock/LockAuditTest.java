package org.kerbykv.server.lock;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.BPFHashMap;
import org.kerbykv.bpf.BPFType;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.programs.LockAbi.Mode;

/** Locks that are as they have to be, and what an audit says of each kind of damage. */
@RequiresBPF
class LockAuditTest {
  private static final int LONG_MILLIS = 600_000;
  private static final long STRAY = 1L << 40;

  private static LockDoors doors;
  private static BPFHashMap<Long, byte[]> pool;
  private static BPFHashMap<Long, byte[]> table;
  private static BPFHashMap<Long, byte[]> clients;

  @BeforeAll
  static void load() {
    doors = TestLocks.open(LockOptions.OFF);
    pool = map("kerby_pool", LockNode.BYTES);
    table = map("lock_table", LockEntry.BYTES);
    clients = map("lock_sessions", LockClient.BYTES);
    LockDoor door = doors.door(0);
    // One has lock 1, for which three wait; three share lock 2.
    for (int client = 1; client <= 4; client++) {
      TestLocks.acquire(door, Mode.EXCLUSIVE, 1, client, LONG_MILLIS);
    }
    for (int client = 5; client <= 7; client++) {
      TestLocks.acquire(door, Mode.SHARED, 2, client, LONG_MILLIS);
    }
  }

  private static BPFHashMap<Long, byte[]> map(String name, int valueBytes) {
    return doors.program().getHashMap(name, BPFType.INT64, BPFType.bytes(valueBytes));
  }

  @AfterAll
  static void unload() {
    doors.close();
  }

  private static LockAudit audit() {
    return LockAudit.of(doors.program());
  }

  @Test
  void locksAsTheyHaveToBe() {
    LockAudit audit = audit();
    assertThat(audit).matches(LockAudit::ok);
    assertThat(audit.locks()).isEqualTo(2);
    assertThat(audit.clients()).isEqualTo(7);
    assertThat(audit.held()).isEqualTo(4);
    assertThat(audit.waiting()).isEqualTo(3);
    assertThat(audit.blocksReachable()).isEqualTo(5);
  }

  /** The blocks of waiters, in the order of the queue. */
  private static List<Long> queue() {
    Map<Long, Long> waiters = new TreeMap<>();
    pool.walk(
        (key, node) -> {
          if (node.get(JAVA_BYTE, LockNode.HELD) == 0) {
            waiters.put(key.get(JAVA_LONG, 0), 0L);
          }
        });
    return List.copyOf(waiters.keySet());
  }

  /** Damages an element, has that audited, and puts it right again. */
  private static void damaged(
      BPFHashMap<Long, byte[]> map,
      long key,
      Consumer<MemorySegment> damage,
      Predicate<LockAudit> noticed) {
    byte[] before = map.get(key);
    byte[] after = before.clone();
    damage.accept(MemorySegment.ofBuffer(ByteBuffer.wrap(after)));
    map.put(key, after);
    try {
      LockAudit audit = audit();
      assertThat(audit).matches(noticed, "tells of the damage");
      assertThat(audit).matches(one -> !one.ok(), "not ok");
    } finally {
      map.put(key, before);
    }
  }

  private static void setLong(MemorySegment at, int offset, long value) {
    at.set(JAVA_LONG.withByteAlignment(1), offset, value);
  }

  @Test
  void aBlockInNoList() {
    pool.put(STRAY, new byte[LockNode.BYTES]);
    try {
      assertThat(audit()).matches(one -> one.blocksLeaked() == 1 && !one.ok());
    } finally {
      pool.delete(STRAY);
    }
  }

  @Test
  void aBlockThatIsNotThere() {
    long last = queue().getLast();
    byte[] block = pool.get(last);
    pool.delete(last);
    try {
      assertThat(audit()).matches(one -> one.blocksMissing() == 1 && !one.ok());
    } finally {
      pool.put(last, block);
    }
  }

  @Test
  void aCycle() {
    damaged(
        pool,
        queue().getLast(),
        node -> setLong(node, LockNode.NEXT, queue().getFirst()),
        one -> one.blocksShared() == 1);
  }

  @Test
  void twoListsWithOneBlock() {
    damaged(
        table,
        2,
        entry -> setLong(entry, LockEntry.HEAD, queue().getFirst()),
        one -> one.blocksShared() + one.listsWrong() > 0);
  }

  @Test
  void aBlockOfAnotherLock() {
    damaged(
        pool,
        queue().getFirst(),
        node -> setLong(node, LockNode.LOCK, 2),
        one -> one.listsWrong() == 1 && one.blocksLeaked() == 2);
  }

  @Test
  void aQueueThatIsShorterThanItsLockSays() {
    damaged(
        pool,
        queue().get(1),
        node -> setLong(node, LockNode.NEXT, 0),
        one -> one.listsWrong() == 1 && one.blocksLeaked() == 1);
  }

  @Test
  void aLockThatCountsWrong() {
    damaged(
        table,
        1,
        entry -> entry.set(JAVA_INT.withByteAlignment(1), LockEntry.WAITING, 4),
        one -> one.countsOff() > 0);
  }

  @Test
  void aLockThatSomebodyIsAt() {
    damaged(table, 2, entry -> setLong(entry, LockEntry.WORD, 1), one -> one.heldEntries() == 1);
  }

  @Test
  void aClientWithAnAcquisitionTooMany() {
    damaged(clients, 5, client -> setLong(client, LockClient.WORD, 4), one -> one.countsOff() == 1);
  }
}
