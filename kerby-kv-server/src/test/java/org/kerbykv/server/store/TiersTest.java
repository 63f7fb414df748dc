package org.kerbykv.server.store;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;

/** What is in which tier, and what clients see of it: nothing. */
@RequiresBPF
class TiersTest {
  private static final int VALUE_BYTES = 600; // four blocks with the key, of which it needs one
  private static final int USER_MIB = 16;

  @Test
  void aFullPoolTakesEveryItemThatUserSpaceHasRoomFor() {
    int items = 1500;
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
      fill(store, "filler", 800);
      await().atMost(TieredStore.SOON).until(() -> !store.isInKernel("k"));
      assertThat(store.look("k"))
          .usingRecursiveComparison()
          .ignoringFields("inKernel")
          .isEqualTo(inKernel);
      assertThat(store.xdpGet("k")).as("left to user space").isEmpty();
      assertThat(store.user().get("k")).isEqualTo(before);

      deleteAll(store, "filler", 800);
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
    for (int i = 0; i < items; i++) {
      assertThat(store.user().delete(name + i)).isEqualTo(Outcome.DELETED);
    }
  }
}
