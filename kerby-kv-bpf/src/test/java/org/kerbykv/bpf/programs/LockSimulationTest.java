package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.lockhistory.Acquisition;
import org.kerbykv.bpf.lockhistory.Acquisition.End;
import org.kerbykv.bpf.lockhistory.LockHistoryChecker;

/**
 * The state machine of {@link LockModel}, over many schedules of a bad network: no client sees a
 * promise broken. {@link LockModelTest} says that the programs are that state machine; {@link
 * LockSimulatedProgramsTest} runs some of the schedules with them.
 */
class LockSimulationTest {
  private static final int SCHEDULES = Integer.getInteger("kerby.lock.simulations", 40_000);

  @Test
  void noPromiseIsBroken() {
    long seed = Long.getLong("kerby.seed", System.nanoTime());
    System.out.println("LockSimulationTest: -Dkerby.seed=" + seed);
    Map<End, Integer> ends = new HashMap<>();
    for (int schedule = 0; schedule < SCHEDULES; schedule++) {
      LockModel model = new LockModel(LockConfig.small());
      LockSimulation simulation =
          new LockSimulation(
              LockSimulation.of(model, new Random(seed + schedule)), seed + schedule);
      List<Acquisition> history = simulation.run();
      assertThat(LockHistoryChecker.check(history)).as("seed %d", seed + schedule).isEmpty();
      history.forEach(one -> ends.merge(one.end(), 1, Integer::sum));
    }
    System.out.println("LockSimulationTest: " + SCHEDULES + " schedules, ends " + ends);
    assertThat(ends)
        .containsKeys(End.RELEASED, End.EXPIRED, End.TIMEOUT, End.CANCELLED, End.UNKNOWN);
  }
}
