package org.kerbykv.bpf.lockhistory;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.TreeMap;

/**
 * Says what a lock manager has done wrong, from what its clients saw:
 *
 * <ul>
 *   <li>exclusive means exclusive: nobody counts on a lock while another does that excludes him;
 *   <li>tokens grow: no two grants of a lock have the same, and who is granted it after another's
 *       time was over has the greater one;
 *   <li>grants follow the queue: who was told to wait before another asked is granted the lock
 *       before him, or not at all;
 *   <li>none is lost and none starves: nobody still waits at the end, when all others are done;
 *   <li>leases last: nobody is told that his lease had ended sooner than it can have.
 * </ul>
 *
 * <p>It judges by what is certain: the server acted at some moment between a request and its reply.
 * So whatever it reports is wrong; what it cannot see may be wrong, too.
 *
 * <p>Thread-safe: it has no state.
 */
public final class LockHistoryChecker {
  private LockHistoryChecker() {}

  /**
   * Checks a history.
   *
   * @param acquisitions in any order, of clients that have all come to their end
   * @return what is wrong, an explanation each; empty if nothing is
   */
  public static List<String> check(List<Acquisition> acquisitions) {
    Map<Long, List<Acquisition>> byLock = new TreeMap<>();
    acquisitions.forEach(
        one -> byLock.computeIfAbsent(one.lock(), _ -> new ArrayList<>()).add(one));
    List<String> wrong = new ArrayList<>();
    for (List<Acquisition> ofLock : byLock.values()) {
      List<Acquisition> granted =
          ofLock.stream()
              .filter(Acquisition::wasGranted)
              .sorted((a, b) -> Long.compareUnsigned(a.token(), b.token()))
              .toList();
      checkTokens(granted, wrong);
      checkExclusion(granted, wrong);
      checkOrder(granted, wrong);
      checkEnds(ofLock, wrong);
    }
    return wrong;
  }

  private static void report(List<String> wrong, String what, Acquisition... those) {
    StringBuilder explanation = new StringBuilder(what);
    for (Acquisition one : those) {
      explanation.append("\n  ").append(one);
    }
    wrong.add(explanation.toString());
  }

  /** No token twice; none is less than one that was known before its grant was asked for. */
  private static void checkTokens(List<Acquisition> granted, List<String> wrong) {
    for (int i = 1; i < granted.size(); i++) {
      if (granted.get(i - 1).token() == granted.get(i).token()) {
        report(wrong, "one token, two grants", granted.get(i - 1), granted.get(i));
      }
    }
    // Of those with lesser tokens the one that was requested last.
    Acquisition last = null;
    for (Acquisition one : granted) {
      if (last != null && one.granted() < last.requested()) {
        report(wrong, "a token that does not grow", last, one);
      }
      if (last == null || one.requested() > last.requested()) {
        last = one;
      }
    }
  }

  /** In the order of tokens, each begins when those are over that it excludes. */
  private static void checkExclusion(List<Acquisition> granted, List<String> wrong) {
    Acquisition lastOfAny = null;
    Acquisition lastExclusive = null;
    for (Acquisition one : granted) {
      Acquisition before = one.exclusive() ? lastOfAny : lastExclusive;
      if (before != null && overlap(before, one)) {
        report(wrong, "two hold what only one may", before, one);
      }
      if (one.heldUntil() == one.granted()) {
        continue; // heard of it too late to count on it
      }
      if (lastOfAny == null || one.heldUntil() > lastOfAny.heldUntil()) {
        lastOfAny = one;
      }
      if (one.exclusive()
          && (lastExclusive == null || one.heldUntil() > lastExclusive.heldUntil())) {
        lastExclusive = one;
      }
    }
  }

  /**
   * The one with the greater token was told that it holds the lock when the other counted on it.
   */
  private static boolean overlap(Acquisition before, Acquisition after) {
    return after.granted() < before.heldUntil();
  }

  /** Who asked when another was in the queue already has a greater token. */
  private static void checkOrder(List<Acquisition> granted, List<String> wrong) {
    List<Acquisition> byRequest =
        granted.stream().sorted(Comparator.comparingLong(Acquisition::requested)).toList();
    PriorityQueue<Acquisition> toQueue =
        new PriorityQueue<>(Comparator.comparingLong(Acquisition::queued));
    granted.stream().filter(one -> one.queued() != Acquisition.NEVER).forEach(toQueue::add);
    Acquisition greatest = null;
    for (Acquisition one : byRequest) {
      while (!toQueue.isEmpty() && toQueue.peek().queued() < one.requested()) {
        Acquisition queued = toQueue.poll();
        if (greatest == null || Long.compareUnsigned(queued.token(), greatest.token()) > 0) {
          greatest = queued;
        }
      }
      if (greatest != null && Long.compareUnsigned(one.token(), greatest.token()) < 0) {
        report(wrong, "one that came later overtook one that was in the queue", greatest, one);
      }
    }
  }

  private static void checkEnds(List<Acquisition> ofLock, List<String> wrong) {
    for (Acquisition one : ofLock) {
      if (one.end() == Acquisition.End.WAITING) {
        report(wrong, "one waits for ever", one);
      }
      if (one.end() == Acquisition.End.EXPIRED && one.ended() < one.leaseEnd()) {
        report(wrong, "a lease that was cut short", one);
      }
      boolean neverHeld =
          one.end() == Acquisition.End.TIMEOUT
              || one.end() == Acquisition.End.CANCELLED
              || one.end() == Acquisition.End.REFUSED;
      if (neverHeld && one.wasGranted()) {
        report(wrong, "granted, and then told that it never was", one);
      }
    }
  }
}
