package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/** struct xdp_md, the context of an XDP program in a test run. All members are 32 bits. */
public final class XdpMd {
  /** The size of it, in bytes. */
  public static final int BYTES = 24;

  /** Where the frame starts in the data: the length of the metadata before it. */
  public static final int DATA = 0;

  /** Where the linear part of the packet ends in the data; the rest is in fragments. */
  public static final int DATA_END = 4;

  /** 0: where the metadata starts in the data. */
  public static final int DATA_META = 8;

  /** The interface that the packet came in on, or 0. */
  public static final int INGRESS_IFINDEX = 12;

  /** The receive queue of that interface. */
  public static final int RX_QUEUE_INDEX = 16;

  /** 0: only programs of a devmap have one. */
  public static final int EGRESS_IFINDEX = 20;

  private XdpMd() {}

  /**
   * The context of a packet.
   *
   * @param dataBytes length of the data, metadata included
   * @param metadataBytes how much of it is metadata: a multiple of 4
   * @param ingressIfindex the interface that the packet seems to come from; 0 for none
   */
  public static MemorySegment allocate(
      SegmentAllocator allocator, int dataBytes, int metadataBytes, int ingressIfindex) {
    MemorySegment context = allocator.allocate(BYTES, Integer.BYTES);
    context.set(JAVA_INT, DATA, metadataBytes);
    context.set(JAVA_INT, DATA_END, dataBytes);
    context.set(JAVA_INT, INGRESS_IFINDEX, ingressIfindex);
    return context;
  }
}
