package org.kerbykv.server.store;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.BiConsumer;
import org.kerbykv.bpf.BPFType;
import org.kerbykv.bpf.XdpMode;
import org.kerbykv.server.kernel.Audit;
import org.kerbykv.server.kernel.DoorPlace;
import org.kerbykv.server.kernel.KernelConfig;
import org.kerbykv.server.kernel.KernelDoors;
import org.kerbykv.server.kernel.KvEntry;
import org.kerbykv.server.kernel.KvStats;
import org.kerbykv.server.kernel.TestDoor;
import org.kerbykv.server.net.Allowlist;
import org.kerbykv.server.net.Cidr;

/**
 * A store with a small kernel pool and the doors to it, for one thread. Nothing is attached:
 * packets are test runs. Closing it audits the store at rest.
 */
final class TieredStore implements AutoCloseable {
  static final int MIB = 1 << 20;
  static final int BLOCK_BYTES = 192;
  static final int DATAGRAM_MAX = 1400;
  static final Duration SOON = Duration.ofSeconds(20);
  private static final int XDP_TX = 3;

  /** Times that a value may be moved while it is looked at. */
  private static final int LOOKS = 1000;

  private static final long BLOCKS_IN_USE = 64; // of struct kerby_state

  private final KernelDoors doors;
  private final KernelStore store;
  private final StoreFixture user;
  private final KernelDoor raw;
  private final TestDoor.Packets xdp;

  private TieredStore(KernelConfig config, long userMemoryBytes, boolean evicts) {
    doors = KernelDoors.open(config, 512);
    store = new KernelStore(doors, userMemoryBytes, evicts, DATAGRAM_MAX);
    user = new StoreFixture(store, MIB);
    raw = store.openDoor();
    xdp = new TestDoor.Packets(doors, "kv_xdp", XDP_TX);
  }

  /** Opens one with so much memory in the kernel and in user space. */
  static TieredStore open(int kernelMib, int userMib, boolean evicts) {
    return new TieredStore(
        config(kernelMib, BLOCK_BYTES, Optional.empty()), (long) userMib << 20, evicts);
  }

  /** Opens one whose chains are long, so that it takes long to write them. */
  static TieredStore ofSmallBlocks() {
    return new TieredStore(config(4, 32, Optional.empty()), 16L << 20, true);
  }

  /** Opens one whose maps are pinned there, or adopts them. */
  static TieredStore pinned(Path directory) {
    return new TieredStore(config(1, BLOCK_BYTES, Optional.of(directory)), 16L << 20, true);
  }

  private static KernelConfig config(int kernelMib, int blockBytes, Optional<Path> pins) {
    return new KernelConfig(
        new DoorPlace(
            "lo",
            List.of((Inet4Address) InetAddress.ofLiteral("198.18.0.2")),
            XdpMode.GENERIC,
            pins,
            new Allowlist(List.of(Cidr.parse("198.18.0.1")))),
        11211,
        (long) kernelMib << 20,
        blockBytes,
        DATAGRAM_MAX,
        0);
  }

  /** An index entry, and the value in whichever tier it is. */
  record Item(boolean inKernel, String value, int flags, int exptime, long cas, int lastAccess) {}

  KernelDoors doors() {
    return doors;
  }

  KernelStore store() {
    return store;
  }

  StoreFigures figures() {
    return store.figures();
  }

  /** User space's door. */
  StoreFixture user() {
    return user;
  }

  /** Stores through XDP, or through user space's door if XDP lets the packet go up. */
  Outcome set(String key, String value) {
    Optional<Boolean> stored = xdp.set(key, value);
    return stored.isPresent() ? Outcome.STORED : user.store(Operation.SET, key, value);
  }

  /** Asks XDP; empty if it leaves the request to others, "" for a miss. */
  Optional<String> xdpGet(String key) {
    return xdp.get(key);
  }

  /** Looks at an item without anybody noticing; null if there is none. */
  Item look(String key) {
    byte[] bytes = key.getBytes(ISO_8859_1);
    for (int i = 0; i < LOOKS; i++) {
      raw.setKey(0, bytes, 0, bytes.length, 0);
      raw.request(0, KvSlot.GET, KvSlot.IF_ANY);
      raw.keep(0, KvSlot.KEEP_ACCESS);
      raw.enter(0, 1);
      if (raw.status(0) == KvSlot.MISS) {
        return null;
      }
      byte[] value = new byte[raw.getInt(0, KvSlot.VALUE_LEN)];
      if (readValue(value)) {
        return new Item(
            raw.status(0) == KvSlot.OK,
            new String(value, ISO_8859_1),
            raw.getInt(0, KvSlot.FLAGS),
            raw.getInt(0, KvSlot.EXPTIME),
            raw.getLong(0, KvSlot.CAS),
            raw.getInt(0, KvSlot.LAST_ACCESS));
      }
    }
    throw new AssertionError("the value of " + key + " in the user tier is not there");
  }

  /** Reads what was found; false if it has been moved meanwhile. */
  private boolean readValue(byte[] value) {
    if (raw.status(0) == KvSlot.OK) {
      raw.getInlineBytes(0, 0, value, value.length);
      return true;
    }
    assertThat(raw.status(0)).isEqualTo(KvSlot.USER);
    UserTier.Scratch scratch = new UserTier.Scratch();
    int item = store.tier().peek(scratch, raw.getLong(0, KvSlot.TOKEN));
    if (item == 0) {
      return false;
    }
    store.tier().read(item, 0, MemorySegment.ofArray(value), 0, value.length);
    store.tier().release(item);
    return true;
  }

  boolean isInKernel(String key) {
    Item item = look(key);
    return item != null && item.inKernel();
  }

  /** Sets the clock that accesses are stamped with, until the store's next upkeep. */
  void setClock(int bootSeconds) {
    doors.tick(bootSeconds, BootClock.unixMinusBoot());
  }

  /** Makes the pool seem to hold that many blocks more than it does; returns the number. */
  long countMoreBlocks(long blocks) {
    ValueLayout.JAVA_LONG
        .varHandle()
        .getAndAdd(doors.program().mmap("kerby_state"), BLOCKS_IN_USE, blocks);
    return blocks;
  }

  /**
   * An index entry.
   *
   * @param token of a value in the user tier, or 0
   */
  record Entry(long version, long token, int lastAccess) {}

  /** Visits the index, with the identity of each entry. */
  void walk(BiConsumer<Long, Entry> visitor) {
    doors
        .program()
        .getHashMap("kv_index", BPFType.INT64, BPFType.bytes(KvEntry.BYTES))
        .walk(
            (key, entry) ->
                visitor.accept(
                    key.get(ValueLayout.JAVA_LONG, 0),
                    new Entry(
                        KvEntry.version(entry), KvEntry.token(entry), KvEntry.lastAccess(entry))));
  }

  /** Returns the identities of what is stored. */
  List<Long> identities() {
    List<Long> identities = new ArrayList<>();
    walk((identity, _) -> identities.add(identity));
    return identities;
  }

  /** A value that is this key's and no other's, and of which every byte counts. */
  static String value(String key, int length) {
    SplittableRandom random = new SplittableRandom(key.hashCode());
    StringBuilder value = new StringBuilder(key).append(':');
    while (value.length() < length) {
      value.append((char) ('a' + random.nextInt(26)));
    }
    return value.toString();
  }

  /** Checks that the maps, the counters and the user tier agree, when nothing is going on. */
  void checkAtRest() {
    Audit audit = Audit.of(doors.program());
    assertThat(audit).matches(Audit::ok);
    KvStats stats = doors.stats();
    stats.refresh();
    assertThat(stats.inconsistent()).isZero();
    assertThat(stats.items(0)).isEqualTo(audit.kernelItems());
    assertThat(stats.items(1)).isEqualTo(audit.items() - audit.kernelItems());
    assertThat(store.tier().valueCount())
        .as("values in user space, each named by one entry")
        .isEqualTo(stats.items(1));
  }

  /** Leaves pinned maps behind. */
  void closeUnchecked() {
    xdp.close();
    raw.close();
    user.close();
    store.close();
  }

  @Override
  public void close() {
    try {
      await().atMost(SOON).untilAsserted(this::checkAtRest);
    } finally {
      closeUnchecked();
    }
  }
}
