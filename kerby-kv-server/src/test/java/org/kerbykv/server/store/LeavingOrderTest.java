package org.kerbykv.server.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Positive;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class LeavingOrderTest {
  private static final int COLD = LeavingOrder.HOT_SECONDS + 1;

  @Property
  void theOlderOfTwoNeverStaysLonger(
      @ForAll @IntRange(min = COLD) int younger,
      @ForAll @IntRange(min = COLD) int other,
      @ForAll boolean youngerWasRead,
      @ForAll boolean otherWasRead) {
    int older = Math.max(younger, other);
    int least = Math.min(younger, other);
    if (older - least > least / 8) {
      assertThat(LeavingOrder.demotion(older, otherWasRead))
          .isLessThan(LeavingOrder.demotion(least, youngerWasRead));
      assertThat(LeavingOrder.eviction(older, otherWasRead))
          .isLessThan(LeavingOrder.eviction(least, youngerWasRead));
    }
  }

  @Test
  void youngAgesAreToldApartToTheSecond() {
    for (int age = COLD; age < 63; age++) {
      assertThat(LeavingOrder.demotion(age + 1, true)).isLessThan(LeavingOrder.demotion(age, true));
    }
  }

  @Test
  void ofOneAgeWhatNobodyReadLeavesFirst() {
    for (int age : new int[] {0, 1, COLD, 100, Integer.MAX_VALUE}) {
      assertThat(LeavingOrder.demotion(age, false)).isLessThan(LeavingOrder.demotion(age, true));
      assertThat(LeavingOrder.eviction(age, false)).isLessThan(LeavingOrder.eviction(age, true));
    }
  }

  @Test
  void coldItemsAreEvictedOnlyWhenNoneIsLeftToDemoteAndHotOnesLast() {
    List<Integer> ranks =
        List.of(
            LeavingOrder.demotion(Integer.MAX_VALUE, false),
            LeavingOrder.demotion(0, false),
            LeavingOrder.eviction(Integer.MAX_VALUE, false),
            LeavingOrder.eviction(0, false),
            LeavingOrder.demotion(LeavingOrder.HOT_SECONDS, true),
            LeavingOrder.demotion(0, true),
            LeavingOrder.eviction(LeavingOrder.HOT_SECONDS, true),
            LeavingOrder.eviction(0, true));
    assertThat(ranks).isSorted().doesNotHaveDuplicates();
    assertThat(ranks.stream().map(LeavingOrder::isEviction))
        .containsExactly(false, false, true, true, false, false, true, true);
    for (int step = 0; step < LeavingOrder.STEPS; step++) {
      int end = LeavingOrder.end(step);
      assertThat(ranks.stream().filter(rank -> rank < end)).hasSize(2 * (step + 1));
    }
    assertThat(ranks).allMatch(rank -> rank >= 0 && rank < LeavingOrder.RANKS);
  }

  @Test
  void aClockThatWentBackIsAgeZero() {
    assertThat(LeavingOrder.demotion(-5, true)).isEqualTo(LeavingOrder.demotion(0, true));
  }

  @Test
  void nothingToFreeCutsNothing() {
    LeavingOrder order = new LeavingOrder();
    order.add(5, 10);
    assertThat(order.cut(0)).isZero();
    assertThat(order.cut(10)).isEqualTo(5);
    assertThat(order.cut(11)).isEqualTo(LeavingOrder.RANKS);
    order.clear();
    assertThat(order.cut(1)).isEqualTo(LeavingOrder.RANKS);
  }

  /** An item of the property below. */
  record Item(int age, boolean wasRead, boolean evicted, int blocks) {
    int rank() {
      return evicted ? LeavingOrder.eviction(age, wasRead) : LeavingOrder.demotion(age, wasRead);
    }
  }

  @Property
  void theChosenFreeWhatIsNeededAndNoneOfThemCouldStayForAnother(
      @ForAll @Size(max = 200) List<@IntRange(min = 0, max = 100_000) Integer> ages,
      @ForAll @Positive int seed,
      @ForAll @IntRange(min = 1, max = 2000) int needed) {
    Stretch stretch = new Stretch(200);
    List<Item> items = new ArrayList<>();
    for (int i = 0; i < ages.size(); i++) {
      int mix = (seed ^ i) * 0x9E3779B9;
      Item item = new Item(ages.get(i), mix < 0, (mix & 7) == 0, 1 + ((mix >>> 8) & 15));
      items.add(item);
      stretch.add(i, i, 0, item.rank(), item.blocks);
    }
    stretch.choose(needed, LeavingOrder.RANKS);

    List<Item> leave = new ArrayList<>();
    for (int i = 0; i < stretch.chosenCount(); i++) {
      Item item = items.get((int) stretch.identity(i));
      assertThat(stretch.isEviction(i)).isEqualTo(item.evicted);
      assertThat(stretch.freedBlocks(i)).isEqualTo(item.blocks);
      leave.add(item);
    }
    List<Item> stay = new ArrayList<>(items);
    leave.forEach(stay::remove);
    assertThat(stay).hasSize(items.size() - leave.size());
    int freed = leave.stream().mapToInt(Item::blocks).sum();
    if (!stay.isEmpty()) {
      assertThat(freed).isGreaterThanOrEqualTo(needed);
      int last = leave.stream().mapToInt(Item::rank).max().orElseThrow();
      assertThat(stay).allMatch(item -> item.rank() >= last);
      assertThat(freed - leave.getLast().blocks).as("without the last chosen").isLessThan(needed);
    }
  }

  @Test
  void ranksFromTheEndOnStay() {
    Stretch stretch = new Stretch(10);
    int cold = LeavingOrder.demotion(50, true);
    int warm = LeavingOrder.demotion(20, true);
    int hot = LeavingOrder.demotion(0, true);
    stretch.add(1, 101, 7, hot, 5);
    stretch.add(2, 102, 8, warm, 5);
    stretch.add(3, 103, 9, cold, 5);
    stretch.choose(100, warm);
    assertThat(stretch.chosenCount()).isOne();
    assertThat(stretch.identity(0)).isEqualTo(3);
    assertThat(stretch.version(0)).isEqualTo(103);
    assertThat(stretch.lastAccess(0)).isEqualTo(9);
    stretch.choose(100, LeavingOrder.RANKS);
    assertThat(stretch.chosenCount()).isEqualTo(3);
    stretch.choose(0, LeavingOrder.RANKS);
    assertThat(stretch.chosenCount()).isZero();
  }

  @Test
  void aStretchKeepsWhatItHasRoomFor() {
    Stretch stretch = new Stretch(2);
    for (int i = 0; i < 3; i++) {
      stretch.visit(4);
      stretch.add(i, i, 0, 0, 4);
    }
    stretch.choose(100, LeavingOrder.RANKS);
    assertThat(stretch.chosenCount()).isEqualTo(2);
    assertThat(stretch.visited()).isEqualTo(3);
    assertThat(stretch.visitedBlocks()).isEqualTo(12);
    stretch.clear();
    stretch.choose(100, LeavingOrder.RANKS);
    assertThat(stretch.chosenCount()).isZero();
    assertThat(stretch.visited()).isZero();
  }
}
