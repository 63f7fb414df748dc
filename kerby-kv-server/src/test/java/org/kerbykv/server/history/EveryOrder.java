package org.kerbykv.server.history;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.kerbykv.server.history.Reply.Status;

/**
 * Linearizability of one key by its definition: tries every order of every choice of what may have
 * been acted upon. For a handful of operations, without exptimes.
 */
final class EveryOrder {
  private final List<Operation> operations;
  private final Map<Value, String> texts;

  /** For each operation whether it has to be acted upon. */
  private final List<Boolean> needed = new ArrayList<>();

  EveryOrder(List<Operation> history, Map<Value, String> texts) {
    this.operations = new ArrayList<>();
    this.texts = texts;
    for (Operation operation : history) {
      operations.add(operation);
      needed.add(!operation.isLost());
      for (int i = 1; i < operation.copies(); i++) {
        operations.add(operation.unseenCopy());
        needed.add(false);
      }
    }
  }

  boolean hasOneThatExplains() {
    return explains(new PlainStore(texts), Map.of(), 0);
  }

  /**
   * Goes on from a store.
   *
   * @param versions the store's versions by the numbers that replies give them
   * @param done a bit for each operation that has been acted upon
   */
  private boolean explains(PlainStore store, Map<Long, Long> versions, int done) {
    boolean complete = true;
    for (int i = 0; i < operations.size(); i++) {
      complete &= !needed.get(i) || (done >> i & 1) != 0;
    }
    if (complete) {
      return true;
    }
    for (int i = 0; i < operations.size(); i++) {
      if ((done >> i & 1) == 0 && mayBeNext(i, done) && explainsBy(i, store, versions, done)) {
        return true;
      }
    }
    return false;
  }

  /** None that is still to come has returned before its invocation. */
  private boolean mayBeNext(int index, int done) {
    for (int i = 0; i < operations.size(); i++) {
      if ((done >> i & 1) == 0 && operations.get(i).returned() < operations.get(index).invoked()) {
        return false;
      }
    }
    return true;
  }

  private boolean explainsBy(int index, PlainStore store, Map<Long, Long> versions, int done) {
    Operation operation = operations.get(index);
    PlainStore next = store.copy();
    long cas = versions.getOrDefault(operation.request().number(), -1L);
    Reply reply = next.act(operation.request(), cas, 0);
    Map<Long, Long> known = new HashMap<>(versions);
    return matches(operation.reply(), reply, known) && explains(next, known, done | 1 << index);
  }

  private static boolean matches(Reply seen, Reply reply, Map<Long, Long> versions) {
    if (seen.status() == Status.UNSEEN) {
      return true;
    }
    if (seen.status() != Status.HIT || reply.status() != Status.HIT) {
      return seen.equals(reply);
    }
    if (!seen.value().equals(reply.value()) || seen.flags() != reply.flags()) {
      return false;
    }
    if (seen.number() == 0) {
      return true;
    }
    Long version = versions.get(seen.number());
    if (version != null) {
      return version == reply.number();
    }
    if (versions.containsValue(reply.number())) {
      return false; // it has another number already
    }
    versions.put(seen.number(), reply.number());
    return true;
  }
}
