package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.MemcachedText.value;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.programs.KvAbi.Cond;
import org.kerbykv.bpf.programs.KvAbi.Op;
import org.kerbykv.bpf.programs.KvAbi.Status;

/**
 * Flushes, while another thread makes new versions out of what is there. Once a flush has returned
 * nothing lives that was made from what it flushed: not even what was being made meanwhile.
 */
@RequiresBPF
class FlushRaceTest {
  private static final String KEY = "k";
  private static final int ROUNDS = 20_000;
  private static final int LOOKS = 3; // at an item after its flush

  // Of different numbers of blocks, so that a new chain is written, or the old one overwritten.
  private static final String SHORT = value(100);
  private static final String LONG = value(1300);

  private final AtomicBoolean flushing = new AtomicBoolean(true);

  /** A way to make a version from the one that is there. */
  enum Heir {
    IN_PLACE,
    NEW_CHAIN,
    PRESENT,
    MOVE,
    TOUCH
  }

  private static KvSlot fill(KvSlot slot, Heir heir, long version, int turn) {
    String other = turn % 2 == 0 ? LONG : SHORT;
    return switch (heir) {
      case IN_PLACE -> slot.request(Op.SET, KEY).value(SHORT).ifVersion(version);
      case NEW_CHAIN -> slot.request(Op.SET, KEY).value(other).ifVersion(version);
      case PRESENT -> slot.request(Op.SET, KEY).value(other).condition(Cond.PRESENT);
      case MOVE -> {
        slot.request(Op.SET, KEY).keep(KvAbi.KEEP_ITEM).ifVersion(version);
        yield turn % 2 == 0 ? slot.value(LONG) : slot.userValue(turn, LONG.length());
      }
      case TOUCH -> slot.request(Op.TOUCH, KEY).ifVersion(version).newCas(KvAbi.CAS_NEXT);
    };
  }

  private static Status untilDone(KvSession session, KvSlot filled) {
    Status status = session.run(filled);
    while (status == Status.BUSY) {
      status = session.run(filled);
    }
    return status;
  }

  /** Makes heirs as long as there are flushes; returns how many. */
  private int inherit(KvSession session, Heir heir) {
    int made = 0;
    KvSlot slot = session.slot();
    for (int turn = 0; flushing.get(); turn++) {
      Status found = session.run(slot.request(Op.GET, KEY).keep(KvAbi.KEEP_ACCESS));
      if (found == Status.OK || found == Status.USER) {
        Status status = session.run(fill(slot, heir, slot.version(), turn));
        assertThat(status).isIn(Status.OK, Status.MISS, Status.EXISTS, Status.BUSY);
        made += status == Status.OK ? 1 : 0;
      }
    }
    return made;
  }

  private static void flush(KvSession session) {
    KvSlot slot = session.slot();
    for (int round = 0; round < ROUNDS; round++) {
      assertThat(untilDone(session, slot.request(Op.SET, KEY).value(SHORT))).isEqualTo(Status.OK);
      for (int pause = round % 64; pause > 0; pause--) {
        Thread.onSpinWait();
      }
      assertThat(session.run(slot.request(Op.FLUSH, ""))).isEqualTo(Status.OK);
      for (int look = 0; look < LOOKS; look++) {
        Status status = untilDone(session, slot.request(Op.GET, KEY).keep(KvAbi.KEEP_ACCESS));
        assertThat(status).as("round %d", round).isEqualTo(Status.MISS);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void nothingIsMadeFromWhatWasFlushed(Heir heir) throws Exception {
    // Small blocks: between a set's look at the item and its change of it many are allocated.
    try (KvStore store = new KvStore(KvConfig.of(32).withCapacity(1024));
        ExecutorService thread = Executors.newSingleThreadExecutor();
        AutoCloseable _ = () -> flushing.set(false)) { // closed first, so that the thread ends
      KvSession inheriting = store.session(2);
      Future<Integer> made = thread.submit(() -> inherit(inheriting, heir));
      flush(store.session(1));
      flushing.set(false);
      assertThat(made.get()).as("heirs").isPositive();
      StoreAudit.check(store);
    }
  }
}
