package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.KvAbi.KEEP_ACCESS;
import static org.kerbykv.bpf.programs.KvAbi.KEEP_EXPTIME;
import static org.kerbykv.bpf.programs.KvAbi.KEEP_ITEM;
import static org.kerbykv.bpf.programs.KvAbi.KEEP_STATE;
import static org.kerbykv.bpf.programs.KvAbi.STALE;
import static org.kerbykv.bpf.programs.KvAbi.WON;
import static org.kerbykv.bpf.programs.MemcachedText.value;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.programs.KvAbi.Cond;
import org.kerbykv.bpf.programs.KvAbi.Op;
import org.kerbykv.bpf.programs.KvAbi.Status;

/**
 * A win token is asked for with a TOUCH that sets a state bit and tells whether it was set. However
 * many ask at once, one gets it, and nobody else until its holder has stored a new value; whoever
 * changes the value meanwhile and keeps the state neither takes it away nor gives it out again.
 */
@RequiresBPF
class WinTokenTest {
  private static final String KEY = "k";
  private static final int THREADS = 3;
  private static final int TURNS = 4000; // of each thread
  private static final int TOUCHES = 4; // slots of a thread in one run of the door

  private final AtomicInteger holders = new AtomicInteger();
  private final AtomicInteger won = new AtomicInteger();
  private final AtomicInteger changed = new AtomicInteger();
  private final AtomicInteger asking = new AtomicInteger();

  /** What happens to the item while the token is asked for. */
  enum Meanwhile {
    NOTHING,
    INCREMENT,
    INCREMENT_TO_ANOTHER_SIZE,
    MOVE
  }

  /** One that asks for the token, again and again. */
  private final class Client implements Callable<Void> {
    private final KvStore store;
    private final KvSession session;
    private final int first; // of the slots that are its own
    private final Meanwhile meanwhile;

    Client(KvStore store, int number, Meanwhile meanwhile) {
      this.store = store;
      this.first = number * KvAbi.BATCH_MAX;
      this.session = store.session(first);
      this.meanwhile = meanwhile;
      asking.incrementAndGet();
    }

    @Override
    public Void call() {
      try {
        askAndStore();
      } finally {
        asking.decrementAndGet();
      }
      return null;
    }

    private void askAndStore() {
      for (int turn = 1; turn <= TURNS; turn++) {
        move(turn);
        int tokens = ask();
        assertThat(tokens).as("tokens given out at once").isLessThanOrEqualTo(1);
        if (tokens == 1) {
          won.incrementAndGet();
          assertThat(holders.incrementAndGet()).as("holders of the token").isEqualTo(1);
          move(turn);
          assertThat(ask()).as("tokens given out while one is held").isZero();
          holders.decrementAndGet();
          storeStale();
        }
      }
    }

    /** How many tokens it was given. */
    private int ask() {
      for (int i = 0; i < TOUCHES; i++) {
        KvSlot slot = store.slot(first + i).request(Op.TOUCH, KEY);
        slot.keep(KEEP_EXPTIME | KEEP_ACCESS).state(WON, 0);
      }
      assertThat(session.runDoor(first, TOUCHES)).isEqualTo(TOUCHES);
      int tokens = 0;
      for (int i = 0; i < TOUCHES; i++) {
        KvSlot slot = store.slot(first + i);
        assertThat(slot.status()).isIn(Status.OK, Status.BUSY);
        tokens += slot.status() == Status.OK && (slot.state() & WON) == 0 ? 1 : 0;
      }
      return tokens;
    }

    private void move(int turn) {
      KvSlot slot = session.slot();
      if (meanwhile != Meanwhile.MOVE
          || session.run(slot.request(Op.GET, KEY).keep(KEEP_ACCESS)) != Status.OK) {
        return;
      }
      long version = slot.version();
      slot.request(Op.SET, KEY).ifVersion(version).userValue(turn, 400).keep(KEEP_ITEM);
      if (session.run(slot) == Status.OK) {
        changed.incrementAndGet();
      }
    }

    private void storeStale() {
      KvSlot slot = session.slot();
      do {
        slot.request(Op.SET, KEY).value(value(400)).state(STALE, 0);
      } while (session.run(slot) == Status.BUSY);
      assertThat(slot.status()).isEqualTo(Status.OK);
    }
  }

  /** Stores new values and keeps the state, without a pause, as long as there are clients. */
  private Callable<Void> changer(KvStore store, Meanwhile meanwhile) {
    int first = (THREADS + 1) * KvAbi.BATCH_MAX;
    KvSession session = store.session(first);
    for (int i = 0; i < KvAbi.BATCH_MAX; i++) {
      int length = meanwhile == Meanwhile.INCREMENT || i % 2 == 0 ? 400 : 1300;
      KvSlot slot = store.slot(first + i).request(Op.SET, KEY).value(value(length));
      slot.condition(Cond.PRESENT).keep(KEEP_STATE);
    }
    return () -> {
      while (asking.get() > 0) {
        assertThat(session.runDoor(first, KvAbi.BATCH_MAX)).isEqualTo(KvAbi.BATCH_MAX);
        changed.addAndGet(store.slot(first).status() == Status.OK ? 1 : 0);
      }
      return null;
    };
  }

  @ParameterizedTest
  @EnumSource
  void aTokenHasOneHolder(Meanwhile meanwhile) throws Exception {
    try (KvStore store = new KvStore(KvConfig.of(32).withCapacity(1024));
        ExecutorService threads = Executors.newFixedThreadPool(THREADS + 1)) {
      List<Callable<Void>> work = new ArrayList<>();
      for (int i = 1; i <= THREADS; i++) {
        Client client = new Client(store, i, meanwhile);
        client.storeStale();
        work.add(client);
      }
      if (meanwhile == Meanwhile.INCREMENT || meanwhile == Meanwhile.INCREMENT_TO_ANOTHER_SIZE) {
        work.add(changer(store, meanwhile));
      }
      for (Future<Void> end : threads.invokeAll(work)) {
        end.get();
      }
      assertThat(won).hasPositiveValue();
      assertThat(changed.get() > 0).isEqualTo(meanwhile != Meanwhile.NOTHING);
      StoreAudit.check(store);
    }
  }
}
