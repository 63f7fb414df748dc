package org.kerbykv.server.store;

/**
 * What a store holds and has done, at a moment; counts since its maps were made, by earlier
 * processes too.
 *
 * @param kernelItems items whose value is in the kernel
 * @param userItems items whose value is in user space
 * @param kernelValueBytes bytes of values in the kernel
 * @param userValueBytes bytes of values in user space
 * @param userMemoryBytes memory that the user tier's items take, headers and roundings included
 * @param userMemoryTakenBytes memory that the user tier has taken from the system for that, in
 *     regions of {@value #REGION_BYTES}, cut into units of {@value #UNIT_BYTES}
 * @param userMemoryLimitBytes most memory that the user tier takes
 * @param evicted live items given up for others, in either tier
 * @param expired expired items whose memory was given back before anybody asked for them
 * @param demoted items moved from the kernel to the user tier
 * @param promoted items moved from the user tier to the kernel
 * @param lost items of an adopted index removed because their values died with the process that had
 *     them
 */
public record StoreFigures(
    long kernelItems,
    long userItems,
    long kernelValueBytes,
    long userValueBytes,
    long userMemoryBytes,
    long userMemoryTakenBytes,
    long userMemoryLimitBytes,
    long evicted,
    long expired,
    long demoted,
    long promoted,
    long lost) {
  public static final int REGION_BYTES = ExtentMemory.REGION_BYTES;
  public static final int UNIT_BYTES = ExtentMemory.UNIT_BYTES;
}
