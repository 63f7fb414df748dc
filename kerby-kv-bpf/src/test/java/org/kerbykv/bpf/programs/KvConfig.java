package org.kerbykv.bpf.programs;

/**
 * What the programs are told before they are loaded.
 *
 * @param blockBytes bytes of a pool block
 * @param capacity blocks in the pool
 * @param reserve blocks of it that only user space's door may take
 * @param identityMask narrows the hash of keys, so that keys collide
 * @param datagramMax the largest reply, in bytes of UDP payload
 * @param listenIp4 the address served, as an int in network order; 0 for those in kv_local_ip4
 * @param indexEntries the most items
 * @param eventsBytes size of the ring buffer, a power of two of pages
 */
record KvConfig(
    int blockBytes,
    int capacity,
    int reserve,
    long identityMask,
    int datagramMax,
    int listenIp4,
    int indexEntries,
    int eventsBytes) {

  /** The block sizes that fill a class of the kernel's slab allocator exactly. */
  static final int[] BLOCK_SIZES = {32, 64, 128, 192, 448, 960};

  /** As a server has it, but for a pool that can be filled by a few operations. */
  static KvConfig of(int blockBytes) {
    return new KvConfig(blockBytes, 256, 4, -1L, 1400, 0, 256, 4096);
  }

  KvConfig withCapacity(int blocks, int reserved) {
    return new KvConfig(
        blockBytes,
        blocks,
        reserved,
        identityMask,
        datagramMax,
        listenIp4,
        indexEntries,
        eventsBytes);
  }

  KvConfig withIdentityMask(long mask) {
    return new KvConfig(
        blockBytes, capacity, reserve, mask, datagramMax, listenIp4, indexEntries, eventsBytes);
  }

  KvConfig withDatagramMax(int bytes) {
    return new KvConfig(
        blockBytes, capacity, reserve, identityMask, bytes, listenIp4, indexEntries, eventsBytes);
  }

  KvConfig withListenIp4(int address) {
    return new KvConfig(
        blockBytes,
        capacity,
        reserve,
        identityMask,
        datagramMax,
        address,
        indexEntries,
        eventsBytes);
  }

  KvConfig withIndexEntries(int entries) {
    return new KvConfig(
        blockBytes, capacity, reserve, identityMask, datagramMax, listenIp4, entries, eventsBytes);
  }
}
