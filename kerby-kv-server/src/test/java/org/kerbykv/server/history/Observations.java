package org.kerbykv.server.history;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.kerbykv.server.history.Reply.Status;
import org.kerbykv.server.history.Request.Verb;

/**
 * Until when it matters which value a key holds. A value that no reply shows from some moment on,
 * and whose version no CAS names, is like any other such value: {@link Value#UNOBSERVED}. This
 * makes one configuration of the many that differ in what nobody has seen.
 *
 * <p>Where values are joined or counted with it always matters, since they live on in others.
 */
final class Observations {
  private final boolean always;
  private final Map<Value, Long> values = new HashMap<>();
  private final Map<Long, Long> versions = new HashMap<>();

  /** Takes those of one key. */
  Observations(List<Operation> operations) {
    always = operations.stream().anyMatch(it -> it.request().verb().usesOldValue());
    for (Operation operation : operations) {
      if (operation.reply().status() == Status.HIT) {
        values.merge(operation.reply().value(), operation.returned(), Math::max);
      }
      if (operation.request().verb() == Verb.CAS) {
        versions.merge(operation.request().number(), operation.returned(), Math::max);
      }
    }
  }

  /** Returns what of an item matters to operations that have not returned before that time. */
  Item from(long time, Item item) {
    if (always || !item.present() || isAwaited(values, item.value(), time)) {
      return item;
    }
    return item.version() != Item.UNKNOWN && isAwaited(versions, item.version(), time)
        ? item
        : item.withUnobservedValue();
  }

  private static <T> boolean isAwaited(Map<T, Long> last, T one, long time) {
    Long returned = last.get(one);
    return returned != null && returned >= time;
  }

  /** Returns the operation as one that stores {@link Value#UNOBSERVED} if that is so. */
  Operation matteringOf(Operation operation) {
    Request request = operation.request();
    if (always || !request.verb().storesItsValue() || values.containsKey(request.value())) {
      return operation;
    }
    return operation.withRequest(
        new Request(request.verb(), Value.UNOBSERVED, 0, request.exptime(), request.number()));
  }
}
