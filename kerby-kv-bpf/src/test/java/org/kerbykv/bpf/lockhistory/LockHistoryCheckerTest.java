package org.kerbykv.bpf.lockhistory;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.lockhistory.Acquisition.End;

/** Small histories, and what is wrong with them. */
class LockHistoryCheckerTest {
  private static final long NEVER = Acquisition.NEVER;
  private static final long LEASE = 1000;

  /** Granted at once. */
  private static Acquisition held(
      long client, boolean exclusive, long requested, long granted, long token, long until) {
    return waited(client, exclusive, requested, NEVER, granted, token, until);
  }

  private static Acquisition waited(
      long client,
      boolean exclusive,
      long requested,
      long queued,
      long granted,
      long token,
      long until) {
    return new Acquisition(
        1,
        client,
        1,
        exclusive,
        requested,
        queued,
        granted,
        token,
        until,
        until + 1,
        requested + LEASE,
        End.RELEASED);
  }

  private static Acquisition notGranted(long queued, End end) {
    return new Acquisition(
        1, 9, 1, true, queued - 1, queued, NEVER, 0, 0, queued + 5, queued + LEASE, end);
  }

  private static void assertFine(Acquisition... history) {
    assertThat(LockHistoryChecker.check(List.of(history))).isEmpty();
  }

  private static void assertWrong(String what, Acquisition... history) {
    assertThat(LockHistoryChecker.check(List.of(history)))
        .singleElement()
        .asString()
        .startsWith(what);
  }

  @Test
  void oneAfterTheOther() {
    assertFine(held(1, true, 0, 1, 10, 5), held(2, true, 4, 6, 11, 9));
  }

  @Test
  void aGrantBetweenTheReleasesSendingAndItsReply() {
    assertFine(held(1, true, 0, 1, 10, 5), waited(2, true, 2, 3, 5, 11, 9));
  }

  @Test
  void exclusiveExcludesWhoeverHolds() {
    assertWrong("two hold", held(1, true, 0, 1, 10, 5), held(2, true, 2, 4, 11, 9));
    assertWrong("two hold", held(1, true, 0, 1, 10, 5), held(2, false, 2, 4, 11, 9));
    assertWrong("two hold", held(1, false, 0, 1, 10, 5), held(2, true, 2, 4, 11, 9));
  }

  @Test
  void sharedHoldersDoNotHideTheOneWhoHoldsLonger() {
    assertWrong(
        "two hold",
        held(1, false, 0, 1, 10, 8),
        held(2, false, 0, 1, 11, 3),
        held(3, true, 2, 5, 12, 9));
    assertWrong("two hold", held(1, true, 0, 1, 10, 8), held(3, false, 2, 5, 12, 9));
  }

  @Test
  void whoHeardOfItTooLateExcludesNobody() {
    assertFine(held(1, true, 0, 9, 10, 9), held(2, true, 2, 4, 11, 8));
  }

  @Test
  void theSharedHoldTogether() {
    assertFine(held(1, false, 0, 1, 10, 5), held(2, false, 2, 3, 11, 9));
  }

  @Test
  void otherLocksAreOtherLocks() {
    Acquisition other = new Acquisition(2, 2, 1, true, 2, NEVER, 3, 10, 9, 10, 1002, End.RELEASED);
    assertFine(held(1, true, 0, 1, 10, 5), other);
  }

  @Test
  void tokensAreUniqueAndGrow() {
    assertWrong("one token", held(1, false, 0, 1, 10, 5), held(2, false, 0, 3, 10, 9));
    assertWrong("a token", held(1, false, 6, 7, 10, 8), held(2, false, 0, 1, 11, 5));
    assertWrong("a token", held(1, false, 6, 7, -1, 8), held(2, false, 9, 10, 11, 12));
  }

  @Test
  void grantsFollowTheQueue() {
    Acquisition holder = held(1, true, 0, 1, 10, 5);
    assertFine(holder, waited(2, true, 2, 3, 5, 11, 7), waited(3, true, 4, 5, 7, 12, 9));
    assertWrong(
        "one that came later",
        holder,
        waited(2, true, 2, 3, 9, 12, 10),
        waited(3, true, 4, 5, 6, 11, 7));
  }

  @Test
  void aSharedOneDoesNotOvertakeAnExclusiveOne() {
    assertWrong(
        "one that came later",
        held(1, false, 0, 1, 10, 5),
        waited(2, true, 2, 3, 9, 12, 10),
        held(3, false, 4, 5, 11, 6));
  }

  @Test
  void whoAskedBeforeTheOtherWasToldToWaitMayBeFirst() {
    assertFine(
        held(1, true, 0, 1, 10, 5),
        waited(2, true, 2, 4, 9, 12, 10),
        waited(3, true, 3, 5, 6, 11, 7));
  }

  @Test
  void whoGaveUpIsOvertaken() {
    assertFine(
        held(1, true, 0, 1, 10, 20), notGranted(5, End.TIMEOUT), notGranted(6, End.CANCELLED));
  }

  @Test
  void whoStillWaitsAtTheEndIsLost() {
    assertWrong("one waits", held(1, true, 0, 1, 10, 20), notGranted(5, End.WAITING));
  }

  @Test
  void leasesLast() {
    Acquisition late =
        new Acquisition(1, 1, 1, true, 0, NEVER, 1, 10, 900, 1000, 1000, End.EXPIRED);
    Acquisition soon = new Acquisition(1, 1, 1, true, 0, NEVER, 1, 10, 900, 999, 1000, End.EXPIRED);
    assertFine(late);
    assertWrong("a lease", soon);
  }

  @Test
  void whatWasGrantedWasNotRefused() {
    for (End end : List.of(End.TIMEOUT, End.CANCELLED, End.REFUSED)) {
      assertWrong(
          "granted, and then", new Acquisition(1, 1, 1, true, 0, NEVER, 1, 10, 5, 6, 1000, end));
    }
  }
}
