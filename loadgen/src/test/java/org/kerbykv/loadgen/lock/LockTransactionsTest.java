package org.kerbykv.loadgen.lock;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetSocketAddress;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.kerbykv.loadgen.workload.KeyDistribution;

class LockTransactionsTest {
  private static LockTransactions draw(int locks, int each, double sharedRatio, long seed) {
    return new LockTransactions(
        new LockLoadSpec(
            new InetSocketAddress(1),
            locks,
            KeyDistribution.zipf(locks, 0.99),
            sharedRatio,
            each,
            1,
            Duration.ZERO,
            Duration.ofSeconds(1),
            Duration.ofSeconds(1),
            Duration.ofSeconds(1),
            BackOff.USUAL,
            Duration.ZERO,
            Duration.ofSeconds(1),
            seed));
  }

  @Test
  void locksOfATransactionAscendAndDiffer() {
    LockTransactions drawn = draw(8, 5, 0.25, 1);
    int shared = 0;
    for (int i = 0; i < drawn.count(); i++) {
      for (int j = 0; j < 5; j++) {
        assertThat(drawn.lock(i, j)).isBetween(j == 0 ? 0 : drawn.lock(i, j - 1) + 1, 7);
        shared += drawn.isShared(i, j) ? 1 : 0;
      }
    }
    assertThat((double) shared / (5 * drawn.count())).isBetween(0.24, 0.26);
    assertThat(Integer.bitCount(drawn.count())).isEqualTo(1);
  }

  @Test
  void theSameSeedDrawsTheSame() {
    assertThat(draw(1000, 2, 0.5, 3).words()).isEqualTo(draw(1000, 2, 0.5, 3).words());
    assertThat(draw(1000, 2, 0.5, 3).words()).isNotEqualTo(draw(1000, 2, 0.5, 4).words());
  }

  @Test
  void jainsIndexIsOneIfAllGotAsMuch() {
    assertThat(LockLoadResult.jain(new long[] {5, 5, 5})).isEqualTo(1);
    assertThat(LockLoadResult.jain(new long[] {9, 0, 0})).isEqualTo(1.0 / 3);
    assertThat(LockLoadResult.jain(new long[] {1, 2, 3})).isEqualTo(36.0 / 42);
    assertThat(LockLoadResult.jain(new long[] {0, 0})).isNaN();
  }

  @Test
  void pausesDoubleUpToALimit() {
    BackOff backOff = new BackOff(Duration.ofNanos(100), 2);
    assertThat(backOff.nanos(0, 0)).isEqualTo(100);
    assertThat(backOff.nanos(1, 0.5)).isEqualTo(300);
    assertThat(backOff.nanos(2, 0)).isEqualTo(400);
    assertThat(backOff.nanos(200, 0)).isEqualTo(400);
  }
}
