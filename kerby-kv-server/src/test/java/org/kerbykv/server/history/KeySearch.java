package org.kerbykv.server.history;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.kerbykv.server.history.Configurations.Configuration;
import org.kerbykv.server.history.Configurations.Unseen;

/**
 * The search for an order of one key's operations that explains their replies and in which each
 * stands between its invocation and its return.
 *
 * <p>It goes through invocations and returns in the order of time and carries along all
 * configurations that are consistent so far; an operation is given its place no sooner than when it
 * or another that needs it there returns (G. Lowe, "Testing for linearizability", 2017:
 * just-in-time linearization; J. M. Wing and C. Gong, "Testing and verifying concurrent objects",
 * 1993, for the search). The history is refused when none is left.
 *
 * <p>Four things keep them few. Equal configurations are one, and superfluous ones are dropped
 * ({@link Configurations}). Values that are not seen any more are all equal ({@link Observations}).
 * An operation that changed nothing gets its place as soon as its reply fits: without it, all that
 * was possible still is. Of unseen operations that ask for the same, the oldest is used first: it
 * may have been acted upon whenever a younger one may.
 */
final class KeySearch {
  /** Operations of one key that may be under way at a time: bits of a long. */
  private static final int UNDER_WAY_MAX = Long.SIZE;

  private static final int SHOWN_MAX = 12;
  private static final int NONE = -1;

  private record Event(long time, boolean isReturn, int operation) {}

  private final String key;
  private final long configurationsMax;
  private final Observations observations;

  /** In the order of their invocations, as are those that nobody saw return. */
  private final List<Operation> seen;

  private final List<Operation> unseen;

  /** For each unseen one the one before that asks for the same, or {@link #NONE}. */
  private final int[] twins;

  /** Those under way, by bit; null where none is. */
  private final Operation[] underWay = new Operation[UNDER_WAY_MAX];

  /** How many bits have been in use. */
  private int width;

  private final Deque<Operation> returned = new ArrayDeque<>();
  private Configurations current = new Configurations();
  private int unseenInvoked;
  private long count;

  /** How a search ended. */
  sealed interface Result {
    /** There is such an order. */
    record Explained(long configurations) implements Result {}

    /** There is none. */
    record Refused(String explanation) implements Result {}

    /** There were too many configurations. */
    record Undecided(String explanation) implements Result {}
  }

  /**
   * Prepares one.
   *
   * @param operations all of them on that key, in any order
   */
  KeySearch(String key, List<Operation> operations, long configurationsMax) {
    this.key = key;
    this.configurationsMax = configurationsMax;
    Comparator<Operation> byInvocation = Comparator.comparingLong(Operation::invoked);
    observations = new Observations(operations);
    seen = operations.stream().filter(it -> !it.isLost()).sorted(byInvocation).toList();
    unseen =
        operations.stream()
            .filter(it -> !it.request().verb().changesNothing())
            .flatMap(KeySearch::unseenCopies)
            .map(observations::matteringOf)
            .sorted(byInvocation)
            .toList();
    twins = new int[unseen.size()];
    for (int i = 0; i < twins.length; i++) {
      twins[i] = twinBefore(i);
    }
  }

  private static Stream<Operation> unseenCopies(Operation operation) {
    int copies = operation.isLost() ? operation.copies() : operation.copies() - 1;
    return Stream.generate(operation::unseenCopy).limit(copies);
  }

  private int twinBefore(int index) {
    int before = index - 1;
    while (before >= 0 && !unseen.get(before).request().equals(unseen.get(index).request())) {
      before--;
    }
    return before < 0 ? NONE : before;
  }

  Result run() {
    current.add(new Configuration(Item.ABSENT, 0, Unseen.none(unseen.size())));
    for (Event event : events()) {
      if (!event.isReturn()) {
        if (event.operation() < 0) {
          unseenInvoked++;
        } else {
          invoke(seen.get(event.operation()));
        }
        continue;
      }
      Operation operation = seen.get(event.operation());
      Configurations next = explain(operation);
      if (count > configurationsMax) {
        return new Result.Undecided(explanation("more than can be tried", operation));
      }
      if (next.isEmpty()) {
        return new Result.Refused(explanation("no order explains", operation));
      }
      underWay[bit(operation)] = null;
      current = next;
      returned.add(operation);
      if (returned.size() > SHOWN_MAX) {
        returned.remove();
      }
    }
    return new Result.Explained(count);
  }

  /** Returns before invocations where the clock does not tell them apart would order too much. */
  private List<Event> events() {
    List<Event> events = new ArrayList<>();
    for (int i = 0; i < seen.size(); i++) {
      events.add(new Event(seen.get(i).invoked(), false, i));
      events.add(new Event(seen.get(i).returned(), true, i));
    }
    for (Operation operation : unseen) {
      events.add(new Event(operation.invoked(), false, -1));
    }
    events.sort(Comparator.comparingLong(Event::time).thenComparing(Event::isReturn));
    return events;
  }

  private void invoke(Operation operation) {
    int free = 0;
    while (underWay[free] != null) {
      if (++free == UNDER_WAY_MAX) {
        throw new IllegalArgumentException("too many under way: " + operation);
      }
    }
    underWay[free] = operation;
    width = Math.max(width, free + 1);
  }

  private int bit(Operation operation) {
    int bit = 0;
    while (!operation.equals(underWay[bit])) {
      bit++;
    }
    return bit;
  }

  /** Returns the configurations in which the operation has its place, its bit cleared again. */
  private Configurations explain(Operation returning) {
    long target = 1L << bit(returning);
    Configurations explained = new Configurations();
    Configurations tried = new Configurations();
    Deque<Configuration> open = new ArrayDeque<>();
    long now = returning.returned();
    current.forEach(
        it ->
            reach(
                it.with(observations.from(now, it.item()), it.done()),
                target,
                explained,
                tried,
                open));
    while (!open.isEmpty() && count <= configurationsMax) {
      Configuration from = open.remove();
      for (int bit = 0; bit < width; bit++) {
        if (isWaiting(from, bit)) {
          for (Item item : KeyModel.after(from.item(), underWay[bit])) {
            Item matters = observations.from(now, item);
            reach(from.with(matters, from.done() | 1L << bit), target, explained, tried, open);
          }
        }
      }
      for (int i = 0; i < unseenInvoked; i++) {
        if (!from.used().contains(i) && (twins[i] == NONE || from.used().contains(twins[i]))) {
          for (Item item : KeyModel.after(from.item(), unseen.get(i))) {
            Item matters = observations.from(now, item);
            if (!matters.equals(from.item())) {
              reach(from.using(matters, i), target, explained, tried, open);
            }
          }
        }
      }
    }
    return explained;
  }

  private boolean isWaiting(Configuration configuration, int bit) {
    return underWay[bit] != null && (configuration.done() >> bit & 1) == 0;
  }

  private void reach(
      Configuration reached,
      long target,
      Configurations explained,
      Configurations tried,
      Deque<Configuration> open) {
    Configuration placed = reached;
    for (int bit = 0; bit < width; bit++) {
      if (isWaiting(placed, bit) && changesNothing(placed.item(), underWay[bit])) {
        placed = placed.with(placed.item(), placed.done() | 1L << bit);
      }
    }
    if ((placed.done() & target) != 0) {
      if (explained.add(placed.with(placed.item(), placed.done() & ~target))) {
        count++;
      }
    } else if (tried.add(placed)) {
      count++;
      open.add(placed);
    }
  }

  private static boolean changesNothing(Item item, Operation operation) {
    return operation.reply().saysThatNothingChanged(operation.request().verb())
        && KeyModel.after(item, operation).contains(item);
  }

  private String explanation(String verdict, Operation operation) {
    StringBuilder text = new StringBuilder("key %s: %s%n  %s%n".formatted(key, verdict, operation));
    section(text, "it may have held", current.items());
    section(text, "under way", Arrays.stream(underWay).filter(it -> it != null).toList());
    section(text, "perhaps acted upon", unseen.subList(0, unseenInvoked).reversed());
    section(text, "returned before", List.copyOf(returned));
    writer(operation).ifPresent(it -> section(text, "its value came with", List.of(it)));
    return text.toString();
  }

  private Optional<Operation> writer(Operation operation) {
    Value value = operation.reply().value();
    return Stream.concat(seen.stream(), unseen.stream())
        .filter(it -> value.length() > 0 && it.request().value().equals(value))
        .findFirst();
  }

  private static void section(StringBuilder text, String title, List<?> lines) {
    text.append(" %s (%d):%n".formatted(title, lines.size()));
    lines.stream().limit(SHOWN_MAX).forEach(line -> text.append("  %s%n".formatted(line)));
  }
}
