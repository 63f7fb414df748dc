package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.MemcachedText.value;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.programs.KvAbi.Cond;
import org.kerbykv.bpf.programs.KvAbi.Op;
import org.kerbykv.bpf.programs.KvAbi.Status;

/**
 * A touch that lets an item expire, while another thread replaces the item if it is there. A touch
 * gives no new version, so this is the one change that a version does not tell of. Whichever comes
 * first, nothing is there afterwards: either the new value was touched, or it was not stored.
 */
@RequiresBPF
class TouchRaceTest {
  private static final String KEY = "k";
  private static final int ROUNDS = 4000;

  private static final int LEAVE = Integer.MAX_VALUE / 2; // as if all had arrived everywhere

  private final AtomicInteger arrived = new AtomicInteger();

  /** Waits until both threads are here, for the n-th time, without going to sleep. */
  private void meet(int n) {
    arrived.incrementAndGet();
    while (arrived.get() < 2 * n) {
      Thread.onSpinWait();
    }
  }

  private static Status untilDone(KvSession session) {
    Status status = session.run(session.slot());
    while (status == Status.BUSY) {
      status = session.run(session.slot());
    }
    return status;
  }

  /** Replaces the item in each round, if it is there. */
  private void replaceIfPresent(KvSession session) {
    for (int round = 1; round <= ROUNDS; round++) {
      session.slot().request(Op.SET, KEY).value(value(1300)).condition(Cond.PRESENT);
      meet(2 * round - 1);
      assertThat(untilDone(session)).isIn(Status.OK, Status.MISS);
      meet(2 * round);
    }
  }

  @Test
  void anItemThatExpiresIsNotReplacedAsIfItWereThere() throws Exception {
    // Small blocks: between a set's look at the item and its change of it many are allocated.
    try (KvStore store = new KvStore(KvConfig.of(32).withCapacity(1024));
        ExecutorService thread = Executors.newSingleThreadExecutor();
        AutoCloseable _ = () -> arrived.set(LEAVE)) { // closed first, so that the thread ends
      Future<?> replacing = thread.submit(() -> replaceIfPresent(store.session(2)));
      KvSession session = store.session(1);
      for (int round = 1; round <= ROUNDS; round++) {
        store.set(KEY, "old");
        session.slot().request(Op.TOUCH, KEY).exptime(KvAbi.EXPTIME_PAST);
        meet(2 * round - 1);
        Status touched = untilDone(session);
        meet(2 * round);
        assertThat(touched).isEqualTo(Status.OK);
        assertThat(store.get(KEY).status()).as("round %d", round).isEqualTo(Status.MISS);
      }
      replacing.get();
      StoreAudit.check(store);
    }
  }
}
