package org.kerbykv.server.kernel;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SequenceLayout;
import java.security.SecureRandom;
import java.util.List;
import org.kerbykv.bpf.BPFException;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFType;
import org.kerbykv.bpf.XdpMode;
import org.kerbykv.server.net.ReplyRate;

/**
 * The programs of kv.bpf.o, loaded, set up and attached: the kernel doors to the store and, by
 * {@link #program}, user space's.
 *
 * <p>With a pin directory the maps and links stay when this is closed, and go on serving; opening
 * the same directory again adopts them. Without one, nothing stays.
 *
 * <p>Thread-safe but for {@link #close}.
 */
public final class KernelDoors implements AutoCloseable {
  static final String RESOURCE = "kv.bpf.o";
  private static final String XDP_PROGRAM = "kv_xdp";
  private static final String TC_PROGRAM = "kv_tc";
  private static final String CTL_MAP = "kv_ctl";
  private static final String COUNTS_MAP = "kv_counts";
  // Of struct kerby_state.
  static final long NEXT_INDEX = 0;
  public static final long BLOCKS_IN_USE = 64;

  private final BPFProgram program;
  private final PoolSize size;
  private final KvCtl ctl;
  private final MemorySegment state;
  private final DoorLinks links;

  private KernelDoors(BPFProgram program, PoolSize size) {
    this.program = program;
    this.size = size;
    this.links = new DoorLinks(program);
    this.ctl = new KvCtl(program.mmap(CTL_MAP));
    this.state = program.mmap("kerby_state");
  }

  /**
   * Loads the programs and sets the maps up. Nothing is attached yet.
   *
   * @param slots of user space's door
   * @throws BPFException if the kernel will not have them
   * @throws IllegalArgumentException with one line, if the configuration makes no sense, or the
   *     pinned maps are of another layout
   */
  public static KernelDoors open(KernelConfig config, int slots) {
    PoolSize size = PoolSize.of(config.memoryLimitBytes(), config.blockBytes());
    if (config.datagramMax() > KernelConfig.DATAGRAM_MAX) {
      throw new IllegalArgumentException(
          "datagrams of %d bytes: the kernel sends up to %d"
              .formatted(config.datagramMax(), KernelConfig.DATAGRAM_MAX));
    }
    config
        .place()
        .pinDirectory()
        .ifPresent(pins -> PinnedLayout.require(pins, CTL_MAP, KvCtl.CURRENT_LAYOUT));
    KernelDoors doors = new KernelDoors(load(config, size, slots), size);
    boolean ready = false;
    try {
      doors.setUp(config);
      ready = true;
      return doors;
    } finally {
      if (!ready) {
        doors.program.close();
      }
    }
  }

  /**
   * Attaches the doors to the interface, or puts these programs in the place of those that a pinned
   * link has there. When this returns the kernel answers.
   *
   * @return the mode that XDP runs in
   */
  public XdpMode attach(KernelConfig config) {
    // The second door first: what the first leaves must find it.
    links.attachTc(config.place(), TC_PROGRAM);
    return links.attachXdp(config.place(), XDP_PROGRAM);
  }

  /** Returns the loaded object, for user space's door and its maps. */
  public BPFProgram program() {
    return program;
  }

  /** Returns the size of the pool. */
  public PoolSize size() {
    return size;
  }

  /**
   * Returns memory for user space's counts, which outlives the process with the maps: row 0 for the
   * store, the others for an event loop each.
   */
  public List<MemorySegment> countRows() {
    return program.mmap(COUNTS_MAP).elements(row(program.valueSize(COUNTS_MAP))).toList();
  }

  private static SequenceLayout row(int bytes) {
    return MemoryLayout.sequenceLayout(bytes / JAVA_LONG.byteSize(), JAVA_LONG);
  }

  /** Makes a reader of the counters. */
  public KvStats stats() {
    return new KvStats(program.getPerCpuArray("kv_stats", BPFType.bytes(KvStats.BYTES)));
  }

  /** Makes a reader of why datagrams were dropped. */
  public NetDrops drops() {
    return new NetDrops(program);
  }

  /** Returns how much sources are sent, by all doors together. */
  public ReplyRate replyRate(long bytesPerSecond) {
    return ReplyRate.shared(bytesPerSecond, program.mmap("net_rates"));
  }

  /** Returns the blocks that are allocated now. */
  public long blocksInUse() {
    return (long) JAVA_LONG.varHandle().getVolatile(state, BLOCKS_IN_USE);
  }

  /** Returns the clock by which entries say when they were last accessed, in seconds. */
  public int epoch() {
    return ctl.epoch();
  }

  /** Returns whether a version counts as flushed. */
  public boolean isFlushed(long version) {
    return version <= ctl.flushVersion();
  }

  /**
   * Keeps the programs' clocks: to be called about once a second.
   *
   * @param bootSeconds the boot clock, to which accesses are stamped
   * @param unixMinusBootSeconds how far the wall clock is ahead of it
   */
  public void tick(int bootSeconds, long unixMinusBootSeconds) {
    ctl.setUnixMinusBoot(unixMinusBootSeconds);
    ctl.setEpoch(bootSeconds);
  }

  /** Returns whether the programs that were attached are on their interface still. */
  public boolean areAttached() {
    return links.areAttached();
  }

  /** Detaches what is not pinned. The maps stay open. */
  public void detach() {
    links.detach();
  }

  /** Detaches and unloads all that is not pinned. */
  @Override
  public void close() {
    detach();
    program.close();
  }

  private static BPFProgram load(KernelConfig config, PoolSize size, int slots) {
    try (BPFLoader loader = BPFLoader.open(BPFLoader.class, RESOURCE)) {
      loader
          .mapMaxEntries("kerby_pool", size.poolBlocks())
          .mapValueSize("kerby_pool", size.blockBytes())
          .mapMaxEntries("kv_large", size.largeBlocks())
          .mapMaxEntries("kv_index", size.blocks())
          .mapMaxEntries("kv_slots", slots)
          .constant("kerby_capacity", size.blocks())
          .constant("kerby_block_bytes", size.blockBytes())
          .constant("kv_large_units", size.largeUnits())
          .constant("kv_reserve", size.reserve())
          .constant("kv_udp_port", config.udpPort())
          .constant("kv_datagram_max", config.datagramMax())
          .constant("kv_listen_ip4", config.place().listenWord())
          .constant("kv_weak_loads", reordersLoads() ? 1 : 0)
          .constant("net_rate_byte_ps", ReplyRate.bytePicos(config.replyRate()));
      config.place().rules().set(loader);
      config.place().pinDirectory().ifPresent(pins -> loader.pinDirectory(pins).keepPrograms());
      return loader.load();
    }
  }

  private static boolean reordersLoads() {
    String machine = System.getProperty("os.arch");
    return !(machine.equals("amd64") || machine.equals("x86"));
  }

  private void setUp(KernelConfig config) {
    if (ctl.layoutVersion() == 0) {
      SecureRandom random = new SecureRandom();
      ctl.initialize(random.nextLong(), random.nextLong());
    }
    config.place().putAddresses(program, "kv_local");
    config.place().rules().put(program);
  }
}
