package org.kerbykv.server.history;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.kerbykv.server.history.LinearizabilityChecker.Verdict;
import org.kerbykv.server.history.Reply.Status;
import org.kerbykv.server.history.Request.Verb;

/** Small histories, and why they are or are not what a linearizable key can have answered. */
class LinearizabilityCheckerTest {
  private static final long SECOND = 1_000_000_000;
  private static final Reply STORED = Reply.of(Status.STORED);
  private static final Reply NOT_STORED = Reply.of(Status.NOT_STORED);
  private static final Reply DELETED = Reply.of(Status.DELETED);
  private static final Reply TOUCHED = Reply.of(Status.TOUCHED);
  private static final Reply NOT_FOUND = Reply.of(Status.NOT_FOUND);
  private static final Reply EXISTS = Reply.of(Status.EXISTS);
  private static final Request GET = Request.of(Verb.GET);
  private static final Request DELETE = Request.of(Verb.DELETE);

  private static Operation at(long invoked, long returned, Request request, Reply reply) {
    return new Operation("k", 0, "test", invoked, returned, 1, request, reply);
  }

  private static Operation lost(long invoked, Request request) {
    return new Operation("k", 0, "test", invoked, Operation.LOST, 1, request, Reply.UNSEEN);
  }

  private static Operation twice(Operation it) {
    return new Operation(
        it.key(), it.client(), it.door(), it.invoked(), it.returned(), 2, it.request(), it.reply());
  }

  private static Request store(Verb verb, String value) {
    return Request.store(verb, Value.of(value), 0, 0);
  }

  private static Request set(String value) {
    return store(Verb.SET, value);
  }

  private static Request setFor(int seconds, String value) {
    return Request.store(Verb.SET, Value.of(value), 0, seconds);
  }

  private static Request cas(String value, long version) {
    return Request.cas(Value.of(value), 0, 0, version);
  }

  private static Reply hit(String value) {
    return Reply.hit(Value.of(value), 0, 0);
  }

  private static Reply hit(String value, long version) {
    return Reply.hit(Value.of(value), 0, version);
  }

  private static Verdict check(Operation... operations) {
    return new LinearizabilityChecker().check(new History("test", List.of(operations)));
  }

  private static void assertExplained(Operation... operations) {
    assertThat(check(operations)).matches(Verdict::isLinearizable);
  }

  private static void assertRefused(Operation... operations) {
    Verdict verdict = check(operations);
    assertThat(verdict.refused()).as("refusals").hasSize(1);
    assertThat(verdict.undecided()).isEmpty();
  }

  @Test
  void readsOfWhatWasWritten() {
    assertExplained(
        at(0, 1, GET, NOT_FOUND),
        at(2, 3, set("a"), STORED),
        at(4, 5, GET, hit("a")),
        at(6, 7, set("b"), STORED),
        at(8, 9, GET, hit("b")));
  }

  @Test
  void aStaleReadIsRefused() {
    assertRefused(at(0, 1, set("a"), STORED), at(2, 3, set("b"), STORED), at(4, 5, GET, hit("a")));
  }

  @Test
  void aReadDuringAWriteMaySeeEither() {
    Operation first = at(0, 1, set("a"), STORED);
    Operation second = at(10, 20, set("b"), STORED);
    assertExplained(first, second, at(12, 13, GET, hit("a")), at(15, 16, GET, hit("b")));
    assertExplained(first, second, at(12, 13, GET, hit("b")), at(15, 16, GET, hit("b")));
  }

  @Test
  void aReadThatGoesBackIsRefused() {
    assertRefused(
        at(0, 1, set("a"), STORED),
        at(10, 20, set("b"), STORED),
        at(12, 13, GET, hit("b")),
        at(15, 16, GET, hit("a")));
  }

  @Test
  void atTheSameInstantNothingIsBefore() {
    assertExplained(at(0, 5, set("a"), STORED), at(5, 9, GET, NOT_FOUND));
    assertRefused(at(0, 5, set("a"), STORED), at(6, 9, GET, NOT_FOUND));
  }

  @Test
  void aLostUpdateIsRefused() {
    assertRefused(at(0, 1, set("a"), STORED), at(2, 3, GET, NOT_FOUND));
    assertRefused(
        at(0, 1, set("1"), STORED),
        at(2, 8, Request.incr(1), Reply.counted(2)),
        at(3, 9, Request.incr(1), Reply.counted(2)));
    assertRefused(
        at(0, 1, set("a"), STORED),
        at(2, 8, store(Verb.APPEND, "b"), STORED),
        at(3, 9, store(Verb.APPEND, "c"), STORED),
        at(10, 11, GET, hit("ac")));
  }

  @Test
  void concurrentAppendsHaveAnOrder() {
    for (String value : List.of("abc", "acb")) {
      assertExplained(
          at(0, 1, set("a"), STORED),
          at(2, 8, store(Verb.APPEND, "b"), STORED),
          at(3, 9, store(Verb.APPEND, "c"), STORED),
          at(10, 11, GET, hit(value)));
    }
    assertExplained(
        at(0, 1, set("a"), STORED),
        at(2, 3, store(Verb.PREPEND, "b"), STORED),
        at(10, 11, GET, hit("ba")));
  }

  @Test
  void aValueMixedOfTwoIsRefused() {
    assertRefused(
        at(0, 5, set("aaaa"), STORED), at(0, 5, set("bbbb"), STORED), at(6, 7, GET, hit("aabb")));
  }

  @Test
  void aValueOfTheWrongFlagsIsRefused() {
    Request set = Request.store(Verb.SET, Value.of("a"), 7, 0);
    assertExplained(at(0, 1, set, STORED), at(2, 3, GET, Reply.hit(Value.of("a"), 7, 0)));
    assertRefused(at(0, 1, set, STORED), at(2, 3, GET, Reply.hit(Value.of("a"), 8, 0)));
  }

  @Test
  void aReadOfADeletedValueIsRefused() {
    assertRefused(at(0, 1, set("a"), STORED), at(2, 3, DELETE, DELETED), at(4, 5, GET, hit("a")));
  }

  @Test
  void aResurrectedValueIsRefused() {
    assertRefused(
        at(0, 1, set("a"), STORED),
        at(2, 20, DELETE, DELETED),
        at(4, 5, GET, NOT_FOUND),
        at(6, 7, GET, hit("a")));
  }

  @Test
  void oneValueIsDeletedOnce() {
    Operation set = at(0, 1, set("a"), STORED);
    assertRefused(set, at(2, 8, DELETE, DELETED), at(3, 9, DELETE, DELETED));
    assertExplained(set, at(2, 8, DELETE, DELETED), at(3, 9, DELETE, NOT_FOUND));
  }

  @Test
  void ofTwoThatAddOneStores() {
    Request a = store(Verb.ADD, "a");
    Request b = store(Verb.ADD, "b");
    assertExplained(at(0, 5, a, STORED), at(0, 5, b, NOT_STORED), at(6, 7, GET, hit("a")));
    assertRefused(at(0, 5, a, STORED), at(0, 5, b, NOT_STORED), at(6, 7, GET, hit("b")));
    assertRefused(at(0, 5, a, STORED), at(0, 5, b, STORED));
    assertRefused(at(0, 5, a, NOT_STORED));
  }

  @Test
  void replaceNeedsAValue() {
    Request replace = store(Verb.REPLACE, "b");
    assertExplained(at(0, 1, replace, NOT_STORED), at(2, 3, GET, NOT_FOUND));
    assertRefused(at(0, 1, replace, STORED));
    assertRefused(at(0, 1, set("a"), STORED), at(2, 3, replace, NOT_STORED));
  }

  @Test
  void aCasSucceedsOnce() {
    Operation set = at(0, 1, set("a"), STORED);
    Operation gets = at(2, 3, GET, hit("a", 7));
    assertExplained(set, gets, at(4, 9, cas("b", 7), STORED), at(5, 9, cas("c", 7), EXISTS));
    assertRefused(set, gets, at(4, 9, cas("b", 7), STORED), at(5, 9, cas("c", 7), STORED));
    assertRefused(set, gets, at(4, 9, cas("b", 7), EXISTS));
    assertRefused(set, gets, at(4, 9, cas("b", 7), NOT_FOUND));
  }

  @Test
  void aCasDoesNotMatchAnEqualValueWrittenAgain() {
    assertRefused(
        at(0, 1, set("a"), STORED),
        at(2, 3, GET, hit("a", 7)),
        at(4, 5, set("a"), STORED),
        at(6, 7, cas("b", 7), STORED));
  }

  @Test
  void touchingIsNotWriting() {
    Operation set = at(0, 1, set("a"), STORED);
    Operation gets = at(2, 3, GET, hit("a", 7));
    Operation touch = at(4, 5, Request.touch(Verb.TOUCH, 0), TOUCHED);
    assertExplained(set, gets, touch, at(6, 7, cas("b", 7), STORED));
    assertRefused(set, gets, touch, at(6, 7, GET, hit("a", 8)));
  }

  @Test
  void oneVersionOfTwoValuesIsRefused() {
    Verdict verdict =
        check(
            at(0, 1, set("a"), STORED),
            at(2, 3, GET, hit("a", 7)),
            at(4, 5, set("b"), STORED),
            at(6, 7, GET, hit("b", 7)));
    assertThat(verdict.refused()).singleElement().asString().contains("one version, two values");
  }

  @Test
  void aVersionOutOfNowhereIsNoHistory() {
    assertThatThrownBy(() -> check(at(0, 1, set("a"), STORED), at(6, 7, cas("b", 7), EXISTS)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(
            () ->
                check(
                    at(0, 1, set("a"), STORED),
                    at(2, 7, GET, hit("a", 7)),
                    at(6, 9, cas("b", 7), STORED)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aLostSetMayHaveBeenActedUponOrNot() {
    Operation first = at(0, 1, set("a"), STORED);
    Operation second = lost(2, set("b"));
    assertExplained(first, second, at(4, 5, GET, hit("a")));
    assertExplained(first, second, at(4, 5, GET, hit("b")));
    assertExplained(first, second, at(4, 5, GET, hit("a")), at(999, 1000, GET, hit("b")));
    assertRefused(first, second, at(4, 5, GET, hit("b")), at(6, 7, GET, hit("a")));
    assertRefused(first, at(2, 3, GET, hit("b")), lost(4, set("b")));
  }

  @Test
  void aLostSetIsActedUponOnce() {
    Operation[] history = {
      lost(0, set("a")), at(4, 5, GET, hit("a")), at(6, 7, DELETE, DELETED), at(8, 9, GET, hit("a"))
    };
    assertRefused(history);
    history[0] = twice(history[0]);
    assertExplained(history);
  }

  @Test
  void aCopyMayBeActedUponLater() {
    Operation[] history = {
      at(0, 1, set("a"), STORED),
      at(2, 3, set("b"), STORED),
      at(4, 5, GET, hit("a")),
      at(6, 7, set("c"), STORED)
    };
    assertRefused(history);
    history[0] = twice(history[0]);
    assertExplained(history);
    assertRefused(history[0], history[1], history[2], history[3], at(8, 9, GET, hit("a")));
  }

  @Test
  void theReplyMayBeThatToTheSecondCopy() {
    Operation set = at(0, 1, set("a"), STORED);
    Operation deleteTwice = twice(at(2, 3, DELETE, NOT_FOUND));
    assertExplained(set, deleteTwice);
    assertExplained(set, twice(at(2, 3, DELETE, DELETED)));
    assertRefused(set, deleteTwice, at(4, 5, DELETE, DELETED));
  }

  @Test
  void anItemIsThereUntilItsSecondHasCome() {
    Operation set = at(10 * SECOND + 1, 10 * SECOND + 2, setFor(2, "a"), STORED);
    assertExplained(set, at(12 * SECOND - 2, 12 * SECOND - 1, GET, hit("a")));
    assertRefused(set, at(12 * SECOND - 2, 12 * SECOND - 1, GET, NOT_FOUND));
    assertExplained(set, at(12 * SECOND, 12 * SECOND + 1, GET, NOT_FOUND));
    assertRefused(set, at(12 * SECOND, 12 * SECOND + 1, GET, hit("a")));
  }

  @Test
  void whatTheServersClockWasIsKnownFromTheIntervals() {
    // Set in second 10 or 11: expired in second 12 or 13.
    Operation set = at(10 * SECOND, 11 * SECOND, setFor(2, "a"), STORED);
    Operation late = at(12 * SECOND, 12 * SECOND + 1, GET, hit("a"));
    assertExplained(set, late);
    assertExplained(set, at(12 * SECOND, 12 * SECOND + 1, GET, NOT_FOUND));
    assertRefused(set, at(13 * SECOND, 13 * SECOND + 1, GET, hit("a")));
    assertRefused(set, at(12 * SECOND, 12 * SECOND + 1, GET, NOT_FOUND), later(late));
    // Asked in second 11 or 12.
    set = at(10 * SECOND, 10 * SECOND + 1, setFor(2, "a"), STORED);
    assertExplained(set, at(12 * SECOND - 1, 12 * SECOND, GET, hit("a")));
    assertExplained(set, at(12 * SECOND - 1, 12 * SECOND, GET, NOT_FOUND));
  }

  private static Operation later(Operation it) {
    return at(it.invoked() + 2, it.returned() + 2, it.request(), it.reply());
  }

  @Test
  void whatExpiredIsAbsentForAll() {
    Operation set = at(10 * SECOND, 10 * SECOND + 1, setFor(1, "a"), STORED);
    long now = 11 * SECOND;
    assertExplained(set, at(now, now + 1, DELETE, NOT_FOUND));
    assertExplained(set, at(now, now + 1, Request.touch(Verb.TOUCH, 9), NOT_FOUND));
    assertExplained(set, at(now, now + 1, store(Verb.APPEND, "b"), NOT_STORED));
    assertExplained(
        set, at(now, now + 1, store(Verb.ADD, "b"), STORED), at(now + 2, now + 3, GET, hit("b")));
    assertRefused(set, at(now, now + 1, store(Verb.ADD, "b"), NOT_STORED));
    assertRefused(set, at(now, now + 1, DELETE, DELETED));
  }

  @Test
  void touchMovesTheDeadlineAndAppendDoesNot() {
    Operation set = at(10 * SECOND, 10 * SECOND + 1, setFor(1, "a"), STORED);
    Operation touch = at(10 * SECOND + 2, 10 * SECOND + 3, Request.touch(Verb.TOUCH, 5), TOUCHED);
    Operation append = at(10 * SECOND + 4, 10 * SECOND + 5, store(Verb.APPEND, "b"), STORED);
    assertExplained(set, touch, append, at(14 * SECOND, 14 * SECOND + 1, GET, hit("ab")));
    assertRefused(set, touch, append, at(14 * SECOND, 14 * SECOND + 1, GET, NOT_FOUND));
    assertExplained(set, touch, append, at(15 * SECOND, 15 * SECOND + 1, GET, NOT_FOUND));
    assertRefused(set, touch, append, at(15 * SECOND, 15 * SECOND + 1, GET, hit("ab")));
    assertRefused(set, append, at(11 * SECOND, 11 * SECOND + 1, GET, hit("ab")));
  }

  /** What an operation has changed it may have changed late, however well it fits before. */
  @Test
  void aTouchUnderWayMayComeBehindAnother() {
    Operation set = at(0, 1, set("a"), STORED);
    Operation shorten = at(3, 4, Request.touch(Verb.TOUCH, 5), TOUCHED);
    Operation get = at(20 * SECOND, 20 * SECOND + 1, GET, hit("a"));
    assertRefused(set, shorten, get);
    assertExplained(set, shorten, get, at(2, 30 * SECOND, Request.touch(Verb.TOUCH, 0), TOUCHED));
    assertExplained(
        set, shorten, get, at(2, 30 * SECOND, Request.touch(Verb.GET_AND_TOUCH, 0), hit("a")));
  }

  @Test
  void aNegativeExptimeIsOverAtOnce() {
    Operation set = at(0, 1, setFor(-1, "a"), STORED);
    assertExplained(set, at(2, 3, GET, NOT_FOUND));
    assertRefused(set, at(2, 3, GET, hit("a")));
  }

  @Test
  void aLostTouchMayComeAnyTime() {
    Operation set = at(10 * SECOND, 10 * SECOND + 1, setFor(2, "a"), STORED);
    Operation touch = lost(10 * SECOND + 2, Request.touch(Verb.TOUCH, 2));
    assertExplained(set, touch, at(13 * SECOND, 13 * SECOND + 1, GET, hit("a")));
    assertExplained(set, touch, at(12 * SECOND, 12 * SECOND + 1, GET, NOT_FOUND));
    // Once gone it is beyond being touched.
    assertRefused(
        set,
        touch,
        at(12 * SECOND, 12 * SECOND + 1, GET, NOT_FOUND),
        at(12 * SECOND + 2, 12 * SECOND + 3, GET, hit("a")));
  }

  @Test
  void keysAreJudgedApart() {
    Operation other = at(2, 3, GET, hit("b"));
    Verdict verdict =
        check(
            at(0, 1, set("a"), STORED),
            new Operation("other", 0, "test", 2, 3, 1, other.request(), other.reply()));
    assertThat(verdict.keys()).isEqualTo(2);
    assertThat(verdict.refused()).singleElement().asString().startsWith("key other: no order");
  }

  /** Each may be between any others, and none of that is seen. */
  @Test
  void itGivesUpWhereItIsToldTo() {
    Stream<Operation> appends =
        IntStream.range(0, 20).mapToObj(i -> lost(i + 2, store(Verb.APPEND, "x" + i)));
    List<Operation> history =
        Stream.concat(Stream.of(at(0, 1, set("a"), STORED), at(100, 101, GET, hit("b"))), appends)
            .toList();
    Verdict verdict = new LinearizabilityChecker(10_000).check(new History("test", history));
    assertThat(verdict.refused()).isEmpty();
    assertThat(verdict.undecided()).hasSize(1);
    assertThat(verdict.isLinearizable()).isFalse();
  }

  @Test
  void itSaysWhatIsWrong() {
    String explanation =
        check(
                at(0, 1, set("a"), STORED),
                at(2, 3, set("b"), STORED),
                lost(3, set("c")),
                at(4, 5, GET, hit("a")),
                at(6, 7, GET, hit("b")))
            .refused()
            .getFirst();
    assertThat(explanation.lines().map(String::strip))
        .containsSubsequence(
            "key k: no order explains",
            at(4, 5, GET, hit("a")).toString(),
            "it may have held (1):",
            Value.of("b") + " flags 0",
            "perhaps acted upon (1):",
            lost(3, Request.store(Verb.SET, Value.UNOBSERVED, 0, 0)).toString(),
            "its value came with (1):",
            at(0, 1, set("a"), STORED).toString());
  }
}
