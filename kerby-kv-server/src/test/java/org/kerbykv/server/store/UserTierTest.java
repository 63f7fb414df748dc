package org.kerbykv.server.store;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class UserTierTest {
  private static final int MIB = 1 << 20;
  private static final int VALUE_BYTES = 1000;

  private final UserTier.Scratch scratch = new UserTier.Scratch();
  private final Map<Long, String> evicted = new HashMap<>();

  private UserTier tier(boolean evicts) {
    return new UserTier(
        4 * MIB,
        evicts,
        (token, key, length) -> evicted.put(token, new String(key, 0, length, ISO_8859_1)));
  }

  /** Puts a value, and keeps a reference to it. */
  private int put(UserTier tier, String key, List<Long> tokens) {
    byte[] bytes = key.getBytes(ISO_8859_1);
    int item = tier.newValue(scratch, bytes, 0, bytes.length, VALUE_BYTES);
    if (item != 0) {
      tier.write(item, 0, MemorySegment.ofArray(new byte[VALUE_BYTES]), 0, VALUE_BYTES);
      tokens.add(tier.publish(scratch, item));
    }
    return item;
  }

  private void fill(UserTier tier, String name, int values) {
    for (int i = 0; i < values; i++) {
      tier.release(put(tier, name + i, new ArrayList<>()));
    }
  }

  @Test
  void aValueStaysUntilItIsNamedAndGoesWithItsKeyWhenItsTimeComes() {
    try (UserTier tier = tier(true)) {
      List<Long> tokens = new ArrayList<>();
      int item = put(tier, "the key", tokens);
      long token = tokens.getFirst();
      fill(tier, "filler", 10_000);
      assertThat(evicted).isNotEmpty().doesNotContainKey(token);
      assertThat(tier.evictedCount()).isEqualTo(evicted.size());
      assertThat(tier.peek(scratch, token)).isEqualTo(item);
      tier.release(item);
      tier.release(item);
      fill(tier, "more", 10_000);
      assertThat(evicted).containsEntry(token, "the key");
      assertThat(tier.find(scratch, token)).isZero();
    }
  }

  @Test
  void whatIsReadOutlivesWhatIsNot() {
    try (UserTier tier = tier(true)) {
      List<Long> tokens = new ArrayList<>();
      tier.release(put(tier, "hot", tokens));
      tier.release(put(tier, "cold", tokens));
      // Several rounds of each stripe's hand, which takes about 1.7 times its items for one.
      for (int i = 0; i < 40_000; i++) {
        fill(tier, "filler" + i, 1);
        int item = tier.find(scratch, tokens.getFirst());
        assertThat(item).isNotZero();
        tier.release(item);
      }
      assertThat(evicted).containsValue("cold").doesNotContainValue("hot");
    }
  }

  @Test
  void withoutEvictionsAFullTierRefuses() {
    try (UserTier tier = tier(false)) {
      List<Long> tokens = new ArrayList<>();
      for (int item; (item = put(tier, "key" + tokens.size(), tokens)) != 0; ) {
        tier.release(item);
      }
      assertThat(tokens).hasSizeGreaterThan(3000);
      assertThat(evicted).isEmpty();
      for (long token : tokens) {
        int item = tier.peek(scratch, token);
        assertThat(item).isNotZero();
        tier.release(item);
      }
      tier.drop(scratch, tokens.removeLast());
      assertThat(put(tier, "again", tokens)).isNotZero();
    }
  }

  @Test
  void readsAreCountedAndLooksAreNot() {
    try (UserTier tier = tier(true)) {
      List<Long> tokens = new ArrayList<>();
      int item = put(tier, "k", tokens);
      assertThat(tier.reads(item)).isZero();
      for (int i = 1; i <= 200; i++) {
        tier.release(tier.peek(scratch, tokens.getFirst()));
        tier.release(tier.find(scratch, tokens.getFirst()));
        assertThat(tier.reads(item)).isEqualTo(Math.min(i, 127));
      }
      tier.forgetReads(item);
      assertThat(tier.reads(item)).isOne();
      assertThat(tier.lengthWithKey(item)).isEqualTo(VALUE_BYTES + 1);
      assertThat(tier.length(item, 1)).isEqualTo(VALUE_BYTES);
      tier.release(item);
    }
  }

  @Test
  void tokensOfAnEarlierProcessAreKnownAsLost() {
    List<Long> old = new ArrayList<>();
    try (UserTier earlier = tier(true)) {
      for (int i = 0; i < 100; i++) {
        earlier.release(put(earlier, "k" + i, old));
      }
    }
    try (UserTier later = tier(true)) {
      List<Long> tokens = new ArrayList<>();
      later.release(put(later, "k", tokens));
      assertThat(old).allMatch(later::isLost).doesNotContainAnyElementsOf(tokens);
      assertThat(later.isLost(tokens.getFirst())).isFalse();
      later.removedFromIndex(old.getFirst());
      later.removedFromIndex(tokens.getFirst());
      assertThat(later.lostCount()).isOne();
    }
  }
}
