package org.kerbykv.server.store;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.TemporaryBPFFileSystem;

/** What is in which tier, and what clients see of it: nothing. */
@RequiresBPF
class TiersTest {
  private static final int VALUE_BYTES = 600; // four blocks with the key, of which it needs one
  private static final int USER_MIB = 16;

  @Test
  void aFullPoolTakesEveryItemThatUserSpaceHasRoomFor() {
    int items = 2100;
    int hot = 20;
    try (TieredStore store = TieredStore.open(1, USER_MIB, true)) {
      assertThat(items * 4L)
          .as("blocks of all items")
          .isGreaterThan(2 * store.doors().size().blocks());
      Map<String, String> expected = new HashMap<>();
      int hotHits = 0;
      int hotReads = 0;
      for (int i = 0; i < items; i++) {
        String key = "key" + i;
        String value = TieredStore.value(key, i % 3 == 0 ? 40 : VALUE_BYTES);
        assertThat(store.set(key, value)).as(key).isEqualTo(Outcome.STORED);
        expected.put(key, value);
        if (i % 10 == 0) {
          store.store().upkeep();
        }
        for (int h = 0; i >= hot && h < hot; h++) {
          String hotKey = "key" + h;
          hotReads++;
          if (store.xdpGet(hotKey).filter(expected.get(hotKey)::equals).isPresent()) {
            hotHits++;
          }
        }
      }
      assertThat(store.figures().demoted()).isPositive();
      assertThat(hotHits).as("hits in the kernel of %d for hot keys", hotReads).isEqualTo(hotReads);
      expected.forEach((key, value) -> assertThat(store.user().text(key)).isEqualTo(value));
      assertThat(store.figures().evicted()).isZero();
      WaterMarks marks = WaterMarks.of(store.doors().size());
      await()
          .atMost(TieredStore.SOON)
          .untilAsserted(
              () -> assertThat(store.doors().blocksInUse()).isLessThanOrEqualTo(marks.high()));
    }
  }

  @Test
  void clientsSeeNothingOfMoves() {
    try (TieredStore store = TieredStore.open(1, USER_MIB, true)) {
      int expiry = BootClock.seconds() + 5000;
      String value = TieredStore.value("k", VALUE_BYTES);
      store.user().store(Operation.SET, "k", value.getBytes(ISO_8859_1), 77, expiry, 0);
      StoreFixture.Found before = store.user().get("k");
      TieredStore.Item inKernel = store.look("k");
      assertThat(inKernel.inKernel()).isTrue();

      store.setClock(BootClock.seconds() + 100);
      fill(store, "filler", 1120);
      await().atMost(TieredStore.SOON).until(() -> !store.isInKernel("k"));
      assertThat(store.look("k"))
          .usingRecursiveComparison()
          .ignoringFields("inKernel")
          .isEqualTo(inKernel);
      assertThat(store.xdpGet("k")).as("left to user space").isEmpty();
      assertThat(store.user().get("k")).isEqualTo(before);

      deleteAll(store, "filler", 1120);
      readUntilInKernel(store, "k");
      assertThat(store.xdpGet("k")).contains(value);
      assertThat(store.user().get("k")).isEqualTo(before);
      assertThat(store.look("k"))
          .usingRecursiveComparison()
          .ignoringFields("inKernel", "lastAccess")
          .isEqualTo(inKernel);
      assertThat(store.figures().promoted()).isPositive();
    }
  }

  @Test
  void whatIsReadOnceOrTwiceStaysInUserSpace() {
    try (TieredStore store = TieredStore.open(1, USER_MIB, true)) {
      fill(store, "k", 1120);
      await().atMost(TieredStore.SOON).until(() -> inUserSpace(store, "k", 1120) > 300);
      deleteAll(store, "k", 560);
      List<String> away =
          IntStream.range(560, 1120)
              .mapToObj(i -> "k" + i)
              .filter(key -> !store.isInKernel(key))
              .limit(100)
              .toList();
      assertThat(away).hasSizeGreaterThan(5);
      for (int read = 1; read < TierKeeper.PROMOTION_READS; read++) {
        away.forEach(key -> assertThat(store.user().get(key)).isNotNull());
      }
      // Values are promoted in the order in which they were asked for: these would be before it.
      readUntilInKernel(store, away.getFirst());
      assertThat(store.figures().promoted()).isOne();
      away.stream().skip(1).forEach(key -> assertThat(store.isInKernel(key)).isFalse());
    }
  }

  @Test
  void hotValuesPushOutWhatNobodyAskedForInAWhileButNotEachOther() {
    try (TieredStore store = TieredStore.open(1, USER_MIB, true)) {
      int items = 1260;
      fill(store, "k", items);
      await().atMost(TieredStore.SOON).until(() -> inUserSpace(store, "k", items) > 300);
      fillUpToTheHighMark(store);
      String away =
          IntStream.range(0, items)
              .mapToObj(i -> "k" + i)
              .filter(key -> !store.isInKernel(key))
              .findFirst()
              .orElseThrow();
      long demoted = store.figures().demoted();
      TierKeeper keeper = store.store().keeper();
      long rounds = keeper.roundsDone();
      await()
          .atMost(TieredStore.SOON)
          .until(
              () -> {
                assertThat(store.user().get(away)).isNotNull();
                return keeper.roundsDone() > rounds;
              });
      assertThat(store.isInKernel(away)).as("with a pool full of items just written").isFalse();
      assertThat(store.figures().demoted()).isEqualTo(demoted);

      store.setClock(BootClock.seconds() + TierKeeper.PROMOTION_COLD_SECONDS + 1);
      readUntilInKernel(store, away);
      assertThat(store.figures().demoted()).isGreaterThan(demoted);
    }
  }

  /** So that nothing leaves for what is written, and nothing can be promoted. */
  private static void fillUpToTheHighMark(TieredStore store) {
    WaterMarks marks = WaterMarks.of(store.doors().size());
    await().atMost(TieredStore.SOON).until(() -> marks.excess(store.doors().blocksInUse()) == 0);
    for (int i = 0; marks.hasRoom(store.doors().blocksInUse(), 1); i++) {
      store.set("small" + i, "v");
    }
  }

  @Test
  void itemsOfOneBlockAreEvictedWhenThePoolIsFullOfThem() {
    try (TieredStore store = TieredStore.open(1, USER_MIB, true)) {
      int items = (int) store.doors().size().blocks() * 2;
      store.set("hot", "v");
      for (int i = 0; i < items; i++) {
        assertThat(store.set("key" + i, "small")).isEqualTo(Outcome.STORED);
        if (i % 10 == 0) {
          store.store().upkeep();
          assertThat(store.xdpGet("hot")).contains("v");
        }
      }
      StoreFigures figures = store.figures();
      assertThat(figures.demoted()).isZero();
      assertThat(figures.evicted()).isPositive();
      await()
          .atMost(TieredStore.SOON)
          .untilAsserted(
              () -> {
                StoreFigures now = store.figures();
                assertThat(now.kernelItems() + now.evicted()).isEqualTo(items + 1);
              });
    }
  }

  @Test
  void withoutEvictionsAFullStoreRefusesAndKeepsWhatItHas() {
    try (TieredStore store = TieredStore.open(1, 4, false)) {
      int refused = 0;
      List<String> stored = new ArrayList<>();
      for (int i = 0; i < 9000; i++) {
        String key = "key" + i;
        Outcome outcome = store.set(key, TieredStore.value(key, i % 2 == 0 ? 10 : 1000));
        if (outcome == Outcome.STORED) {
          stored.add(key);
        } else {
          assertThat(outcome).isEqualTo(Outcome.NO_MEMORY);
          refused++;
        }
      }
      assertThat(refused).isPositive();
      assertThat(store.figures().evicted()).isZero();
      for (String key : stored) {
        assertThat(store.user().text(key)).as(key).startsWith(key + ":");
      }
      deleteAll(store, stored);
      assertThat(store.set("again", "v")).isEqualTo(Outcome.STORED);
    }
  }

  @Test
  void whatIsLeftOfAFullPoolIsForKeys() {
    try (TieredStore store = TieredStore.open(1, USER_MIB, true)) {
      String value = TieredStore.value("k", VALUE_BYTES);
      long blocks = store.countMoreBlocks(WaterMarks.of(store.doors().size()).limit());
      assertThat(store.set("k", value)).isEqualTo(Outcome.STORED);
      assertThat(store.set("small", "v")).isEqualTo(Outcome.STORED);
      store.countMoreBlocks(-blocks);
      assertThat(store.isInKernel("k")).isFalse();
      assertThat(store.isInKernel("small")).isTrue();
      assertThat(store.user().text("k")).isEqualTo(value);
    }
  }

  @Test
  void evictionsFromUserSpaceTakeTheirIndexEntriesAlong() {
    try (TieredStore store = TieredStore.open(8, 4, true)) {
      String value = "v".repeat(20_000);
      int items = 1000;
      for (int i = 0; i < items; i++) {
        assertThat(store.user().store(Operation.SET, "large" + i, value)).isEqualTo(Outcome.STORED);
      }
      StoreFigures figures = store.figures();
      assertThat(figures.evicted()).isPositive();
      assertThat(figures.userItems()).isEqualTo(items - figures.evicted());
      assertThat(store.identities()).hasSize((int) figures.userItems());
    }
  }

  @Test
  void expiredItemsGiveTheirBlocksBackUnasked() {
    try (TieredStore store = TieredStore.open(1, USER_MIB, true)) {
      for (int i = 0; i < 300; i++) {
        byte[] value = new byte[i % 2 == 0 ? 300 : 5000];
        store.user().store(Operation.SET, "past" + i, value, 0, KvSlot.EXPTIME_PAST, 0);
      }
      store.set("lasting", "v");
      store.store().keeper().crawlSoon();
      await()
          .atMost(TieredStore.SOON)
          .untilAsserted(() -> assertThat(store.doors().blocksInUse()).isOne());
      assertThat(store.figures().expired()).isEqualTo(300);
      assertThat(store.figures().userMemoryBytes()).isZero();
    }
  }

  @Test
  void expiredItemsLeaveBeforeLiveOnes() {
    try (TieredStore store = TieredStore.open(1, USER_MIB, true)) {
      int blocks = (int) store.doors().size().blocks();
      int items = blocks * 7 / 8 / 4;
      for (int i = 0; i < items; i++) {
        byte[] value = new byte[VALUE_BYTES];
        store.user().store(Operation.SET, "past" + i, value, 0, KvSlot.EXPTIME_PAST, 0);
      }
      for (int i = 0; i < blocks / 2; i++) {
        assertThat(store.set("live" + i, "v")).isEqualTo(Outcome.STORED);
      }
      assertThat(store.figures().evicted()).isZero();
      assertThat(store.figures().demoted()).isZero();
      assertThat(store.figures().expired()).isPositive();
    }
  }

  @Test
  void aFlushGivesEverythingBack() {
    try (TieredStore store = TieredStore.open(1, USER_MIB, true)) {
      fill(store, "k", 900);
      store.store().flushAll();
      assertThat(store.user().get("k0")).isNull();
      await()
          .atMost(TieredStore.SOON)
          .untilAsserted(() -> assertThat(store.doors().blocksInUse()).isZero());
      assertThat(store.figures().userMemoryBytes()).isZero();
    }
  }

  @Test
  void valuesThatDiedWithAProcessAreMissesAndGo() {
    try (TemporaryBPFFileSystem pins = TemporaryBPFFileSystem.create()) {
      Path directory = pins.directory().resolve("kv");
      int large = 50;
      TieredStore first = TieredStore.pinned(directory);
      for (int i = 0; i < large; i++) {
        first.user().store(Operation.SET, "large" + i, "v".repeat(20_000));
        first.user().store(Operation.SET, "small" + i, "small");
      }
      first.closeUnchecked();
      try (TieredStore second = TieredStore.pinned(directory)) {
        assertThat(second.user().get("large0")).isNull();
        assertThat(second.user().text("small0")).isEqualTo("small");
        await()
            .atMost(TieredStore.SOON)
            .untilAsserted(() -> assertThat(second.figures().userItems()).isZero());
        assertThat(second.figures().lost()).isEqualTo(large);
        assertThat(second.figures().kernelItems()).isEqualTo(large);
        assertThat(second.xdpGet("large1")).as("a miss that the kernel proves").contains("");
      }
    }
  }

  private static void readUntilInKernel(TieredStore store, String key) {
    await()
        .atMost(TieredStore.SOON)
        .until(
            () -> {
              assertThat(store.user().get(key)).isNotNull();
              return store.isInKernel(key);
            });
  }

  private static void fill(TieredStore store, String name, int items) {
    for (int i = 0; i < items; i++) {
      String key = name + i;
      assertThat(store.set(key, TieredStore.value(key, VALUE_BYTES))).isEqualTo(Outcome.STORED);
    }
  }

  private static void deleteAll(TieredStore store, String name, int items) {
    deleteAll(store, IntStream.range(0, items).mapToObj(i -> name + i).toList());
  }

  private static void deleteAll(TieredStore store, List<String> keys) {
    keys.forEach(key -> assertThat(store.user().delete(key)).isEqualTo(Outcome.DELETED));
  }

  private static long inUserSpace(TieredStore store, String name, int items) {
    return IntStream.range(0, items).filter(i -> !store.isInKernel(name + i)).count();
  }
}
