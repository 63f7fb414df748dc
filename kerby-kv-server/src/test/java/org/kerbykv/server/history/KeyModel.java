package org.kerbykv.server.history;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.kerbykv.server.history.Reply.Status;

/**
 * memcached's commands on one key, done one after the other.
 *
 * <p>Time. An item with an exptime is there until its second has come on the server's clock and not
 * from then on: what an operation finds is judged by the seconds between its invocation and its
 * return, and so is the second that its own exptime counts from. There is no other tolerance. An
 * item that one operation has found expired is so for all later ones.
 *
 * <p>Versions. A reply gives a number to the version that it saw, which others may not contradict
 * until the value is written again; touching does not write it. A number is known only from a
 * reply, so that a CAS whose number is not that of the version there now does not match it. Where
 * one value is written twice, the model does not mind if both versions have one number.
 */
final class KeyModel {
  private KeyModel() {}

  /**
   * Returns what the key may hold behind an operation with that reply; empty if it cannot have been
   * answered so.
   */
  static List<Item> after(Item item, Operation operation) {
    Stream<Item> found = item.mayBeSeenBy(operation) ? Stream.of(item) : Stream.empty();
    Stream<Item> gone = item.mayBeGoneFor(operation) ? Stream.of(Item.ABSENT) : Stream.empty();
    return Stream.concat(found, gone)
        .flatMap(it -> act(it, operation).stream())
        .distinct()
        .toList();
  }

  /** For an item that is there, or {@link Item#ABSENT}. */
  private static Optional<Item> act(Item item, Operation operation) {
    return switch (operation.request().verb()) {
      case GET -> read(item, item, operation);
      case GET_AND_TOUCH -> read(item, item.expiringAsSet(operation), operation);
      case SET -> answer(operation, Status.STORED, Item.storedBy(operation));
      case ADD ->
          item.present()
              ? answer(operation, Status.NOT_STORED, item)
              : answer(operation, Status.STORED, Item.storedBy(operation));
      case REPLACE ->
          item.present()
              ? answer(operation, Status.STORED, Item.storedBy(operation))
              : answer(operation, Status.NOT_STORED, item);
      case APPEND -> join(item, item.value(), operation.request().value(), operation);
      case PREPEND -> join(item, operation.request().value(), item.value(), operation);
      case CAS -> compareAndSet(item, operation);
      case INCR -> count(item, operation);
      case DELETE ->
          answer(operation, item.present() ? Status.DELETED : Status.NOT_FOUND, Item.ABSENT);
      case TOUCH ->
          item.present()
              ? answer(operation, Status.TOUCHED, item.expiringAsSet(operation))
              : answer(operation, Status.NOT_FOUND, item);
    };
  }

  private static Optional<Item> answer(Operation operation, Status status, Item after) {
    Status seen = operation.reply().status();
    return seen == status || seen == Status.UNSEEN ? Optional.of(after) : Optional.empty();
  }

  private static Optional<Item> read(Item item, Item after, Operation operation) {
    if (!item.present()) {
      return answer(operation, Status.NOT_FOUND, item);
    }
    Reply reply = operation.reply();
    if (reply.status() == Status.UNSEEN) {
      return Optional.of(after);
    }
    boolean same =
        reply.status() == Status.HIT
            && reply.value().equals(item.value())
            && reply.flags() == item.flags();
    if (!same) {
      return Optional.empty();
    }
    if (reply.number() == Item.UNKNOWN || reply.number() == item.version()) {
      return Optional.of(after);
    }
    return item.version() == Item.UNKNOWN
        ? Optional.of(after.withVersion(reply.number()))
        : Optional.empty();
  }

  private static Optional<Item> join(Item item, Value left, Value right, Operation operation) {
    return item.present()
        ? answer(operation, Status.STORED, item.withValue(left.followedBy(right)))
        : answer(operation, Status.NOT_STORED, item);
  }

  private static Optional<Item> compareAndSet(Item item, Operation operation) {
    if (!item.present()) {
      return answer(operation, Status.NOT_FOUND, item);
    }
    return item.version() == operation.request().number()
        ? answer(operation, Status.STORED, Item.storedBy(operation))
        : answer(operation, Status.EXISTS, item);
  }

  private static Optional<Item> count(Item item, Operation operation) {
    if (!item.present()) {
      return answer(operation, Status.NOT_FOUND, item);
    }
    if (!item.value().isNumber()) {
      return answer(operation, Status.NOT_A_NUMBER, item);
    }
    long sum = Math.addExact(item.value().number(), operation.request().number());
    Reply reply = operation.reply();
    return reply.status() == Status.UNSEEN || reply.equals(Reply.counted(sum))
        ? Optional.of(item.withValue(Value.of(Long.toString(sum))))
        : Optional.empty();
  }
}
