package org.kerbykv.server.history;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * A set of configurations without those that another one makes superfluous: of two that differ only
 * in the unseen operations that have been used to get there, the one that has used fewer can do all
 * that the other can, since what nobody saw need never have happened.
 */
final class Configurations {
  /**
   * Where a search for an order has got to.
   *
   * @param item what the key holds now
   * @param done a bit for each of the operations under way that has its place in the order
   * @param used the unseen operations that have
   */
  record Configuration(Item item, long done, Unseen used) {
    Configuration with(Item newItem, long newDone) {
      return new Configuration(newItem, newDone, used);
    }

    Configuration using(Item newItem, int unseen) {
      return new Configuration(newItem, done, used.with(unseen));
    }
  }

  /** A set of unseen operations, by their numbers. Immutable. */
  static final class Unseen {
    private final long[] words;

    private Unseen(long[] words) {
      this.words = words;
    }

    /** Returns the empty one, for so many operations. */
    static Unseen none(int operations) {
      return new Unseen(new long[(operations + Long.SIZE - 1) / Long.SIZE]);
    }

    Unseen with(int number) {
      long[] more = words.clone();
      more[number / Long.SIZE] |= 1L << number;
      return new Unseen(more);
    }

    boolean contains(int number) {
      return (words[number / Long.SIZE] >> number & 1) != 0;
    }

    boolean isSubsetOf(Unseen other) {
      for (int i = 0; i < words.length; i++) {
        if ((words[i] & ~other.words[i]) != 0) {
          return false;
        }
      }
      return true;
    }
  }

  private record Place(Item item, long done) {}

  private final Map<Place, List<Unseen>> used = new LinkedHashMap<>();

  /** Adds one, unless it is superfluous; returns whether it was added. */
  boolean add(Configuration configuration) {
    List<Unseen> others =
        used.computeIfAbsent(
            new Place(configuration.item(), configuration.done()), _ -> new ArrayList<>(1));
    for (Iterator<Unseen> it = others.iterator(); it.hasNext(); ) {
      Unseen other = it.next();
      if (other.isSubsetOf(configuration.used())) {
        return false;
      }
      if (configuration.used().isSubsetOf(other)) {
        it.remove();
      }
    }
    others.add(configuration.used());
    return true;
  }

  boolean isEmpty() {
    return used.isEmpty();
  }

  void forEach(Consumer<Configuration> consumer) {
    used.forEach(
        (place, sets) ->
            sets.forEach(
                set -> consumer.accept(new Configuration(place.item(), place.done(), set))));
  }

  /** Returns what the key may hold. */
  List<Item> items() {
    return used.keySet().stream().map(Place::item).distinct().toList();
  }
}
