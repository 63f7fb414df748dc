package org.kerbykv.server.store;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.server.kernel.TestDoor;

/**
 * One item, which a mover pushes to and fro between the tiers as fast as it can, while others write
 * and read it through all doors. How long a test runs is a number of moves in each direction, so
 * that each has had the chance to go wrong.
 */
@RequiresBPF
class MovesRaceTest {
  /** Moves in each direction, {@code -Dkerby.moves} for more. */
  private static final int MOVES = Integer.getInteger("kerby.moves", 500);

  /** Fewer where each item lives but for a moment: a mover seldom meets one. */
  private static final int MOVES_OF_FLUSHED = MOVES / 20;

  private static final int XDP_TX = 3;
  private static final int TC_ACT_REDIRECT = 7;
  private static final String KEY = "k";

  /** Moves the only item there is, for ever. */
  private static final class Mover implements Callable<Void> {
    private final TieredStore store;
    private final TierMoves moves;
    private final Stretch stretch = new Stretch(1);
    private final UserTier.Scratch scratch = new UserTier.Scratch();
    private final AtomicBoolean stop = new AtomicBoolean();
    private final int enough;

    Mover(TieredStore store, int enough) {
      this.store = store;
      this.enough = enough;
      this.moves = new TierMoves(store.store().openDoor(), store.store().tier());
    }

    boolean hasMovedEnough() {
      return moves.demotedCount() >= enough && moves.promotedCount() >= enough;
    }

    @Override
    public Void call() {
      while (!stop.get()) {
        store.walk((identity, item) -> move(identity, item));
      }
      moves.close();
      return null;
    }

    private void move(long identity, TieredStore.Entry entry) {
      if (entry.token() == 0) {
        stretch.clear();
        stretch.add(identity, entry.version(), entry.lastAccess(), 0, 3);
        stretch.choose(1, LeavingOrder.RANKS);
        moves.leave(stretch);
        return;
      }
      int item = store.store().tier().peek(scratch, entry.token());
      if (item != 0) {
        moves.promote(entry.token(), item);
        store.store().tier().release(item);
      }
    }
  }

  private interface Work {
    /** Does a little, again and again. */
    void step(
        StoreFixture user, TestDoor.Packets xdp, TestDoor.Packets tc, SplittableRandom random);
  }

  /** Runs work beside the mover, each on a thread and with doors of its own. */
  private static void race(TieredStore store, int moves, List<Work> works) throws Exception {
    long seed = Long.getLong("kerby.seed", System.nanoTime());
    System.out.println("MovesRaceTest: -Dkerby.seed=" + seed);
    Mover mover = new Mover(store, moves);
    AtomicBoolean failed = new AtomicBoolean();
    try (ExecutorService threads = Executors.newCachedThreadPool()) {
      Future<Void> moving = threads.submit(mover);
      List<Future<?>> working = new ArrayList<>();
      for (Work work : works) {
        SplittableRandom random = new SplittableRandom(seed + working.size());
        working.add(
            threads.submit(
                () -> {
                  try (StoreFixture user = new StoreFixture(store.store(), TieredStore.MIB);
                      var xdp = new TestDoor.Packets(store.doors(), "kv_xdp", XDP_TX);
                      var tc = new TestDoor.Packets(store.doors(), "kv_tc", TC_ACT_REDIRECT)) {
                    while (!mover.hasMovedEnough() && !failed.get()) {
                      work.step(user, xdp, tc, random);
                    }
                  } finally {
                    failed.set(!mover.hasMovedEnough());
                  }
                }));
      }
      try {
        for (Future<?> each : working) {
          each.get();
        }
      } finally {
        mover.stop.set(true);
        moving.get();
      }
    }
  }

  /** What its only writer knows of the item. */
  private static final class Truth {
    private String value;
    private int exptime;
    private int sequence;

    void change(
        StoreFixture user, TestDoor.Packets xdp, TestDoor.Packets tc, SplittableRandom random) {
      switch (random.nextInt(8)) {
        case 0 -> {
          assertThat(user.delete(KEY))
              .isEqualTo(value == null ? Outcome.NOT_FOUND : Outcome.DELETED);
          value = null;
        }
        case 1 -> xdp.delete(KEY).ifPresent(this::deleted);
        case 2 -> {
          int expiry = BootClock.seconds() + 1000 + random.nextInt(1000);
          assertThat(user.touch(KEY, expiry))
              .isEqualTo(value == null ? Outcome.NOT_FOUND : Outcome.TOUCHED);
          exptime = expiry;
        }
        case 3, 4 -> set(user, random);
        default -> {
          String next = next(random);
          if ((random.nextBoolean() ? xdp : tc).set(KEY, next).orElse(false)) {
            value = next;
            exptime = 0;
          }
        }
      }
    }

    private void set(StoreFixture user, SplittableRandom random) {
      String next = next(random);
      int expiry = BootClock.seconds() + 1000 + random.nextInt(1000);
      assertThat(user.store(Operation.SET, KEY, next.getBytes(ISO_8859_1), 0, expiry, 0))
          .isEqualTo(Outcome.STORED);
      value = next;
      exptime = expiry;
    }

    private void deleted(boolean was) {
      assertThat(was).isEqualTo(value != null);
      value = null;
    }

    private String next(SplittableRandom random) {
      // The longest are user space's from the start.
      return TieredStore.value("w" + ++sequence, 300 + random.nextInt(1500));
    }
  }

  @Test
  void theLastWriteIsWhatEveryDoorReads() throws Exception {
    try (TieredStore store = TieredStore.open(1, 16, true)) {
      Truth truth = new Truth();
      Work owner =
          (user, xdp, tc, random) -> {
            truth.change(user, xdp, tc, random);
            for (int i = 0; i < 3; i++) {
              assertThat(user.text(KEY)).isEqualTo(truth.value);
              String expected = truth.value == null ? "" : truth.value;
              xdp.get(KEY).ifPresent(found -> assertThat(found).isEqualTo(expected));
              tc.get(KEY).ifPresent(found -> assertThat(found).isEqualTo(expected));
            }
            if (truth.value != null) {
              assertThat(user.exptime(KEY)).isEqualTo(truth.exptime);
            }
          };
      race(store, MOVES, List.of(owner, MovesRaceTest::readsWhole));
    }
  }

  private static void readsWhole(
      StoreFixture user, TestDoor.Packets xdp, TestDoor.Packets tc, SplittableRandom random) {
    checkWhole(user.text(KEY));
    xdp.get(KEY).ifPresent(found -> checkWhole(found.isEmpty() ? null : found));
  }

  private static void checkWhole(String value) {
    if (value != null) {
      String name = value.substring(0, value.indexOf(':'));
      assertThat(value).isEqualTo(TieredStore.value(name, value.length()));
    }
  }

  @Test
  void noIncrementIsLost() throws Exception {
    try (TieredStore store = TieredStore.open(1, 16, true)) {
      String padding = " ".repeat(600);
      store.user().store(Operation.SET, KEY, "0" + padding);
      long[] counted = new long[3];
      List<Work> works = new ArrayList<>();
      for (int i = 0; i < counted.length; i++) {
        int thread = i;
        works.add(
            (user, xdp, tc, random) -> {
              assertThat(user.count(Operation.INCR, KEY, 1)).isNotNull();
              counted[thread]++;
            });
      }
      race(store, MOVES, works);
      long sum = counted[0] + counted[1] + counted[2];
      assertThat(store.user().text(KEY).trim()).isEqualTo(Long.toString(sum));
    }
  }

  @Test
  void aCasIdIsGoodUntilTheNextWrite() throws Exception {
    try (TieredStore store = TieredStore.open(1, 16, true)) {
      String value = TieredStore.value("v", 700);
      store.user().store(Operation.SET, KEY, value);
      Work owner =
          (user, xdp, tc, random) -> {
            long cas = user.get(KEY).cas();
            assertThat(user.get(KEY).cas()).isEqualTo(cas);
            assertThat(user.store(Operation.CAS, KEY, value.getBytes(ISO_8859_1), 0, 0, cas))
                .isEqualTo(Outcome.STORED);
            assertThat(user.store(Operation.CAS, KEY, value.getBytes(ISO_8859_1), 0, 0, cas))
                .isEqualTo(Outcome.EXISTS);
          };
      race(store, MOVES, List.of(owner));
    }
  }

  @Test
  void nothingOutlivesAFlush() throws Exception {
    try (TieredStore store = TieredStore.ofSmallBlocks()) {
      String value = TieredStore.value("v", 1300);
      Work owner =
          (user, xdp, tc, random) -> {
            assertThat(user.store(Operation.SET, KEY, value)).isEqualTo(Outcome.STORED);
            for (int i = random.nextInt(20); i > 0; i--) {
              assertThat(user.text(KEY)).isEqualTo(value);
            }
            store.store().flushAll();
            for (int i = 0; i < 3; i++) {
              assertThat(user.get(KEY)).isNull();
              xdp.get(KEY).ifPresent(found -> assertThat(found).isEmpty());
            }
          };
      race(store, MOVES_OF_FLUSHED, List.of(owner));
    }
  }
}
