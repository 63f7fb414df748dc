package org.kerbykv.loadgen.workload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SizeDistributionTest {
  private static int[] sorted(SizeDistribution sizes) {
    Random64 random = new Random64(1);
    int[] drawn = new int[200_000];
    Arrays.setAll(drawn, i -> sizes.length(random.nextLong()));
    Arrays.sort(drawn);
    assertThat(drawn[0]).isGreaterThanOrEqualTo(sizes.min());
    assertThat(drawn[drawn.length - 1]).isLessThanOrEqualTo(sizes.max());
    return drawn;
  }

  private static double share(int[] drawn, int length) {
    return (double) Arrays.stream(drawn).filter(one -> one == length).count() / drawn.length;
  }

  @Test
  void listedLengthsComeByTheirWeights() {
    int[] drawn = sorted(SizeDistribution.parse("64:9,1024:1,7:0.5"));
    assertThat(share(drawn, 64)).isBetween(0.85, 0.865);
    assertThat(share(drawn, 1024)).isBetween(0.092, 0.098);
    assertThat(share(drawn, 7)).isBetween(0.045, 0.05);
    assertThat(SizeDistribution.parse("64:9,1024:1").min()).isEqualTo(64);
    assertThat(SizeDistribution.parse("64:9,1024:1").max()).isEqualTo(1024);
  }

  /** Location + scale * ((ln 2)^-shape - 1) / shape is 33.85; for one tenth 24.45. */
  @Test
  void etcKeysHaveTheirQuantiles() {
    int[] drawn = sorted(SizeDistribution.parse("fb_key"));
    assertThat(drawn[drawn.length / 2]).isEqualTo(33);
    assertThat(drawn[drawn.length / 10]).isEqualTo(24);
    assertThat(Arrays.stream(drawn).average().orElseThrow()).isBetween(35.0, 36.5);
  }

  /**
   * Beyond the listed frequencies, half of the rest is up to 15 + scale * (2^shape - 1) / shape.
   */
  @Test
  void etcValuesHaveTheirFrequenciesAndTail() {
    int[] drawn = sorted(SizeDistribution.parse("fb_value"));
    assertThat(share(drawn, 0)).isBetween(0.0047, 0.006);
    assertThat(share(drawn, 2)).isBetween(0.175, 0.1815);
    assertThat(share(drawn, 11)).isBetween(0.0875, 0.0925);
    assertThat(share(drawn, 14)).isBetween(0.0185, 0.021);
    int[] tail = Arrays.stream(drawn).filter(one -> one >= 15).toArray();
    assertThat((double) tail.length / drawn.length).isBetween(0.554, 0.563);
    assertThat(tail[tail.length / 2]).isBetween(180, 187);
    assertThat(Arrays.stream(drawn).average().orElseThrow()).isBetween(185.0, 205.0);
    assertThat(sorted(SizeDistribution.parse("fb_value:1000"))).doesNotContain(1001).contains(1000);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "x",
        "-1",
        "5-",
        "9-5",
        "64:",
        "64:0",
        "64:-1",
        "64:1,",
        ":1",
        "fb_value:15",
        "fb_values",
        "64:NaN",
        "64:Infinity"
      })
  void nonsenseIsRefused(String text) {
    assertThatIllegalArgumentException().isThrownBy(() -> SizeDistribution.parse(text));
  }
}
