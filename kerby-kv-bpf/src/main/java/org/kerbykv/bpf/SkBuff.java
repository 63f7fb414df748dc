package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/**
 * struct __sk_buff, the context of a TC program in a test run. All members here are 32 bits; of the
 * others the kernel wants zeroes.
 */
public final class SkBuff {
  /** The size of it, in bytes. */
  public static final int BYTES = 192;

  /** The mark that netfilter and routing look at. */
  public static final int MARK = 8;

  /** The queueing priority. */
  public static final int PRIORITY = 32;

  /** The interface that the packet came in on, or 0. */
  public static final int INGRESS_IFINDEX = 36;

  /** The interface whose hook the program is at; 0 for loopback. */
  public static final int IFINDEX = 40;

  /** Five words that programs of one hook hand to each other. */
  public static final int CB = 48;

  private SkBuff() {}

  /** The context of a packet that came in on an interface; 0 for loopback. */
  public static MemorySegment allocate(SegmentAllocator allocator, int ifindex) {
    MemorySegment context = allocator.allocate(BYTES, Long.BYTES);
    context.set(JAVA_INT, IFINDEX, ifindex);
    return context;
  }
}
