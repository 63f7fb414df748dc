package org.kerbykv.server.lock;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** The queue of what is due, against a map that is searched. */
class DueLocksTest {
  @Test
  void theEarliestTimeOfEachLockCountsAndTheEarliestLockComesFirst() {
    DueLocks due = new DueLocks();
    assertThat(due.next()).isEqualTo(Long.MAX_VALUE);
    due.add(1, 30);
    due.add(2, 20);
    due.add(1, 10);
    due.add(2, 40);
    assertThat(due.next()).isEqualTo(10);
    assertThat(due.take()).isEqualTo(1);
    assertThat(due.take()).isEqualTo(2);
    assertThat(due.next()).as("what was said before is forgotten").isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void anySequenceGivesWhatAMapWould() {
    long seed = Long.getLong("kerby.seed", System.nanoTime());
    System.out.println("DueLocksTest: -Dkerby.seed=" + seed);
    SplittableRandom random = new SplittableRandom(seed);
    DueLocks due = new DueLocks();
    Map<Long, Long> model = new HashMap<>();
    for (int i = 0; i < 200_000; i++) {
      // Again and again an earlier time for one that has a late one: most entries get outdated.
      if (model.isEmpty() || random.nextInt(3) > 0) {
        long lock = random.nextInt(20);
        long at = random.nextInt(1_000_000);
        due.add(lock, at);
        model.merge(lock, at, Math::min);
      } else {
        long next = model.values().stream().min(Long::compare).orElseThrow();
        assertThat(due.next()).isEqualTo(next);
        long lock = due.take();
        assertThat(model.remove(lock)).as("lock %d, seed %d", lock, seed).isEqualTo(next);
      }
    }
  }
}
