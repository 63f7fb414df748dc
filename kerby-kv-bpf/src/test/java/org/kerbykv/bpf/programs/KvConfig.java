package org.kerbykv.bpf.programs;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What the programs are told before they are loaded.
 *
 * @param constants by name, as the programs declare them
 * @param mapEntries max_entries of maps, by name
 * @param allowed4 the first elements of net_allow4
 */
record KvConfig(Map<String, Long> constants, Map<String, Long> mapEntries, List<Long> allowed4) {

  /** The block sizes that fill a class of the kernel's slab allocator exactly. */
  static final int[] BLOCK_SIZES = {32, 64, 128, 192, 448, 960};

  /** As a server has it, but for a pool that can be filled by a few operations. */
  static KvConfig of(int blockBytes) {
    return new KvConfig(
            Map.of(
                "kerby_block_bytes", (long) blockBytes,
                "kv_reserve", 4L,
                "kv_large_units", 1L << 16,
                "kv_identity_mask", -1L,
                "kv_datagram_max", 1400L),
            Map.of("kv_index", 256L, "kv_events", 4096L),
            List.of())
        .withCapacity(256);
  }

  KvConfig withConstant(String name, long value) {
    return new KvConfig(with(constants, name, value), mapEntries, allowed4);
  }

  KvConfig withEntries(String map, long entries) {
    return new KvConfig(constants, with(mapEntries, map, entries), allowed4);
  }

  /** With these networks among the constants, each with its mask in the upper half. */
  KvConfig withAllowed4(List<Long> networks) {
    return new KvConfig(constants, mapEntries, networks);
  }

  /** With a pool of so many blocks. */
  KvConfig withCapacity(int blocks) {
    return withConstant("kerby_capacity", blocks).withEntries("kerby_pool", blocks);
  }

  int blockBytes() {
    return constant("kerby_block_bytes");
  }

  /** With large blocks, each of which counts as so many others. */
  KvConfig withLarge(int units) {
    return withConstant("kv_large_units", units);
  }

  /** What a large block counts as. */
  int largeUnits() {
    return constant("kv_large_units");
  }

  /** The blocks of a chain of so many bytes, its head included. */
  int blocksOf(int bytes) {
    return blocksOf(bytes, isLarge(bytes));
  }

  int blocksOf(int bytes, boolean large) {
    int rest = Math.max(0, bytes - KvAbi.HEAD_BYTES);
    return 1 + Math.ceilDiv(rest, large ? KvAbi.LARGE_BYTES : blockBytes());
  }

  /** Whether a chain of so many bytes is to have large blocks. */
  boolean isLarge(int bytes) {
    long large = (blocksOf(bytes, true) - 1L) * largeUnits();
    return bytes > KvAbi.HEAD_BYTES && large <= blocksOf(bytes, false) - 1;
  }

  /** The most bytes of key and value that the head and so many blocks of the pool less one hold. */
  int room(int blocks) {
    return KvAbi.HEAD_BYTES + (blocks - 1) * blockBytes();
  }

  int capacity() {
    return constant("kerby_capacity");
  }

  /** Blocks that only user space's door may take. */
  int reserve() {
    return constant("kv_reserve");
  }

  /** The longest reply, in bytes of UDP payload. */
  int datagramMax() {
    return constant("kv_datagram_max");
  }

  long identityMask() {
    return constants.get("kv_identity_mask");
  }

  private int constant(String name) {
    return Math.toIntExact(constants.get(name));
  }

  private static Map<String, Long> with(Map<String, Long> values, String name, long value) {
    Map<String, Long> copy = new TreeMap<>(values);
    copy.put(name, value);
    return copy;
  }
}
