package org.kerbykv.loadgen.soak;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

/** What the soak takes for right, and for wrong. */
class ExpectedItemTest {
  private static final long SECOND = Duration.ofSeconds(1).toNanos();
  private static final long LATER = ExpectedItem.LATE_MAX.toNanos() + SECOND;

  private final ExpectedItem item = new ExpectedItem("key");

  private ExpectedItem.Content stored(int length, int ttlSeconds, long now) {
    ExpectedItem.Content content = item.write(length, ttlSeconds, now);
    item.acknowledged(content, now);
    return content;
  }

  @Test
  void anAcknowledgedValueIsFoundAsItIs() {
    ExpectedItem.Content content = stored(500, 0, 0);
    byte[] value = item.value(content);
    assertThat(value).hasSize(500);
    assertThat(item.found(value, 1, 2)).isEmpty();
    value[300] ^= 1;
    assertThat(item.found(value, 3, 4)).contains("key: version 1 with bytes that are not its own");
    assertThat(item.missed(false, 5)).contains("key: version 1 is lost");
  }

  @Test
  void whatAnotherWriteReplacedDoesNotComeBack() {
    ExpectedItem.Content first = stored(50, 0, 0);
    stored(60, 0, 1);
    assertThat(item.found(item.value(first), 2, 3))
        .contains("key: version 1 of 50 bytes in place of 2");
    item.acknowledged(item.deletion(4), 5);
    assertThat(item.missed(false, 6)).isEmpty();
    assertThat(item.found(item.value(first), 7, 8)).isPresent();
  }

  @Test
  void aWriteWithoutAnAnswerMayTakePlaceLateButNotForEver() {
    ExpectedItem.Content first = stored(50, 0, 0);
    ExpectedItem.Content second = item.write(60, 0, 1);
    item.unanswered(second);
    assertThat(item.found(item.value(first), 2, 3)).isEmpty();
    assertThat(item.found(item.value(second), 4, 5)).isEmpty();
    assertThat(item.found(item.value(first), 6, 7)).as("back again").isPresent();

    ExpectedItem.Content third = item.write(70, 0, 8);
    item.unanswered(third);
    ExpectedItem.Content fourth = stored(80, 0, LATER + 8);
    assertThat(item.found(item.value(third), LATER + 9, LATER + 10)).as("too late").isPresent();
    assertThat(item.found(item.value(fourth), LATER + 11, LATER + 12)).isEmpty();
  }

  @Test
  void aDeletionWithoutAnAnswerMayHaveTakenPlace() {
    stored(50, 0, 0);
    item.unanswered(item.deletion(1));
    assertThat(item.missed(false, 2)).isEmpty();
  }

  @Test
  void anItemEndsInItsSecond() {
    ExpectedItem.Content content = stored(50, 10, 0);
    assertThat(item.found(item.value(content), 11 * SECOND, 11 * SECOND)).isEmpty();
    assertThat(item.found(item.value(content), 11 * SECOND + 1, 11 * SECOND + 2))
        .contains("key: version 1 outlived its time");
    stored(50, 10, 20 * SECOND);
    assertThat(item.missed(false, 29 * SECOND - 1)).contains("key: version 2 is lost");
    stored(50, 10, 40 * SECOND);
    assertThat(item.missed(false, 49 * SECOND)).isEmpty();
  }

  @Test
  void aValueOfADeadProcessMayBeLostOnce() {
    stored(50, 0, 0);
    assertThat(item.missed(true, 1)).isEmpty();
    stored(50, 0, 2);
    assertThat(item.missed(false, 3)).isPresent();
  }
}
