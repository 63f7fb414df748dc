package org.kerbykv.loadgen.workload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class KeyDistributionTest {
  private static final int DRAWS = 1_000_000;

  private static int[] count(KeyDistribution distribution, int keys) {
    Random64 random = new Random64(7);
    int[] counts = new int[keys];
    for (int i = 0; i < DRAWS; i++) {
      counts[distribution.next(random, 0)]++;
    }
    return counts;
  }

  @Test
  void uniformAsksForEveryKeyEquallyOften() {
    for (int count : count(KeyDistribution.uniform(100), 100)) {
      assertThat(count).isCloseTo(DRAWS / 100, within(500)); // 5 standard deviations
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 0.99", "2, 0.99", "10, 0.99", "10, 1.0", "1000, 0.5", "1000, 1.0", "1000, 2.5"})
  void zipfRanksAreAsFrequentAsTheLawSays(int keys, double exponent) {
    KeyDistribution.Zipf zipf = (KeyDistribution.Zipf) KeyDistribution.zipf(keys, exponent);
    Random64 random = new Random64(11);
    int[] counts = new int[keys + 1];
    for (int i = 0; i < DRAWS; i++) {
      counts[zipf.nextRank(random)]++;
    }
    double sum = 0;
    for (int rank = 1; rank <= keys; rank++) {
      sum += Math.pow(rank, -exponent);
    }
    for (int rank = 1; rank <= keys; rank++) {
      double expected = DRAWS * Math.pow(rank, -exponent) / sum;
      assertThat((double) counts[rank])
          .as("rank %d", rank)
          .isCloseTo(expected, within(5.5 * Math.sqrt(expected) + 1));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 10, 1000, 4096, 99_991})
  void zipfReachesEveryKeyThroughItsRank(int keys) {
    // With a tiny exponent every rank is about equally frequent.
    int[] counts = count(KeyDistribution.zipf(keys, 1e-6), Math.max(keys, 1));
    assertThat(counts).hasSize(keys);
    if (keys <= 4096) { // enough draws to reach every one
      assertThat(counts).doesNotContain(0);
    }
  }

  @Test
  void zipfHandlesAsManyKeysAsThereCanBe() {
    KeyDistribution zipf = KeyDistribution.zipf(Integer.MAX_VALUE, 0.99);
    Random64 random = new Random64(3);
    for (int i = 0; i < 100_000; i++) {
      assertThat(zipf.next(random, 0)).isBetween(0, Integer.MAX_VALUE - 1);
    }
  }

  @Test
  void aSeedGivesTheSameStreamAndThreadsHaveTheirOwn() {
    KeyDistribution zipf = KeyDistribution.zipf(1000, 0.99);
    Random64 first = Random64.split(5, 0);
    Random64 again = Random64.split(5, 0);
    Random64 other = Random64.split(5, 1);
    int different = 0;
    for (int i = 0; i < 1000; i++) {
      int key = zipf.next(first, 0);
      assertThat(zipf.next(again, 0)).isEqualTo(key);
      different += zipf.next(other, 0) == key ? 0 : 1;
    }
    assertThat(different).isGreaterThan(800);
  }

  @Test
  void hotKeysGetTheirShareOfTheRequests() {
    int[] counts = count(KeyDistribution.parse("hot:0.01:0.9", 1000), 1000);
    int hot = 0;
    for (int key = 0; key < 10; key++) {
      hot += counts[key];
      assertThat(counts[key]).isPositive();
    }
    int all = java.util.Arrays.stream(counts).sum();
    assertThat((double) hot / all).isBetween(0.88, 0.92);
    assertThat(counts[10]).isPositive();
    assertThat(counts[999]).isPositive();
  }

  @Test
  void sequentialKeysComeOneAfterTheOther() {
    Workload workload =
        new SyntheticWorkload(
            100,
            SizeDistribution.fixed(8),
            KeyDistribution.parse("sequential", 100),
            SizeDistribution.fixed(1));
    for (int thread = 0; thread < 3; thread++) {
      RequestStream stream = new RequestStream(workload, 1, 9, thread);
      stream.next();
      int first = stream.key();
      assertThat(first == 0).isEqualTo(thread == 0);
      for (int i = 1; i < 250; i++) {
        stream.next();
        assertThat(stream.key()).isEqualTo((first + i) % 100);
      }
    }
  }

  @Test
  void distributionsAreRead() {
    assertThat(KeyDistribution.parse("uniform", 5)).isEqualTo(KeyDistribution.uniform(5));
    assertThat(KeyDistribution.parse("zipf:1.5", 5)).isInstanceOf(KeyDistribution.Zipf.class);
    for (String wrong :
        java.util.List.of(
            "", "zip", "zipf:0", "zipf:x", "hot", "hot:0:1", "hot:0.5:2", "zipf:1:2")) {
      org.assertj.core.api.Assertions.assertThatIllegalArgumentException()
          .isThrownBy(() -> KeyDistribution.parse(wrong, 5));
    }
  }
}
