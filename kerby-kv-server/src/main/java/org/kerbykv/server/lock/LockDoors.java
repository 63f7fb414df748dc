package org.kerbykv.server.lock;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.concurrent.TimeUnit;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.XdpMode;
import org.kerbykv.server.kernel.DoorLinks;
import org.kerbykv.server.kernel.DoorPlace;
import org.kerbykv.server.kernel.KernelDoors;
import org.kerbykv.server.kernel.PinnedLayout;
import org.kerbykv.server.store.BootClock;

/**
 * The programs of lock.bpf.o, loaded, set up and attached: the kernel doors to the locks and user
 * space's.
 *
 * <p>With a pin directory the maps and links stay when this is closed, and go on serving; opening
 * the same directory again adopts them. Without one, nothing stays.
 *
 * <p>Thread-safe but for attaching and {@link #close}.
 */
public final class LockDoors implements AutoCloseable {
  /** The program that an interface has which serves locks by XDP. */
  public static final String XDP_PROGRAM = "lock_xdp";

  static final String RESOURCE = "lock.bpf.o";

  /** LOCK_LAYOUT_VERSION of the lock_abi.h that this code was written for. */
  static final long CURRENT_LAYOUT = 2;

  // Of struct lock_ctl.
  static final int LAYOUT_VERSION = 0;
  static final int TOKEN_BASE = 8;

  private static final String TC_PROGRAM = "lock_tc";
  private static final String CTL_MAP = "lock_ctl";

  /** What of Kerby-KV's object calls the program behind its own. */
  private static final String NEXT_MAP = "net_next";

  private static final VarHandle LONG = JAVA_LONG.varHandle();

  private final BPFProgram program;
  private final DoorLinks links;
  private final LockSize size;
  private final MemorySegment slots;
  private final MemorySegment state;

  private LockDoors(BPFProgram program, LockSize size) {
    this.program = program;
    this.size = size;
    this.links = new DoorLinks(program);
    this.slots = program.mmap("lock_slots");
    this.state = program.mmap("kerby_state");
  }

  /**
   * Loads the programs and sets the maps up. Nothing is attached yet.
   *
   * @param place of the doors; its pin directory is for locks alone
   * @param udpPort of the service, 1 to 65535
   * @param doors of user space, at most
   * @throws org.kerbykv.bpf.BPFException if the kernel will not have them
   * @throws IllegalArgumentException with one line, if the pinned maps are of another layout
   */
  public static LockDoors open(DoorPlace place, int udpPort, LockOptions options, int doors) {
    LockSize size = LockSize.of(options.memoryBytes());
    place.pinDirectory().ifPresent(pins -> PinnedLayout.require(pins, CTL_MAP, CURRENT_LAYOUT));
    BPFProgram program = load(place, udpPort, options, size, doors);
    boolean ready = false;
    try {
      setUp(program, place);
      LockDoors opened = new LockDoors(program, size);
      ready = true;
      return opened;
    } finally {
      if (!ready) {
        program.close();
      }
    }
  }

  private static BPFProgram load(
      DoorPlace place, int udpPort, LockOptions options, LockSize size, int doors) {
    try (BPFLoader loader = BPFLoader.open(BPFLoader.class, RESOURCE)) {
      loader
          .mapMaxEntries("lock_table", size.locks())
          .mapMaxEntries("lock_sessions", size.clients())
          .mapMaxEntries("kerby_pool", size.blocks())
          .mapMaxEntries("lock_slots", (long) doors * LockSlot.BATCH_MAX)
          .constant("kerby_capacity", size.blocks())
          .constant("lock_queue_max", options.queueMax())
          .constant("lock_holders_max", options.queueMax())
          .constant("lock_lease_max_ms", options.leaseMaxMillis())
          .constant("lock_wait_max_ms", options.waitMaxMillis())
          .constant("lock_udp_port", udpPort)
          .constant("lock_listen_ip4", place.listenWord());
      place.rules().set(loader);
      place.pinDirectory().ifPresent(pins -> loader.pinDirectory(pins).keepPrograms());
      return loader.load();
    }
  }

  private static void setUp(BPFProgram program, DoorPlace place) {
    MemorySegment ctl = program.mmap(CTL_MAP);
    if ((long) LONG.getVolatile(ctl, (long) LAYOUT_VERSION) == 0) {
      long unixNanos = TimeUnit.MILLISECONDS.toNanos(System.currentTimeMillis());
      LONG.setVolatile(ctl, (long) TOKEN_BASE, unixNanos - BootClock.nanos());
      LONG.setVolatile(ctl, (long) LAYOUT_VERSION, CURRENT_LAYOUT);
    }
    place.putAddresses(program, "lock_local");
    place.rules().put(program);
  }

  /**
   * Has TC answer packets: all of them, as long as XDP does not.
   *
   * @param xdpIsTaken by a program that is to hand on to this; one of locks alone that an earlier
   *     process left pinned is in its way
   */
  public void attachTc(DoorPlace place, boolean xdpIsTaken) {
    links.attachTc(place, TC_PROGRAM);
    if (xdpIsTaken) {
      DoorLinks.detachPinned(place, XDP_PROGRAM);
    }
  }

  /** Has XDP answer packets, in the mode that is returned. */
  public XdpMode attachXdp(DoorPlace place) {
    return links.attachXdp(place, XDP_PROGRAM);
  }

  /** Has XDP answer what Kerby-KV, which is attached there, hands on. */
  public void attachBehind(KernelDoors kv) {
    kv.program().tailCall(NEXT_MAP, 0, program, XDP_PROGRAM);
  }

  /** Returns the loaded object. */
  BPFProgram program() {
    return program;
  }

  LockSize size() {
    return size;
  }

  /** Makes a door for one thread: number 0 to the most that there may be. */
  LockDoor door(int number) {
    long bytes = (long) LockSlot.BATCH_MAX * LockSlot.BYTES;
    return new LockDoor(
        program.testRun("lock_door"),
        number * LockSlot.BATCH_MAX,
        slots.asSlice(number * bytes, bytes));
  }

  /** Returns the blocks that are allocated now. */
  long blocksInUse() {
    return (long) LONG.getVolatile(state, KernelDoors.BLOCKS_IN_USE);
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
}
