package org.kerbykv.server.history;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import net.jqwik.api.Assume;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.statistics.Statistics;
import org.kerbykv.server.history.LinearizabilityChecker.Verdict;
import org.kerbykv.server.history.Reply.Status;
import org.kerbykv.server.history.Request.Verb;
import org.kerbykv.server.history.SimulatedHistory.Shape;

/** The checker against histories that are made to be linearizable, and against the definition. */
class LinearizabilityPropertiesTest {
  private static final LinearizabilityChecker CHECKER = new LinearizabilityChecker();

  @Property(tries = 300, shrinking = ShrinkingMode.OFF, edgeCases = EdgeCasesMode.NONE)
  void whatWasActedUponInOrderIsExplained(
      @ForAll long seed,
      @ForAll @IntRange(min = 1, max = 300) int operations,
      @ForAll @IntRange(min = 1, max = 5) int keys,
      @ForAll @IntRange(max = 5) int overlap,
      @ForAll @IntRange(max = 10) int lostPercent,
      @ForAll @IntRange(max = 5) int copiedPercent,
      @ForAll boolean joining,
      @ForAll boolean expiring) {
    SplittableRandom random = new SplittableRandom(seed);
    Shape shape =
        new Shape(
            operations,
            keys,
            overlap,
            joining ? lostPercent / 5 : lostPercent,
            joining ? 0 : copiedPercent,
            joining,
            expiring);
    SimulatedHistory simulated = SimulatedHistory.make(shape, random);
    Verdict verdict = CHECKER.check(simulated.shuffled(random));
    assertThat(verdict.refused()).isEmpty();
    assertThat(verdict.undecided()).isEmpty();
  }

  /** Where no operation overlaps another and none is lost, there is one reply that fits. */
  @Property(tries = 500, shrinking = ShrinkingMode.OFF, edgeCases = EdgeCasesMode.NONE)
  void anotherReplyInOneOrderIsRefused(
      @ForAll long seed, @ForAll @IntRange(min = 2, max = 60) int operations) {
    SplittableRandom random = new SplittableRandom(seed);
    SimulatedHistory simulated =
        SimulatedHistory.make(new Shape(operations, 1, 0, 0, 0, true, false), random);
    List<Operation> history = new ArrayList<>(simulated.operations());
    int changed = random.nextInt(operations);
    Assume.that(change(history, changed, simulated, random));
    Verdict verdict = CHECKER.check(new History("changed", history));
    assertThat(verdict.refused()).as("%s", history.get(changed)).isNotEmpty();
  }

  /** Any order of any choice of what may have happened, tried one by one, says the same. */
  @Property(tries = 3000, shrinking = ShrinkingMode.OFF, edgeCases = EdgeCasesMode.NONE)
  void itSaysWhatTheDefinitionSays(
      @ForAll long seed,
      @ForAll @IntRange(min = 2, max = 7) int operations,
      @ForAll @IntRange(min = 1, max = 6) int overlap,
      @ForAll @IntRange(max = 2) int changes) {
    SplittableRandom random = new SplittableRandom(seed);
    SimulatedHistory simulated =
        SimulatedHistory.make(
            new Shape(operations, 1, overlap, 15, 0, random.nextBoolean(), false), random);
    List<Operation> history = new ArrayList<>(simulated.operations());
    for (int i = 0; i < changes; i++) {
      change(history, random.nextInt(operations), simulated, random);
    }
    boolean explained = new EveryOrder(history, simulated.texts()).hasOneThatExplains();
    Statistics.collect(explained);
    Statistics.coverage(
        coverage -> {
          coverage.check(true).percentage(share -> share > 30);
          coverage.check(false).percentage(share -> share > 20);
        });
    assertThat(CHECKER.check(new History("small", history)).isLinearizable())
        .as(() -> String.join("\n", history.stream().map(Operation::toString).toList()))
        .isEqualTo(explained);
  }

  /** With copies a value may be written twice, and then the checker may be content with less. */
  @Property(tries = 1000, shrinking = ShrinkingMode.OFF, edgeCases = EdgeCasesMode.NONE)
  void itExplainsCopiesWhereTheDefinitionDoes(
      @ForAll long seed,
      @ForAll @IntRange(min = 2, max = 5) int operations,
      @ForAll @IntRange(min = 1, max = 6) int overlap,
      @ForAll @IntRange(max = 2) int changes) {
    SplittableRandom random = new SplittableRandom(seed);
    SimulatedHistory simulated =
        SimulatedHistory.make(
            new Shape(operations, 1, overlap, 20, 40, random.nextBoolean(), false), random);
    List<Operation> history = new ArrayList<>(simulated.operations());
    for (int i = 0; i < changes; i++) {
      change(history, random.nextInt(operations), simulated, random);
    }
    boolean numbered = history.stream().anyMatch(it -> it.reply().number() != 0);
    boolean explained = new EveryOrder(history, simulated.texts()).hasOneThatExplains();
    boolean accepted = CHECKER.check(new History("small", history)).isLinearizable();
    if (numbered) {
      assertThat(accepted || !explained).isTrue();
    } else {
      assertThat(accepted).isEqualTo(explained);
    }
  }

  /** The work is a small multiple of the operations, however long the history. */
  @Property(tries = 1, edgeCases = EdgeCasesMode.NONE)
  void aLongHistoryIsLittleWork(@ForAll long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    SimulatedHistory simulated =
        SimulatedHistory.make(new Shape(100_000, 300, 300, 2, 2, false, true), random);
    Verdict verdict = CHECKER.check(simulated.history());
    assertThat(verdict.refused()).isEmpty();
    assertThat(verdict.undecided()).isEmpty();
    assertThat(verdict.keys()).isEqualTo(300);
    assertThat(verdict.configurations()).isLessThan(100L * verdict.operations());
  }

  /** Unless nobody saw the reply, or it is where a CAS has its version from. */
  private static boolean change(
      List<Operation> history, int index, SimulatedHistory simulated, SplittableRandom random) {
    Operation operation = history.get(index);
    long number = operation.reply().number();
    boolean needed =
        history.stream()
            .map(Operation::request)
            .anyMatch(it -> it.verb() == Verb.CAS && it.number() == number);
    if (operation.isLost() || needed) {
      return false;
    }
    history.set(index, withAnotherReply(operation, simulated, random));
    return true;
  }

  /** Returns the operation with a reply that its request may get, another than it got. */
  private static Operation withAnotherReply(
      Operation operation, SimulatedHistory simulated, SplittableRandom random) {
    List<Reply> replies = new ArrayList<>();
    switch (operation.request().verb()) {
      case GET, GET_AND_TOUCH -> {
        replies.add(Reply.of(Status.NOT_FOUND));
        Value value = randomValue(simulated, random);
        // Of no number: that of another version would be a contradiction by itself.
        replies.add(Reply.hit(value, operation.reply().flags(), 0));
        replies.add(Reply.hit(operation.reply().value(), operation.reply().flags() + 1, 0));
      }
      case SET -> {
        replies.add(Reply.of(Status.NOT_STORED));
        replies.add(Reply.of(Status.EXISTS));
      }
      case ADD, REPLACE, APPEND, PREPEND -> {
        replies.add(Reply.of(Status.STORED));
        replies.add(Reply.of(Status.NOT_STORED));
      }
      case CAS -> {
        replies.add(Reply.of(Status.STORED));
        replies.add(Reply.of(Status.EXISTS));
        replies.add(Reply.of(Status.NOT_FOUND));
      }
      case INCR -> {
        replies.add(Reply.of(Status.NOT_FOUND));
        replies.add(Reply.of(Status.NOT_A_NUMBER));
        replies.add(Reply.counted(operation.reply().number() + 1));
      }
      case DELETE -> {
        replies.add(Reply.of(Status.DELETED));
        replies.add(Reply.of(Status.NOT_FOUND));
      }
      case TOUCH -> {
        replies.add(Reply.of(Status.TOUCHED));
        replies.add(Reply.of(Status.NOT_FOUND));
      }
    }
    replies.removeIf(it -> sameButForTheNumber(it, operation.reply()));
    return new Operation(
        operation.key(),
        operation.client(),
        operation.door(),
        operation.invoked(),
        operation.returned(),
        operation.copies(),
        operation.request(),
        replies.get(random.nextInt(replies.size())));
  }

  private static boolean sameButForTheNumber(Reply a, Reply b) {
    return a.status() == Status.HIT
        ? b.status() == Status.HIT && a.value().equals(b.value()) && a.flags() == b.flags()
        : a.equals(b);
  }

  private static Value randomValue(SimulatedHistory simulated, SplittableRandom random) {
    List<Value> values = new ArrayList<>(simulated.texts().keySet());
    return values.isEmpty() || random.nextInt(4) == 0
        ? Value.of("never written")
        : values.get(random.nextInt(values.size()));
  }
}
