package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.lockhistory.LockHistoryChecker;

/**
 * The schedules of {@link LockSimulationTest} with the programs: no client sees a promise broken.
 */
@RequiresBPF
class LockSimulatedProgramsTest {
  private static final int SCHEDULES = 60;

  @Test
  void noPromiseIsBroken() {
    long seed = Long.getLong("kerby.seed", System.nanoTime());
    System.out.println("LockSimulatedProgramsTest: -Dkerby.seed=" + seed);
    try (LockManager manager = new LockManager(LockConfig.small())) {
      LockSession session = manager.session(0);
      for (int schedule = 0; schedule < SCHEDULES; schedule++) {
        Random doors = new Random(seed + schedule);
        LockSimulation simulation =
            new LockSimulation(LockSimulation.of(manager, session, doors), seed + schedule);
        assertThat(LockHistoryChecker.check(simulation.run()))
            .as("seed %d", seed + schedule)
            .isEmpty();
        LockAudit.check(manager);
        manager.clear();
      }
    }
  }
}
