package org.kerbykv.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class TimerWheelTest {
  private static final long TICK = TimerWheel.TICK_NANOS;

  private final List<Call<?>> fired = new ArrayList<>();

  private static Call<?> call() {
    return new Call<>(Command.GET, new byte[] {'k'}, null, 0, 0, 0, 1, reply -> null);
  }

  @Test
  void firesOnceAfterItsTimeAndNotBefore() {
    TimerWheel<Call<?>> wheel = new TimerWheel<>(0, fired::add);
    Call<?> call = call();
    wheel.set(call, 10 * TICK + 5);
    wheel.advance(10 * TICK + 4);
    assertThat(fired).isEmpty();
    wheel.advance(11 * TICK);
    wheel.advance(500 * TICK);
    assertThat(fired).containsExactly(call);
    assertThat(wheel.isEmpty()).isTrue();
  }

  @Test
  void saysWhenTheNextMayFire() {
    TimerWheel<Call<?>> wheel = new TimerWheel<>(0, fired::add);
    wheel.set(call(), 100 * TICK + 7);
    assertThat(wheel.nextAt()).isEqualTo(101 * TICK);
    wheel.set(call(), 1000 * TICK); // 232 in its turn
    wheel.advance(101 * TICK);
    assertThat(fired).hasSize(1);
    assertThat(wheel.nextAt()).isEqualTo(233 * TICK);
  }

  @Test
  void firesTimersFurtherAwayThanTheWheelIsLong() {
    TimerWheel<Call<?>> wheel = new TimerWheel<>(0, fired::add);
    wheel.set(call(), 1000 * TICK);
    for (int tick = 1; tick <= 1000; tick++) {
      wheel.advance(tick * TICK);
      assertThat(fired).isEmpty();
    }
    wheel.advance(1001 * TICK);
    assertThat(fired).hasSize(1);
  }

  /** Any sequence of settings, clearings and steps does what a sorted list would. */
  @Property(tries = 200)
  void behavesAsAListOfTimes(@ForAll long seed) {
    Random random = new Random(seed);
    // A clock that starts anywhere, as nanoTime does.
    long now = random.nextLong() >> 2;
    Map<Call<?>, Long> expected = new HashMap<>();
    TimerWheel<Call<?>> wheel = new TimerWheel<>(now, fired::add);
    List<Call<?>> calls = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      calls.add(call());
    }
    for (int step = 0; step < 300; step++) {
      Call<?> call = calls.get(random.nextInt(calls.size()));
      switch (random.nextInt(3)) {
        case 0 -> {
          long at = now + random.nextLong(600 * TICK);
          wheel.set(call, at);
          expected.put(call, at);
        }
        case 1 -> {
          wheel.clear(call);
          expected.remove(call);
        }
        default -> {
          fired.clear();
          now += random.nextLong(300 * TICK);
          wheel.advance(now);
          for (Call<?> one : fired) {
            assertThat(expected.remove(one)).isLessThanOrEqualTo(now);
          }
          long lateAtMost = now - TICK;
          assertThat(expected.values()).allMatch(at -> at > lateAtMost);
        }
      }
      assertThat(wheel.isEmpty()).isEqualTo(expected.isEmpty());
      if (!wheel.isEmpty()) {
        // It does not sleep through the first of them, nor does it wake at every tick.
        long first = Collections.min(expected.values());
        assertThat(wheel.nextAt()).isGreaterThan(now - TICK).isLessThanOrEqualTo(first + TICK);
      }
    }
  }
}
