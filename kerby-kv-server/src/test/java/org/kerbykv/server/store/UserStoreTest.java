package org.kerbykv.server.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class UserStoreTest {
  private static final int MIB = 1 << 20;

  private UserStore store;
  private StoreFixture door;

  @BeforeEach
  void open() {
    store = new UserStore(8 * MIB, true);
    door = new StoreFixture(store, 2 * MIB);
  }

  @AfterEach
  void close() {
    door.close();
    store.close();
  }

  @Property(tries = 30)
  void behavesAsAMap(@ForAll long seed) {
    try (UserStore fresh = new UserStore(64 * MIB, true);
        StoreFixture its = new StoreFixture(fresh, 2 * MIB)) {
      Random random = new Random(seed);
      Map<String, byte[]> model = new HashMap<>();
      for (int i = 0; i < 1000; i++) {
        String key = "k".repeat(1 + random.nextInt(3) * 100) + random.nextInt(40);
        switch (random.nextInt(4)) {
          case 0 ->
              assertThat(its.delete(key))
                  .isEqualTo(model.remove(key) == null ? Outcome.NOT_FOUND : Outcome.DELETED);
          case 1 -> {
            StoreFixture.Found found = its.get(key);
            assertThat(found == null ? null : found.value()).isEqualTo(model.get(key));
          }
          default -> {
            byte[] value = new byte[random.nextInt(1 << random.nextInt(18))];
            random.nextBytes(value);
            assertThat(its.store(Operation.SET, key, value, 0, 0, 0)).isEqualTo(Outcome.STORED);
            model.put(key, value);
          }
        }
      }
      StoreFigures figures = fresh.figures();
      assertThat(figures.userItems()).isEqualTo(model.size());
      assertThat(figures.userValueBytes())
          .isEqualTo(model.values().stream().mapToLong(value -> value.length).sum());
      for (String key : model.keySet()) {
        assertThat(its.delete(key)).isEqualTo(Outcome.DELETED);
      }
      assertThat(fresh.figures().userMemoryBytes()).as("all memory given back").isZero();
    }
  }

  @Test
  void expiredItemsAreMissesAndGiveTheirMemoryBack() {
    door.store(Operation.SET, "past", bytes(100), 0, KvSlot.EXPTIME_PAST, 0);
    door.store(Operation.SET, "soon", bytes(100), 0, BootClock.seconds() + 1000, 0);
    door.store(Operation.SET, "never", bytes(100), 0, 0, 0);
    assertThat(door.get("past")).isNull();
    assertThat(door.get("soon")).isNotNull();
    assertThat(door.touch("soon", KvSlot.EXPTIME_PAST)).isEqualTo(Outcome.TOUCHED);
    assertThat(door.get("soon")).isNull();
    assertThat(door.get("never")).isNotNull();
    assertThat(store.figures().userItems()).isEqualTo(1);
  }

  @Test
  void upkeepSweepsExpiredItemsThatNobodyAsksFor() {
    for (int i = 0; i < 1000; i++) {
      door.store(Operation.SET, "k" + i, bytes(10), 0, KvSlot.EXPTIME_PAST, 0);
    }
    assertThat(store.figures().userItems()).isEqualTo(1000);
    for (int second = 0; second < 32; second++) {
      store.upkeep();
    }
    assertThat(store.figures().userItems()).isZero();
    assertThat(store.figures().expired()).isEqualTo(1000);
    assertThat(store.figures().userMemoryBytes()).isZero();
  }

  @Test
  void flushTakesWhatIsOldAndLeavesWhatIsNew() {
    door.store(Operation.SET, "old", "1");
    store.flushAll();
    assertThat(door.get("old")).isNull();
    door.store(Operation.SET, "new", "2");
    assertThat(door.text("new")).isEqualTo("2");
    assertThat(door.store(Operation.ADD, "old", "3")).isEqualTo(Outcome.STORED);
    for (int i = 0; i < 200; i++) {
      door.store(Operation.SET, "k" + i, "4");
    }
    store.flushAll();
    store.upkeep();
    assertThat(store.figures().userItems()).isZero();
  }

  @Test
  void evictsWhatWasNotUsedWhenFull() {
    byte[] value = bytes(4000);
    door.store(Operation.SET, "hot", value, 0, 0, 0);
    for (int i = 0; i < 10_000; i++) {
      assertThat(door.store(Operation.SET, "cold" + i, value, 0, 0, 0)).isEqualTo(Outcome.STORED);
      if (i % 10 == 0) {
        assertThat(door.get("hot")).as("after %d", i).isNotNull();
      }
    }
    StoreFigures figures = store.figures();
    assertThat(figures.userMemoryBytes()).isBetween(7L * MIB, 8L * MIB);
    assertThat(figures.evicted()).isEqualTo(10_001 - figures.userItems());
    assertThat(door.get("cold9999")).isNotNull();
    assertThat(door.get("cold0")).isNull();
  }

  @Test
  void withoutEvictionsExpiredItemsStillMakeRoom() {
    try (UserStore full = new UserStore(4 * MIB, false);
        StoreFixture its = new StoreFixture(full, MIB)) {
      byte[] value = bytes(1000);
      int stored = 0;
      while (its.store(Operation.SET, "k" + stored, value, 0, 0, 0) == Outcome.STORED) {
        stored++;
      }
      assertThat(stored).isGreaterThan(3000);
      assertThat(full.figures().evicted()).isZero();
      assertThat(full.figures().userItems()).isEqualTo(stored);
      for (int i = 0; i < stored; i++) {
        assertThat(its.touch("k" + i, KvSlot.EXPTIME_PAST)).isEqualTo(Outcome.TOUCHED);
      }
      for (int i = 0; i < 1000; i++) {
        assertThat(its.store(Operation.SET, "new" + i, value, 0, 0, 0)).isEqualTo(Outcome.STORED);
      }
      assertThat(full.figures().evicted()).isZero();
    }
  }

  @Test
  void roomForALargeValueIsMadeByEvictingManySmallOnes() {
    for (int i = 0; i < 100_000; i++) {
      door.store(Operation.SET, "small" + i, "x");
    }
    byte[] large = bytes(MIB);
    assertThat(door.store(Operation.SET, "large", large, 7, 0, 0)).isEqualTo(Outcome.STORED);
    assertThat(door.get("large").value()).isEqualTo(large);
    assertThat(door.get("large").flags()).isEqualTo(7);
  }

  @Test
  void aValueBeingReadSurvivesItsReplacement() {
    byte[] old = bytes(100_000);
    door.store(Operation.SET, "k", old, 0, 0, 0);
    try (StoreFixture reader = new StoreFixture(store, 2 * MIB)) {
      int index = reader.add(Operation.GET, "k");
      reader.batch().execute();
      door.store(Operation.SET, "k", "new");
      for (int i = 0; i < 3000; i++) {
        door.store(Operation.SET, "filler" + i, bytes(4000), 0, 0, 0);
      }
      assertThat(reader.found(index).value()).isEqualTo(old);
      reader.batch().clear();
    }
  }

  @Test
  void aValueLargerThanTheMemoryIsRefused() {
    byte[] key = {'k'};
    assertThat(door.batch().door().newValue(key, 0, 1, 5 * MIB)).isZero();
  }

  @Test
  void anAbandonedValueGivesItsMemoryBack() {
    byte[] key = {'k'};
    long value = door.batch().door().newValue(key, 0, 1, MIB);
    assertThat(store.figures().userMemoryBytes()).isGreaterThan(MIB);
    door.batch().door().discardValue(value);
    assertThat(store.figures().userMemoryBytes()).isZero();
  }

  static byte[] bytes(int length) {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, (byte) 'v');
    return bytes;
  }
}
