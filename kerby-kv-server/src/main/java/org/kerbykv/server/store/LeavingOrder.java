package org.kerbykv.server.store;

import java.util.Arrays;

/**
 * Which items leave the kernel's pool first: a histogram of the blocks that they would free, over
 * ranks, and the cut that it gives.
 *
 * <p>A rank says how an item leaves and how cold it is. An item that is demoted stays known and is
 * slower; one that is evicted is lost, so that eviction is for items that demotion gains nothing
 * from. An item is hot if it was read since it was written, and accessed in the last {@value
 * #HOT_SECONDS} seconds: moving those would cost all the requests for them, so cold items are
 * evicted before they are demoted. From first to last:
 *
 * <ol>
 *   <li>cold items, demoted, the coldest first
 *   <li>cold items, evicted, the coldest first
 *   <li>hot items, demoted
 *   <li>hot items, evicted
 * </ol>
 *
 * <p>Ages are known to the second. Of two items of one age the one that nobody has read since it
 * was written leaves first.
 *
 * <p>Not thread-safe.
 */
final class LeavingOrder {
  /** Seconds since an access in which an item that is read counts as hot. */
  static final int HOT_SECONDS = 2;

  /** Ages in seconds that have a rank each; above, an octave of ages has {@link #OCTAVE} ranks. */
  private static final int EXACT_AGES = 64;

  private static final int EXACT_BITS = 6;
  private static final int OCTAVE_BITS = 3;
  private static final int OCTAVE = 1 << OCTAVE_BITS;
  private static final int AGES = EXACT_AGES + (Integer.SIZE - 1 - EXACT_BITS) * OCTAVE;
  private static final int CLASS_RANKS = 2 * AGES;
  private static final int CLASSES = 4;

  /** Steps of need, for {@link #end}. */
  static final int STEPS = CLASSES;

  /** Ranks are 0 to this less one; the lower leave first. */
  static final int RANKS = CLASSES * CLASS_RANKS;

  private final long[] blocks = new long[RANKS];

  /** Returns the rank of an item that would be demoted. */
  static int demotion(int ageSeconds, boolean wasRead) {
    return rank(isHot(ageSeconds, wasRead) ? 2 : 0, ageSeconds, wasRead);
  }

  /** Returns the rank of an item that would be evicted. */
  static int eviction(int ageSeconds, boolean wasRead) {
    return rank(isHot(ageSeconds, wasRead) ? 3 : 1, ageSeconds, wasRead);
  }

  /**
   * Returns the rank at which those end that leave at a step of need: from 0, cold items that are
   * demoted only, to {@link #STEPS} less one, all.
   */
  static int end(int step) {
    return (step + 1) * CLASS_RANKS;
  }

  /** Returns whether an item of that rank is evicted. */
  static boolean isEviction(int rank) {
    return ((rank / CLASS_RANKS) & 1) != 0;
  }

  private static boolean isHot(int ageSeconds, boolean wasRead) {
    return wasRead && ageSeconds <= HOT_SECONDS;
  }

  /** Forgets all items. */
  void clear() {
    Arrays.fill(blocks, 0);
  }

  /** Adds an item that would free so many blocks. */
  void add(int rank, int freedBlocks) {
    blocks[rank] += freedBlocks;
  }

  /**
   * Returns the rank up to which items have to leave for so many blocks to be freed: all below it,
   * and as many of its own as it still takes. {@link #RANKS} if all are not enough.
   */
  int cut(long neededBlocks) {
    long freed = 0;
    for (int rank = 0; rank < RANKS; rank++) {
      freed += blocks[rank];
      if (freed >= neededBlocks) {
        return rank;
      }
    }
    return RANKS;
  }

  private static int rank(int rankClass, int ageSeconds, boolean wasRead) {
    int coldness = AGES - 1 - ageStep(ageSeconds);
    return rankClass * CLASS_RANKS + 2 * coldness + (wasRead ? 1 : 0);
  }

  /** Steps of age, finer for young items: 0 to {@link #AGES} less one. */
  private static int ageStep(int ageSeconds) {
    if (ageSeconds < EXACT_AGES) {
      return Math.max(ageSeconds, 0);
    }
    int octave = Integer.SIZE - 1 - Integer.numberOfLeadingZeros(ageSeconds);
    int part = (ageSeconds >>> (octave - OCTAVE_BITS)) & (OCTAVE - 1);
    return EXACT_AGES + (octave - EXACT_BITS) * OCTAVE + part;
  }
}
