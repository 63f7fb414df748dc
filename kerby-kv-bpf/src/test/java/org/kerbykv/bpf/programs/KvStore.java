package org.kerbykv.bpf.programs;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.kerbykv.bpf.BPFHashMap;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFPerCpuArray;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFRingBuffer;
import org.kerbykv.bpf.BPFType;

/**
 * The programs of Kerby-KV, loaded, and their maps. For one thread, but for {@link #session}, which
 * lets others in.
 */
final class KvStore implements AutoCloseable {
  /** Unix time less boot time, in seconds: any, so that tests need no clock. */
  static final long UNIX_MINUS_BOOT = 1_700_000_000L;

  static final int EPOCH = 7;

  private static final long HASH_KEY = KvAbi.CTL.member("hash_key").offset();
  private static final long SLOT_STRIDE = (KvAbi.SLOT.size() + 7) / 8 * 8;

  private final KvConfig config;
  private final BPFProgram program;
  private final MemorySegment ctl;
  private final MemorySegment state;
  private final MemorySegment slots;
  private final BPFHashMap<Long, KvEntry> index;
  private final BPFHashMap<Long, byte[]> pool;
  private final BPFHashMap<Long, byte[]> large;
  private final BPFPerCpuArray<byte[]> stats;
  private final KvSession session;
  private final BPFRingBuffer events;
  private final Sources sources;
  private final List<Long> eventTokens = new ArrayList<>();

  KvStore(KvConfig config) {
    this.config = config;
    BPFLoader loader =
        BPFLoader.open(BPFProgram.class, KvAbi.OBJECT)
            .mapValueSize("kerby_pool", config.blockBytes());
    config.constants().forEach(loader::constant);
    config.mapEntries().forEach(loader::mapMaxEntries);
    loader.constants("net_allow4", config.allowed4().stream().mapToLong(Long::longValue).toArray());
    this.program = loader.load();
    ctl = program.mmap("kv_ctl");
    state = program.mmap("kerby_state");
    slots = program.mmap("kv_slots");
    index = program.getHashMap("kv_index", BPFType.INT64, KvEntry.TYPE);
    pool = program.getHashMap("kerby_pool", BPFType.INT64, BPFType.bytes(config.blockBytes()));
    large = program.getHashMap("kv_large", BPFType.INT64, BPFType.bytes(KvAbi.LARGE_BYTES));
    stats = program.getPerCpuArray("kv_stats", BPFType.bytes((int) KvAbi.STATS.size()));
    session = session(0);
    events = program.getRingBuffer("kv_events", e -> eventTokens.add(e.get(JAVA_LONG, 0)));
    setHashKey(0x0706050403020100L, 0x0f0e0d0c0b0a0908L);
    ctl.set(JAVA_LONG, ctl("unix_minus_boot"), UNIX_MINUS_BOOT);
    ctl.set(JAVA_INT, ctl("epoch"), EPOCH);
    serve(KvAbi.mapped(Frame.SERVER_IP));
    serve(ByteBuffer.allocate(16).putLong(Frame.IP6_PREFIX).putLong(Frame.SERVER_IP6).array());
    sources = new Sources(program);
    sources.allowClients();
  }

  /** Who may ask: at first, all that frames come from unless a test has it otherwise. */
  Sources sources() {
    return sources;
  }

  /** Has the programs answer what is sent to this address, too: 16 bytes. */
  void serve(byte[] address) {
    program
        .getHashMap("kv_local", BPFType.bytes(address.length), BPFType.INT8)
        .put(address, (byte) 1);
  }

  KvConfig config() {
    return config;
  }

  BPFProgram program() {
    return program;
  }

  /** Makes it as new, but for the block indexes, which never come back. */
  void clear() {
    index().keySet().forEach(index::delete);
    blocks(pool).keySet().forEach(pool::delete);
    blocks(large).keySet().forEach(large::delete);
    state.set(JAVA_LONG, KvAbi.STATE.member("blocks_in_use").offset(), 0);
    setFlushVersion(0);
    setNextVersion(0);
    byte[] zero = new byte[(int) KvAbi.STATS.size()];
    stats.set(0, Collections.nCopies(stats.cpus(), zero));
    drainEvents();
  }

  /**
   * A way in for one thread.
   *
   * @param slotIndex the slot that is its own, of those of user space's door
   */
  KvSession session(int slotIndex) {
    return new KvSession(program, slot(slotIndex));
  }

  /** Lets a frame come in, with all the room that a test run has around it. */
  KvSession.Outcome send(PacketDoor door, Frame frame) {
    return session.send(door, frame);
  }

  /** Lets a packet come in by TC that stands for several datagrams of {@code gsoSize} bytes. */
  KvSession.Outcome sendWithGso(int gsoSize, Frame frame) {
    return session.sendWithGso(gsoSize, frame);
  }

  /** Lets a frame come in by XDP, with metadata of {@code metadata} bytes taking room before it. */
  KvSession.Outcome sendWithMetadata(int metadata, Frame frame) {
    return session.sendWithMetadata(metadata, frame);
  }

  // User space's door.

  /** A slot to be filled; index 0 to {@link KvAbi#SLOTS} - 1. */
  KvSlot slot(int slotIndex) {
    MemorySegment memory = slots.asSlice(slotIndex * SLOT_STRIDE, KvAbi.SLOT.size());
    return new KvSlot(slotIndex, memory);
  }

  /** Handles the slots from {@code first} on; returns what the program returned. */
  int runDoor(int first, int count) {
    return session.runDoor(first, count);
  }

  /** Handles one slot, which the caller has filled. */
  KvAbi.Status run(KvSlot slot) {
    return session.run(slot);
  }

  /** Does a GET; the slot has the answer. */
  KvSlot get(String key) {
    KvSlot slot = slot(0).request(KvAbi.Op.GET, key);
    run(slot);
    return slot;
  }

  /** Stores a value in the kernel, without flags or exptime, which has to work. */
  void set(String key, String value) {
    set(key, value, 0, KvAbi.EXPTIME_NEVER);
  }

  /** Stores a value in the kernel, which has to work. */
  void set(String key, String value, int flags, int exptime) {
    KvSlot slot = slot(0).request(KvAbi.Op.SET, key).value(value).flags(flags).exptime(exptime);
    mustBeOk("SET " + key, run(slot));
  }

  /** Records a value in the user tier, which has to work. */
  void setUser(String key, long token, int valueLength) {
    mustBeOk("SET " + key, run(slot(0).request(KvAbi.Op.SET, key).userValue(token, valueLength)));
  }

  /** Takes all free blocks but {@code left}, with items of one block called fill0, fill1... */
  void fill(int left) {
    for (int i = 0; blocksInUse() < config.capacity() - left; i++) {
      set("fill" + i, "");
    }
  }

  private static void mustBeOk(String what, KvAbi.Status status) {
    if (status != KvAbi.Status.OK) {
      throw new AssertionError(what + ": " + status);
    }
  }

  // The maps.

  /** Changes the key that identities are made with; the store has to be empty. */
  void setHashKey(long k0, long k1) {
    ctl.set(JAVA_LONG, HASH_KEY, k0);
    ctl.set(JAVA_LONG, HASH_KEY + Long.BYTES, k1);
  }

  long hashKey0() {
    return ctl.get(JAVA_LONG, HASH_KEY);
  }

  long hashKey1() {
    return ctl.get(JAVA_LONG, HASH_KEY + Long.BYTES);
  }

  /** The identity that a key has here. */
  long identity(String key) {
    return identity(key.getBytes(ISO_8859_1));
  }

  long identity(byte[] key) {
    return SipHash.SIP_1_3.hash(hashKey0(), hashKey1(), key) & config.identityMask();
  }

  /** The index entry of a key, or null. */
  KvEntry entry(String key) {
    return index.get(identity(key));
  }

  /** Overwrites a key's entry. */
  void putEntry(KvEntry entry) {
    index.put(entry.identity(), entry);
  }

  /** A block of the pool, or null. */
  byte[] block(long blockIndex) {
    return pool.get(blockIndex);
  }

  void removeBlock(long blockIndex) {
    pool.delete(blockIndex);
  }

  void removeLarge(long blockIndex) {
    large.delete(blockIndex);
  }

  void putBlock(long blockIndex, byte[] content) {
    pool.put(blockIndex, content);
  }

  /** All entries, by identity. */
  Map<Long, KvEntry> index() {
    Map<Long, KvEntry> all = new HashMap<>();
    index.forEach(all::put);
    return all;
  }

  /** All blocks by index, large ones too, one character for each byte. */
  Map<Long, String> blocks() {
    Map<Long, String> all = blocks(pool);
    all.putAll(blocks(large));
    return all;
  }

  private static Map<Long, String> blocks(BPFHashMap<Long, byte[]> pool) {
    Map<Long, String> all = new HashMap<>();
    pool.forEach((blockIndex, content) -> all.put(blockIndex, new String(content, ISO_8859_1)));
    return all;
  }

  long blocksInUse() {
    return state.get(JAVA_LONG, KvAbi.STATE.member("blocks_in_use").offset());
  }

  /** The version given out last. */
  long nextVersion() {
    return ctl.get(JAVA_LONG, ctl("next_version"));
  }

  /** Has the next version be the one after this. */
  void setNextVersion(long version) {
    ctl.set(JAVA_LONG, ctl("next_version"), version);
  }

  /** Expires all versions up to this one. */
  void setFlushVersion(long version) {
    ctl.set(JAVA_LONG, ctl("flush_version"), version);
  }

  /** Flushes that are under way. */
  void setFlushing(int flushing) {
    ctl.set(JAVA_INT, ctl("flushing"), flushing);
  }

  void setEpoch(int epoch) {
    ctl.set(JAVA_INT, ctl("epoch"), epoch);
  }

  /** The sums of struct kv_stats, in words. */
  long[] stats() {
    long[] sums = new long[(int) (KvAbi.STATS.size() / Long.BYTES)];
    stats.sumWords(0, sums);
    return sums;
  }

  /** Where {@link #stats()} has a counter. */
  static int counter(KvAbi.Path path, KvAbi.CountedOp op, KvAbi.CountedResult result) {
    return (KvAbi.number(path) * KvAbi.CountedOp.values().length + KvAbi.number(op))
            * KvAbi.CountedResult.values().length
        + KvAbi.number(result);
  }

  /** Where {@link #stats()} has a gauge or other member after the counters. */
  static int statsWord(String member) {
    return (int) (KvAbi.STATS.member(member).offset() / Long.BYTES);
  }

  /** The tokens reported by the doors of packets since the last time. */
  List<Long> drainEvents() {
    eventTokens.clear();
    events.consume();
    return List.copyOf(eventTokens);
  }

  /** Whole seconds of CLOCK_BOOTTIME, which /proc/uptime shows. */
  static int bootSeconds() {
    try {
      String uptime = Files.readString(Path.of("/proc/uptime"));
      return Integer.parseInt(uptime.substring(0, uptime.indexOf('.')));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    program.close();
  }

  private static long ctl(String member) {
    return KvAbi.CTL.member(member).offset();
  }
}
