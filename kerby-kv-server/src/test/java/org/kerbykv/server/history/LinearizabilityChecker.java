package org.kerbykv.server.history;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Says whether every key of a history is linearizable: whether its operations can have been acted
 * upon one after the other, each between its invocation and its return, with the replies that were
 * received. Linearizability is local (M. Herlihy and J. Wing, 1990), so each key is judged alone.
 *
 * <p>What it allows: an operation without a reply may have been acted upon at any time since its
 * invocation, or never; one that the network may have delivered more than once, once more for each
 * of its copies. What a single command does is {@link KeyModel}'s. An item may not get lost, so
 * that a store under test must not have evicted any.
 *
 * <p>Thread-safe: it has no state.
 */
public final class LinearizabilityChecker {
  /** Far more than a healthy history needs, and some gigabytes less than a heap has. */
  public static final long CONFIGURATIONS_MAX = 2_000_000;

  private final long configurationsMax;

  /** Makes one that tries {@link #CONFIGURATIONS_MAX}. */
  public LinearizabilityChecker() {
    this(CONFIGURATIONS_MAX);
  }

  /**
   * Makes one.
   *
   * @param configurationsMax after how many of them it gives up on a key
   */
  public LinearizabilityChecker(long configurationsMax) {
    this.configurationsMax = configurationsMax;
  }

  /**
   * What a check found.
   *
   * @param operations how many there were
   * @param keys on how many keys
   * @param configurations how many were tried: the work that it was
   * @param refused why some keys are not linearizable, an explanation each
   * @param undecided on which keys it gave up, likewise
   */
  public record Verdict(
      int operations, int keys, long configurations, List<String> refused, List<String> undecided) {
    /** Returns whether every key is linearizable for certain. */
    public boolean isLinearizable() {
      return refused.isEmpty() && undecided.isEmpty();
    }
  }

  /**
   * Checks a history.
   *
   * @throws IllegalArgumentException if a CAS has a version that no reply had given before: nobody
   *     can tell then what it should have been answered
   */
  public Verdict check(History history) {
    Map<String, List<Operation>> byKey = new TreeMap<>();
    for (Operation operation : history.operations()) {
      byKey.computeIfAbsent(operation.key(), _ -> new ArrayList<>()).add(operation);
    }
    long configurations = 0;
    List<String> refused = new ArrayList<>();
    List<String> undecided = new ArrayList<>();
    for (Map.Entry<String, List<Operation>> key : byKey.entrySet()) {
      checkVersions(key.getValue(), refused);
      KeySearch search = new KeySearch(key.getKey(), key.getValue(), configurationsMax);
      switch (search.run()) {
        case KeySearch.Result.Explained explained -> configurations += explained.configurations();
        case KeySearch.Result.Refused(String explanation) -> refused.add(explanation);
        case KeySearch.Result.Undecided(String explanation) -> undecided.add(explanation);
      }
    }
    return new Verdict(
        history.operations().size(),
        byKey.size(),
        configurations,
        List.copyOf(refused),
        List.copyOf(undecided));
  }

  /** A version is never given to two values. */
  private static void checkVersions(List<Operation> operations, List<String> refused) {
    Map<Long, Operation> first = new HashMap<>();
    for (Operation operation : operations) {
      Reply reply = operation.reply();
      if (reply.status() == Reply.Status.HIT && reply.number() != Item.UNKNOWN) {
        Operation other = first.putIfAbsent(reply.number(), operation);
        if (other != null && !other.reply().equals(reply)) {
          refused.add("one version, two values:%n  %s%n  %s%n".formatted(other, operation));
        }
        if (other != null && operation.returned() < other.returned()) {
          first.put(reply.number(), operation);
        }
      }
    }
    for (Operation operation : operations) {
      if (operation.request().verb() == Request.Verb.CAS) {
        Operation source = first.get(operation.request().number());
        if (source == null || source.returned() > operation.invoked()) {
          throw new IllegalArgumentException("nobody has seen its version: " + operation);
        }
      }
    }
  }
}
