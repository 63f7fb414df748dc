package org.kerbykv.client;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class UdpWindowTest {
  @Test
  void admitsAsManyAsItsSize() {
    UdpWindow window = new UdpWindow(10, 0);
    for (int i = 0; i < 10; i++) {
      assertThat(window.tryEnter()).isTrue();
    }
    assertThat(window.tryEnter()).isFalse();
    window.leave();
    assertThat(window.tryEnter()).isTrue();
  }

  @Test
  void growsOnlyWhileFull() {
    UdpWindow window = new UdpWindow(1000, 0);
    int start = window.size();
    window.grow();
    assertThat(window.size()).isEqualTo(start);
    while (window.tryEnter()) {}
    window.grow();
    assertThat(window.size()).isEqualTo(start + 1);
  }

  @Test
  void halvesOnceForOneBurstOfLosses() {
    UdpWindow window = new UdpWindow(64, 0);
    window.shrink(5, 100);
    window.shrink(6, 101);
    window.shrink(7, 102);
    assertThat(window.size()).isEqualTo(32);
    window.shrink(101, 200);
    assertThat(window.size()).isEqualTo(16);
  }

  @Test
  void keepsRoomForAFewWhateverIsLost() {
    UdpWindow window = new UdpWindow(64, 0);
    for (int i = 1; i < 100; i++) {
      window.shrink(2L * i, 2L * i + 1);
    }
    assertThat(window.size()).isEqualTo(4);
    UdpWindow tiny = new UdpWindow(1, 0);
    tiny.shrink(1, 2);
    assertThat(tiny.tryEnter()).isTrue();
  }

  @Test
  void neverGrowsBeyondTheLimit() {
    UdpWindow window = new UdpWindow(80, 0);
    for (int i = 0; i < 1000; i++) {
      while (window.tryEnter()) {}
      window.grow();
    }
    assertThat(window.size()).isEqualTo(80);
  }
}
