package org.kerbykv.server.history;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.kerbykv.server.history.Request.Verb;

/**
 * A history that is linearizable because it was made so: a {@link PlainStore} acts upon one request
 * after the other, and each operation's invocation and return are put around that moment.
 *
 * @param operations as they were acted upon
 * @param texts of all values that are stored
 */
record SimulatedHistory(List<Operation> operations, Map<Value, String> texts) {
  /**
   * How it is made.
   *
   * @param operations how many
   * @param keys on how many keys
   * @param overlap how many of its neighbours an operation overlaps, about
   * @param lostPercent how many of a hundred are not returned; half of those are not acted upon
   * @param copiedPercent how many of a hundred are delivered twice
   * @param joining whether values are appended, prepended and counted
   * @param expiring whether there are exptimes; a step of time is then a third of a second
   */
  record Shape(
      int operations,
      int keys,
      int overlap,
      int lostPercent,
      int copiedPercent,
      boolean joining,
      boolean expiring) {}

  /** What a key's clients know. */
  private static final class Key {
    private final PlainStore store;

    /** Versions that replies have shown, and when. */
    private final List<Long> versions = new ArrayList<>();

    private final List<Long> shown = new ArrayList<>();

    Key(Map<Value, String> texts) {
      store = new PlainStore(texts);
    }
  }

  private record Copy(int key, Request request, long cas, int step) {}

  private static final long STEP_NANOS = 333_333_333;

  static SimulatedHistory make(Shape shape, SplittableRandom random) {
    return new Maker(shape, random).make();
  }

  private static final class Maker {
    private final Shape shape;
    private final SplittableRandom random;
    private final List<Operation> operations = new ArrayList<>();
    private final Map<Value, String> texts = new HashMap<>();
    private final List<Key> keys = new ArrayList<>();
    private final List<Copy> copies = new ArrayList<>();
    private int values;

    Maker(Shape shape, SplittableRandom random) {
      this.shape = shape;
      this.random = random;
      for (int i = 0; i < shape.keys(); i++) {
        keys.add(new Key(texts));
      }
    }

    SimulatedHistory make() {
      for (int step = 0; step < shape.operations(); step++) {
        deliverCopies(step);
        operate(step);
      }
      return new SimulatedHistory(operations, texts);
    }

    private void deliverCopies(int step) {
      for (Copy copy : copies.stream().filter(it -> it.step() == step).toList()) {
        keys.get(copy.key()).store.act(copy.request(), copy.cas(), step * STEP_NANOS);
        copies.remove(copy);
      }
    }

    private void operate(int step) {
      int number = random.nextInt(keys.size());
      Key key = keys.get(number);
      long moment = step * STEP_NANOS + 1;
      long invoked = moment - random.nextLong(shape.overlap() * STEP_NANOS + 1);
      long returned = moment + random.nextLong(shape.overlap() * STEP_NANOS + 1);
      Request request = request(key, invoked);
      boolean lost = random.nextInt(100) < shape.lostPercent();
      boolean copied = random.nextInt(100) < shape.copiedPercent();
      Reply reply = Reply.UNSEEN;
      if (!lost || random.nextBoolean()) {
        reply = key.store.act(request, request.number(), moment);
      }
      if (copied) {
        int later = step + 1 + random.nextInt(2 * shape.overlap() * shape.keys() + 1);
        copies.add(new Copy(number, request, request.number(), later));
      }
      if (reply.status() == Reply.Status.HIT && random.nextBoolean()) {
        reply = Reply.hit(reply.value(), reply.flags(), 0);
      }
      if (!lost && reply.number() != 0 && reply.status() == Reply.Status.HIT) {
        key.versions.add(reply.number());
        key.shown.add(returned);
      }
      operations.add(
          new Operation(
              "k" + number,
              step,
              "simulated",
              invoked,
              lost ? Operation.LOST : returned,
              copied ? 2 : 1,
              request,
              lost ? Reply.UNSEEN : reply));
    }

    private Request request(Key key, long invoked) {
      return switch (random.nextInt(shape.joining() ? 24 : 20)) {
        case 0, 1, 2, 3, 4, 5, 6, 7 -> Request.of(Verb.GET);
        case 8, 9, 10 -> Request.store(Verb.SET, newValue(), random.nextInt(3), exptime());
        case 11 -> Request.store(Verb.ADD, newValue(), random.nextInt(3), exptime());
        case 12 -> Request.store(Verb.REPLACE, newValue(), random.nextInt(3), exptime());
        case 13, 14, 15 -> cas(key, invoked);
        case 16, 17 -> Request.of(Verb.DELETE);
        case 18 -> Request.touch(Verb.TOUCH, exptime());
        case 19 -> Request.touch(Verb.GET_AND_TOUCH, exptime());
        case 20 -> Request.store(Verb.APPEND, newValue(), 0, 0);
        case 21 -> Request.store(Verb.PREPEND, newValue(), 0, 0);
        case 22 -> Request.incr(1 + random.nextInt(9));
        default -> Request.store(Verb.SET, counter(), 0, exptime());
      };
    }

    private Request cas(Key key, long invoked) {
      for (int i = key.versions.size() - 1; i >= 0; i--) {
        if (key.shown.get(i) <= invoked && random.nextInt(4) != 0) {
          return Request.cas(newValue(), random.nextInt(3), exptime(), key.versions.get(i));
        }
      }
      return Request.of(Verb.GET);
    }

    private int exptime() {
      return shape.expiring() && random.nextBoolean() ? random.nextInt(4) - 1 : 0;
    }

    private Value newValue() {
      return known("v" + values++ + ";");
    }

    /** Not the same number twice, unless by counting. */
    private Value counter() {
      return known(Integer.toString(1000 * ++values));
    }

    private Value known(String text) {
      Value value = Value.of(text);
      texts.put(value, text);
      return value;
    }
  }

  History history() {
    return new History("simulated", operations);
  }

  /** The operations in another order than they were acted upon, as clients' records would be. */
  History shuffled(SplittableRandom random) {
    Map<Operation, Long> places = new HashMap<>();
    operations.forEach(it -> places.put(it, random.nextLong()));
    return new History(
        "simulated", operations.stream().sorted(Comparator.comparing(places::get)).toList());
  }
}
