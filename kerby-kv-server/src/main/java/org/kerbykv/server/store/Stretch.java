package org.kerbykv.server.store;

/**
 * Some of the index's entries, as they were met on a walk, and what is to become of them: those of
 * them that leave the kernel's pool, by {@link LeavingOrder}, or are removed in any case.
 *
 * <p>Filled, chosen from, then cleared. Not thread-safe. Allocates nothing.
 */
final class Stretch {
  private final LeavingOrder order = new LeavingOrder();
  private final long[] identities;
  private final long[] versions;
  private final int[] lastAccesses;
  private final int[] freedBlocks;
  private final int[] ranks;
  private final int[] chosen;
  private int size;
  private int visited;
  private long visitedBlocks;
  private int chosenCount;
  private long chosenBlocks;

  /**
   * Makes an empty stretch.
   *
   * @param capacity most candidates
   */
  Stretch(int capacity) {
    identities = new long[capacity];
    versions = new long[capacity];
    lastAccesses = new int[capacity];
    freedBlocks = new int[capacity];
    ranks = new int[capacity];
    chosen = new int[capacity];
  }

  void clear() {
    order.clear();
    size = 0;
    visited = 0;
    visitedBlocks = 0;
    chosenCount = 0;
    chosenBlocks = 0;
  }

  /** Counts an entry that was met, candidate or not. */
  void visit(int blocks) {
    visited++;
    visitedBlocks += blocks;
  }

  /**
   * Adds a candidate; one more than the capacity is left for the next walk.
   *
   * @param rank of {@link LeavingOrder}
   * @param freed blocks that its leaving frees, at least 1
   */
  void add(long identity, long version, int lastAccess, int rank, int freed) {
    if (size == identities.length) {
      return;
    }
    identities[size] = identity;
    versions[size] = version;
    lastAccesses[size] = lastAccess;
    ranks[size] = rank;
    freedBlocks[size] = freed;
    order.add(rank, freed);
    size++;
  }

  /**
   * Chooses the candidates that leave first.
   *
   * @param neededBlocks to be freed
   * @param rankEnd candidates of this rank and above stay, even if that frees fewer
   */
  void choose(long neededBlocks, int rankEnd) {
    chosenCount = 0;
    chosenBlocks = 0;
    int cut = Math.min(order.cut(neededBlocks), rankEnd);
    for (int i = 0; i < size; i++) {
      if (ranks[i] < cut) {
        choose(i);
      }
    }
    for (int i = 0; i < size && cut < rankEnd && chosenBlocks < neededBlocks; i++) {
      if (ranks[i] == cut) {
        choose(i);
      }
    }
  }

  private void choose(int candidate) {
    chosen[chosenCount++] = candidate;
    chosenBlocks += freedBlocks[candidate];
  }

  /** Returns how many entries were met. */
  int visited() {
    return visited;
  }

  /** Returns the blocks of all entries that were met. */
  long visitedBlocks() {
    return visitedBlocks;
  }

  /** Returns how many candidates {@link #choose} chose. */
  int chosenCount() {
    return chosenCount;
  }

  /** Returns the blocks that the chosen candidates free. */
  long chosenBlocks() {
    return chosenBlocks;
  }

  long identity(int choice) {
    return identities[chosen[choice]];
  }

  long version(int choice) {
    return versions[chosen[choice]];
  }

  int lastAccess(int choice) {
    return lastAccesses[chosen[choice]];
  }

  int freedBlocks(int choice) {
    return freedBlocks[chosen[choice]];
  }

  boolean isEviction(int choice) {
    return LeavingOrder.isEviction(ranks[chosen[choice]]);
  }
}
