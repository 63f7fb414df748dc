package org.kerbykv.loadgen.workload;

/**
 * The endless stream of requests of one thread: which key, get or set. Its seed gives all of it.
 * Not thread-safe.
 */
public final class RequestStream {
  /** Puts the threads far apart where keys come one after the other. */
  private static final double GOLDEN = 0.6180339887498949;

  private final Workload workload;
  private final Random64 random;
  private final long setBelow;
  private long position;
  private boolean isSet;
  private int key;
  private int version;

  /**
   * @param readRatio share of gets, 0 to 1
   * @param thread which of the threads' streams
   */
  public RequestStream(Workload workload, double readRatio, long seed, int thread) {
    this.workload = workload;
    this.random = Random64.split(seed, thread);
    this.setBelow = (long) ((1 - readRatio) * 0x1p53);
    this.position = (long) (thread * GOLDEN % 1 * workload.keys());
  }

  /** Goes on to the next request, which the other methods tell of. */
  public void next() {
    isSet = random.nextLong() >>> 11 < setBelow;
    key = workload.nextKey(random, position++);
    version = isSet ? random.nextInt() : 0;
  }

  public boolean isSet() {
    return isSet;
  }

  /** The number of the item. */
  public int key() {
    return key;
  }

  /** The version of the value, if it is a set. */
  public int version() {
    return version;
  }
}
