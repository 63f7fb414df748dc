package org.kerbykv.loadgen.soak;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;

/**
 * The server is killed again and again at random instants, while it starts, adopts and serves,
 * under load that verifies. For longer: {@code -Dkerby.soak.kills=50}.
 */
@RequiresBPF
class SoakTest {
  private static final int KILLS = Integer.getInteger("kerby.soak.kills", 15);
  private static final int PACE = 300;

  @Test
  void killsLoseNothingThatTheKernelHeldAndLeakNothing() throws Exception {
    SoakPlan plan =
        new SoakPlan(Duration.ZERO, KILLS, PACE, Long.getLong("kerby.seed", System.nanoTime()));
    System.out.println("SoakTest: -Dkerby.seed=" + plan.seed());
    // The thread moves to another network namespace.
    FutureTask<SoakResult> soak = new FutureTask<>(() -> new Soak(plan, System.err).run());
    Thread.ofPlatform().name("soak").start(soak);
    SoakResult result = soak.get();

    System.out.print(result.table());
    assertThat(result.counts().examples()).isEmpty();
    assertThat(result.isSound()).isTrue();
    assertThat(result.kills()).isEqualTo(KILLS);
    assertThat(result.counts().hits.get()).isGreaterThan(1000);
    assertThat(result.counts().lost.get()).as("values of user space").isPositive();
    assertThat(result.moved()).as("between the tiers").isPositive();
    assertThat(result.json()).endsWith("\"differences\":0,\"ok\":true}");
  }
}
