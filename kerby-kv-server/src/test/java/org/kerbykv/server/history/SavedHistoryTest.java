package org.kerbykv.server.history;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.kerbykv.server.history.LinearizabilityChecker.Verdict;
import org.kerbykv.server.history.Reply.Status;
import org.kerbykv.server.history.SimulatedHistory.Shape;

/**
 * Histories in files. The checker has another look at the one that a failed run has saved with
 * {@code mvn -pl kerby-kv-server -am verify -Dtest=SavedHistoryTest
 * -Dsurefire.failIfNoSpecifiedTests=false -Dkerby.history.file=FILE}.
 */
class SavedHistoryTest {
  @TempDir private Path directory;

  @Test
  void theFileNamedByThePropertyIsExplained() {
    String file = System.getProperty("kerby.history.file");
    if (file == null) {
      return;
    }
    History history = History.read(Path.of(file));
    System.out.println(history.origin());
    Verdict verdict = new LinearizabilityChecker().check(history);
    verdict.refused().forEach(System.out::println);
    verdict.undecided().forEach(System.out::println);
    assertThat(verdict).matches(Verdict::isLinearizable);
  }

  @Test
  void aHistoryIsTheSameReadAgain() {
    History history = simulated(1);
    assertThat(saved(history)).isEqualTo(history);
  }

  @Test
  void aRefusedHistoryIsRefusedAgainWithTheSameWords() {
    List<Operation> operations = new ArrayList<>(simulated(2).operations());
    operations.add(
        new Operation(
            "k1",
            0,
            "tcp",
            Operation.LOST / 2,
            Operation.LOST / 2 + 1,
            1,
            Request.of(Request.Verb.GET),
            Reply.hit(Value.of("never written"), 0, 0)));
    History history = new History("refused, seed 2", operations);
    LinearizabilityChecker checker = new LinearizabilityChecker();
    Verdict verdict = checker.check(history);
    assertThat(verdict.refused()).hasSize(1);
    assertThat(checker.check(saved(history))).isEqualTo(verdict);
  }

  @Test
  void whatIsNoOperationIsNotRead() throws Exception {
    Path file = directory.resolve("bad.history");
    Operation operation = simulated(3).operations().getFirst();
    for (String line :
        List.of(
            operation + " more",
            operation.toString().replace(" -> ", " "),
            operation.toString().replace("GET", "GOT").replace("SET", "GOT"),
            "")) {
      Files.writeString(file, "# origin\n" + line + "\n");
      if (line.isEmpty()) {
        assertThat(History.read(file).operations()).isEmpty();
      } else {
        assertThatThrownBy(() -> History.read(file))
            .as(line)
            .isInstanceOf(IllegalArgumentException.class);
      }
    }
  }

  @Test
  void aValueIsToldFromOthersAndJoined() {
    for (String text :
        List.of("", "a", "b", "\0", "\0\0", "ab", "007", "7", "12345678901234567890")) {
      assertThat(Value.parse(Value.of(text).toString())).isEqualTo(Value.of(text));
      for (String other : List.of("", "c", "\0", "0", "42")) {
        assertThat(Value.of(text).followedBy(Value.of(other))).isEqualTo(Value.of(text + other));
      }
    }
    assertThat(Value.of("\0")).isNotEqualTo(Value.of("\0\0"));
    assertThat(Value.of("007").isNumber()).isFalse();
    assertThat(Value.of("0").number()).isZero();
    assertThat(Reply.of(Status.UNSEEN)).isEqualTo(Reply.UNSEEN);
  }

  private static History simulated(long seed) {
    return SimulatedHistory.make(
            new Shape(500, 4, 3, 10, 10, true, true), new SplittableRandom(seed))
        .history();
  }

  private History saved(History history) {
    Path file = directory.resolve("some").resolve("k.history");
    history.write(file);
    return History.read(file);
  }
}
