package org.kerbykv.server.lock;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.programs.LockAbi.Mode;

/** What a round over the locks and the clients removes, and what it finds. */
@RequiresBPF
class LockReaperTest {
  private static final int LONG_MILLIS = 600_000;
  private static final long LONG_NANOS = TimeUnit.HOURS.toNanos(1);

  private final AtomicBoolean roomWanted = new AtomicBoolean();
  private final DueLocks due = new DueLocks();
  private LockDoors doors;
  private LockDoor door;
  private LockReaper reaper;

  @BeforeEach
  void open() {
    doors = TestLocks.open(LockOptions.OFF);
    door = doors.door(0);
    reaper = reaper(LONG_NANOS);
  }

  private LockReaper reaper(long clientIdleNanos) {
    return new LockReaper(doors, door, due, clientIdleNanos, roomWanted, (_, _) -> {});
  }

  @AfterEach
  void close() {
    reaper.close();
    doors.close();
  }

  /** Makes a round that goes as fast as it can, as soon as it may. */
  private void hurry() {
    roomWanted.set(true);
    while (roomWanted.get()) {
      reaper.step();
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
    }
  }

  private LockAudit audit() {
    return LockAudit.of(doors.program());
  }

  @Test
  void whatTheLastProcessHadToSweepIsFound() {
    TestLocks.acquire(door, Mode.EXCLUSIVE, 7, 1, LONG_MILLIS);
    TestLocks.acquire(door, Mode.EXCLUSIVE, 7, 2, 1000);
    TestLocks.acquire(door, Mode.EXCLUSIVE, 8, 3, 1000);
    reaper.step();
    assertThat(due.next()).isNotEqualTo(Long.MAX_VALUE);
    assertThat(due.take()).isEqualTo(7);
    assertThat(due.next()).as("nobody waits for the other").isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void whereThereIsNoRoomAllThatIsFreeGoesAndNothingElse() {
    reaper.step();
    for (int client = 1; client <= 3; client++) {
      TestLocks.acquire(door, Mode.EXCLUSIVE, client, client, LONG_MILLIS);
    }
    TestLocks.release(door, 1, 1);
    TestLocks.release(door, 2, 2);
    hurry();
    assertThat(audit().locks()).isEqualTo(1);
    assertThat(audit().held()).isEqualTo(1);
    assertThat(reaper.lockCount()).as("as counted on the way").isEqualTo(3);
    assertThat(audit().clients()).as("heard of within an hour").isEqualTo(3);
  }

  @Test
  void clientsThatWereNotHeardOfGo() {
    TestLocks.acquire(door, Mode.EXCLUSIVE, 1, 1, LONG_MILLIS);
    TestLocks.acquire(door, Mode.EXCLUSIVE, 2, 2, LONG_MILLIS);
    TestLocks.release(door, 2, 2);
    reaper.step();
    assertThat(audit().clients()).as("heard of within an hour").isEqualTo(2);
    reaper.close();
    reaper = reaper(0);
    reaper.step();
    assertThat(audit().clients()).as("one who holds a lock stays").isEqualTo(1);
  }
}
