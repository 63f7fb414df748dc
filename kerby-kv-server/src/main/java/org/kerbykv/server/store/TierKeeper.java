package org.kerbykv.server.store;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.kerbykv.bpf.BPFHashMap;
import org.kerbykv.bpf.BPFType;
import org.kerbykv.server.kernel.KernelDoors;
import org.kerbykv.server.kernel.KvEntry;
import org.kerbykv.server.kernel.KvStats;
import org.kerbykv.server.log.ServerLog;

/**
 * Keeps the kernel's pool from getting full, and each value in the tier where it belongs, on a
 * thread of its own.
 *
 * <p>All it knows of the items it learns by walking over the index, a stretch at a time, round and
 * round. The walk follows the order of a hash, so a stretch is a random sample of all items: to
 * have the coldest sixteenth of them leave, it is enough that the coldest sixteenth of every
 * stretch does, and nothing has to be kept between stretches. {@link LeavingOrder} says who leaves.
 *
 * <ul>
 *   <li>Pressure: above the high {@linkplain WaterMarks water mark}, a round over the index that
 *       frees what leads down to the low one. It goes as fast as it can, but a round that frees
 *       less than half of what it should is followed by a pause: what freeing one block costs is
 *       bounded.
 *   <li>Promotion: values that were read again and again in user space move to the kernel as long
 *       as the pool stays below the high mark. When it does not, a round has items leave that
 *       nobody has accessed for {@value #PROMOTION_COLD_SECONDS} seconds, and no others: the items
 *       of a working set too large for the pool do not push each other out by turns.
 *   <li>Crawling: when there is nothing else to do, at a bounded rate, expired items are removed,
 *       and those whose values were lost with an earlier process. The other rounds do so on their
 *       way.
 * </ul>
 *
 * <p>Thread-safe.
 */
final class TierKeeper implements AutoCloseable {
  /** Seconds without an access after which an item leaves for a promotion. */
  static final int PROMOTION_COLD_SECONDS = 8;

  /** How often a value is read in user space before it is promoted. */
  static final int PROMOTION_READS = 3;

  private static final int STRETCH_ENTRIES = 4096;

  private static final int PROMOTION_QUEUE = 1024;
  private static final int PROMOTIONS_PER_STEP = 256;

  /** Of a stretch, what leaves when writers have run out of room: better coarse than late. */
  private static final int FULL_POOL_SHARE = 4;

  private static final long ROUND_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final long CRAWL_ROUND_NANOS = TimeUnit.SECONDS.toNanos(10);

  /** So that no more than 100,000 entries a second are visited, or 400,000 in a hurry. */
  private static final long CRAWL_STEP_NANOS_MIN = TimeUnit.MILLISECONDS.toNanos(40);

  private static final long CRAWL_HURRY_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

  private static final long LOOK_NANOS_MIN = TimeUnit.MILLISECONDS.toNanos(2);
  private static final long LOOK_NANOS_MAX = TimeUnit.MILLISECONDS.toNanos(100);

  /** Blocks that writers take at most in a millisecond: some million a second. */
  private static final long FILL_PER_MILLI = 4000;

  private static final int NO_ROUND = -1;

  private final KernelDoors doors;
  private final UserTier tier;
  private final TierMoves moves;
  private final boolean evicts;
  private final WaterMarks marks;
  private final KvStats stats;
  private final BPFHashMap<Long, byte[]>.Cursor cursor;
  private final Stretch stretch = new Stretch(STRETCH_ENTRIES);
  private final UserTier.Scratch scratch = new UserTier.Scratch();
  private final PromotionQueue promotions = new PromotionQueue(PROMOTION_QUEUE);
  private final Thread thread;
  private volatile boolean closing;
  private volatile boolean crawlSoon;

  // What follows is this object's lock's to guard.
  private int now;
  private int epoch;
  private boolean choosing;
  private int roundRankEnd = NO_ROUND;
  private long roundVisited;
  private long roundItems;
  private long roundFreed;
  private long roundGoal;
  private long pressureNotBefore = System.nanoTime();
  private long promotionRoundNotBefore = System.nanoTime();
  private boolean promotionRoundWanted;
  private long crawlNotBefore = System.nanoTime();
  private long hurriedEntries;
  private long roundsDone;

  /**
   * Makes a keeper, which does nothing yet.
   *
   * @param moves used by nobody else from now on, and closed with this
   * @param evicts whether live items may be removed when nothing else makes room
   */
  TierKeeper(KernelDoors doors, UserTier tier, TierMoves moves, boolean evicts) {
    this.doors = doors;
    this.tier = tier;
    this.moves = moves;
    this.evicts = evicts;
    this.marks = WaterMarks.of(doors.size());
    this.stats = doors.stats();
    this.cursor =
        doors
            .program()
            .getHashMap("kv_index", BPFType.INT64, BPFType.bytes(KvEntry.BYTES))
            .cursor(STRETCH_ENTRIES);
    this.thread = Thread.ofPlatform().daemon().name("kerby-tiers").unstarted(this::run);
  }

  /** Begins to work. What an earlier process left behind is looked through at once. */
  void start() {
    crawlSoon = true;
    thread.start();
  }

  /** Returns whether the doors of packets find no room any more. */
  boolean isPoolFull() {
    return marks.isFull(doors.blocksInUse());
  }

  /** Says that a value is read so often that the kernel should have it. */
  void offer(long token) {
    if (promotions.offer(token)) {
      LockSupport.unpark(thread);
    }
  }

  /** Returns how many rounds, for pressure or promotion, have ended. */
  synchronized long roundsDone() {
    return roundsDone;
  }

  /** Has all that is expired removed soon. */
  void crawlSoon() {
    crawlSoon = true;
    LockSupport.unpark(thread);
  }

  /**
   * Makes room for a writer that found none, on its thread.
   *
   * @return false if there is none to be made, or was none a moment ago
   */
  synchronized boolean makeRoom() {
    long before = doors.blocksInUse();
    if (!marks.isFull(before)) {
      return true; // another was faster
    }
    long nanos = System.nanoTime();
    if (nanos - pressureNotBefore < 0) {
      return false;
    }
    for (long visited = 0; visited < itemCount(); visited += Math.max(1, stretch.visited())) {
      walk(true);
      if (doors.blocksInUse() < before) {
        return true; // what was expired is enough
      }
      choose(Math.max(1, stretch.visitedBlocks() / FULL_POOL_SHARE), LeavingOrder.RANKS);
      if (moves.leave(stretch) > 0) {
        return true;
      }
    }
    pressureNotBefore = nanos + ROUND_PAUSE_NANOS;
    return false;
  }

  @Override
  public void close() {
    closing = true;
    LockSupport.unpark(thread);
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    moves.close();
    cursor.close();
  }

  private void run() {
    while (!closing) {
      long pause;
      try {
        pause = step();
      } catch (RuntimeException e) {
        // One failure must not end all later work.
        ServerLog.warn("moving items between the tiers failed", "error", e);
        pause = ROUND_PAUSE_NANOS;
      }
      if (pause > 0) {
        LockSupport.parkNanos(pause);
      }
    }
  }

  /** Does a little of what is to be done; returns after how many nanoseconds to go on. */
  private synchronized long step() {
    long nanos = System.nanoTime();
    long blocks = doors.blocksInUse();
    beginRound(blocks, nanos);
    if (roundRankEnd != NO_ROUND) {
      stepRound(blocks, nanos);
      return 0;
    }
    promoteSome();
    return Math.min(untilNextLook(blocks), crawl(nanos));
  }

  private void beginRound(long blocks, long nanos) {
    if (marks.excess(blocks) > 0 && nanos - pressureNotBefore >= 0) {
      if (roundRankEnd != LeavingOrder.RANKS) {
        beginRound(LeavingOrder.RANKS, blocks);
      }
    } else if (roundRankEnd == NO_ROUND
        && promotionRoundWanted
        && nanos - promotionRoundNotBefore >= 0) {
      promotionRoundWanted = false;
      beginRound(LeavingOrder.demotion(PROMOTION_COLD_SECONDS, true) + 1, blocks);
    }
  }

  private void beginRound(int rankEnd, long blocks) {
    roundRankEnd = rankEnd;
    roundVisited = 0;
    roundFreed = 0;
    roundItems = itemCount();
    roundGoal = blocks - marks.low();
  }

  private void stepRound(long blocks, long nanos) {
    walk(true);
    // What was expired is gone by now.
    long left = doors.blocksInUse();
    roundFreed += Math.max(0, blocks - left);
    choose(shareOfStretch(left), roundRankEnd);
    roundFreed += moves.leave(stretch);
    roundVisited += Math.max(1, stretch.visited());
    if (doors.blocksInUse() <= marks.low() || roundVisited >= roundItems) {
      endRound(nanos);
    }
  }

  /** Returns the blocks that the stretch is to free, for the round to reach its goal. */
  private long shareOfStretch(long blocks) {
    if (blocks <= marks.low()) {
      return 0;
    }
    long most = stretch.visitedBlocks() / FULL_POOL_SHARE;
    if (marks.isFull(blocks)) {
      return Math.min(blocks - marks.low(), most);
    }
    long share = Math.ceilDiv(roundGoal * stretch.visited(), Math.max(1, roundItems));
    return Math.min(share, most);
  }

  /**
   * Chooses who leaves, and evicts only if what can be demoted is not half of what is needed: then
   * it is so in the whole index, of which the stretch is a sample.
   */
  private void choose(long share, int rankEnd) {
    for (int step = 0; step < LeavingOrder.STEPS; step++) {
      stretch.choose(share, Math.min(LeavingOrder.end(step), rankEnd));
      if (2 * stretch.chosenBlocks() >= share) {
        return;
      }
    }
  }

  private void endRound(long nanos) {
    if (roundFreed < roundGoal / 2) {
      pressureNotBefore = nanos + ROUND_PAUSE_NANOS;
    }
    promotionRoundNotBefore = nanos + ROUND_PAUSE_NANOS;
    roundRankEnd = NO_ROUND;
    roundsDone++;
  }

  private void promoteSome() {
    for (int i = 0; i < PROMOTIONS_PER_STEP; i++) {
      long token = promotions.poll();
      if (token == 0) {
        return;
      }
      int item = tier.peek(scratch, token);
      if (item != 0) {
        promote(token, item);
        tier.release(item);
      }
    }
  }

  private void promote(long token, int item) {
    if (marks.hasRoom(doors.blocksInUse(), doors.size().blocksOf(tier.lengthWithKey(item)))) {
      moves.promote(token, item);
    } else {
      promotionRoundWanted = true;
    }
  }

  /** Returns after how many nanoseconds to go on. */
  private long crawl(long nanos) {
    if (crawlSoon) {
      crawlSoon = false;
      hurriedEntries = itemCount();
      crawlNotBefore = nanos;
    }
    if (nanos - crawlNotBefore < 0) {
      return crawlNotBefore - nanos;
    }
    walk(false);
    hurriedEntries -= Math.max(1, stretch.visited());
    long pause =
        hurriedEntries > 0
            ? CRAWL_HURRY_NANOS
            : Math.max(
                CRAWL_STEP_NANOS_MIN,
                CRAWL_ROUND_NANOS / Math.max(1, Math.ceilDiv(itemCount(), STRETCH_ENTRIES)));
    crawlNotBefore = nanos + pause;
    return pause;
  }

  /** Soon enough to notice the high mark long before the limit, however fast writers are. */
  private long untilNextLook(long blocks) {
    long room = Math.max(0, marks.limit() - blocks) / 2;
    return Math.clamp(
        TimeUnit.MILLISECONDS.toNanos(room) / FILL_PER_MILLI, LOOK_NANOS_MIN, LOOK_NANOS_MAX);
  }

  private long itemCount() {
    stats.refresh();
    return stats.items(0) + stats.items(1);
  }

  /**
   * Visits the next entries, and removes those that are expired or lost.
   *
   * @param choose whether to note which of the others could leave
   */
  private void walk(boolean choose) {
    now = BootClock.seconds();
    epoch = doors.epoch();
    choosing = choose;
    stretch.clear();
    cursor.next(this::visit);
    moves.finishRemovals();
  }

  private void visit(MemorySegment key, MemorySegment entry) {
    int blocks = doors.size().blocksOf(entry);
    stretch.visit(blocks);
    if (KvEntry.isHeld(entry)) {
      return; // somebody is at it
    }
    long identity = key.get(JAVA_LONG, 0);
    boolean inKernel = KvEntry.tier(entry) == KvEntry.TIER_KERNEL;
    if (doors.isFlushed(KvEntry.version(entry)) || KvEntry.isExpired(entry, now)) {
      moves.reap(identity);
    } else if (!inKernel && tier.isLost(KvEntry.token(entry))) {
      moves.removeLost(identity);
    } else if (choosing) {
      consider(identity, entry, inKernel, blocks);
    }
  }

  private void consider(long identity, MemorySegment entry, boolean inKernel, int blocks) {
    int lastAccess = KvEntry.lastAccess(entry);
    int age = epoch - lastAccess;
    boolean wasRead = KvEntry.wasFetched(entry);
    int gain = inKernel ? blocks - doors.size().blocksOf(KvEntry.keyLength(entry)) : 0;
    long version = KvEntry.version(entry);
    if (gain > 0) {
      stretch.add(identity, version, lastAccess, LeavingOrder.demotion(age, wasRead), gain);
    } else if (evicts) {
      stretch.add(identity, version, lastAccess, LeavingOrder.eviction(age, wasRead), blocks);
    }
  }
}
