package org.kerbykv.server.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.kerbykv.server.kernel.PoolSize;

class WaterMarksTest {
  @Test
  void lieBelowWhatTheDoorsOfPacketsMayUse() {
    for (int mib : new int[] {1, 8, 64, 4096}) {
      PoolSize size = PoolSize.of((long) mib << 20, 192);
      WaterMarks marks = WaterMarks.of(size);
      assertThat(marks.limit()).isEqualTo(size.blocks() - size.reserve());
      assertThat(marks.high()).isBetween(marks.limit() * 9 / 10, marks.limit() - 1);
      assertThat(marks.low()).isBetween(marks.limit() * 8 / 10, marks.high() - 1);
    }
  }

  @Test
  void theExcessGoesDownToTheLowMarkButBeginsAboveTheHighOne() {
    WaterMarks marks = new WaterMarks(100, 90, 80);
    assertThat(marks.excess(0)).isZero();
    assertThat(marks.excess(90)).isZero();
    assertThat(marks.excess(91)).isEqualTo(11);
    assertThat(marks.excess(105)).isEqualTo(25);
  }

  @Test
  void roomEndsAtTheHighMark() {
    WaterMarks marks = new WaterMarks(100, 90, 80);
    assertThat(marks.hasRoom(87, 3)).isTrue();
    assertThat(marks.hasRoom(88, 3)).isFalse();
    assertThat(marks.isFull(99)).isFalse();
    assertThat(marks.isFull(100)).isTrue();
  }

  @Test
  void marksOutOfOrderAreRefused() {
    assertThatIllegalArgumentException().isThrownBy(() -> new WaterMarks(100, 101, 80));
    assertThatIllegalArgumentException().isThrownBy(() -> new WaterMarks(100, 80, 80));
    assertThatIllegalArgumentException().isThrownBy(() -> new WaterMarks(100, 80, -1));
  }
}
