package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.MemcachedText.delete;
import static org.kerbykv.bpf.programs.MemcachedText.set;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.programs.KvAbi.Op;
import org.kerbykv.bpf.programs.KvAbi.Status;
import org.kerbykv.bpf.programs.VersionedKey.Kind;

/**
 * All doors at once, from several threads, while values move between the tiers. No read sees a
 * version that was not the key's at some moment of the read, or bytes of two; no move brings back
 * what was overwritten or deleted; every value of the user tier is reported dropped once; and in
 * the end nothing has leaked.
 */
@RequiresBPF
class AllDoorsTest {
  private static final int THREADS = 4;
  private static final int STEPS = 5000; // of each thread
  private static final int KEYS = 6;

  private static final List<Kind> KINDS = List.of(Kind.values());

  private List<VersionedKey> keys;
  private List<Long> identities;
  private final ConcurrentLinkedQueue<Long> written = new ConcurrentLinkedQueue<>();
  private final ConcurrentLinkedQueue<Long> dropped = new ConcurrentLinkedQueue<>();

  private static KvStore load(int blockBytes, int largeUnits) {
    return new KvStore(
        KvConfig.of(blockBytes)
            .withLarge(largeUnits)
            .withCapacity(4096)
            .withEntries("kv_events", 1 << 20));
  }

  /** One thread's dealings with the store. */
  private final class Worker implements Callable<Void> {
    private final KvSession session;
    private final Random random;
    private final List<VersionedKey> own;

    Worker(KvSession session, Random random, List<VersionedKey> own) {
      this.session = session;
      this.random = random;
      this.own = own;
    }

    @Override
    public Void call() {
      for (int step = 0; step < STEPS; step++) {
        VersionedKey any = keys.get(random.nextInt(KEYS));
        switch (random.nextInt(8)) {
          case 0, 1, 2 -> read(any);
          case 3 -> move(any);
          case 4 -> touch(any);
          default -> write(own.get(random.nextInt(own.size())));
        }
      }
      return null;
    }

    private PacketDoor packetDoor() {
      return random.nextBoolean() ? PacketDoor.XDP : PacketDoor.TC;
    }

    private void read(VersionedKey key) {
      int oldest = key.oldest();
      if (random.nextInt(3) != 0 && readByPacket(key, oldest)) {
        return;
      }
      KvSlot slot = session.slot();
      switch (runUntilDone(() -> slot.request(Op.GET, key.key()))) {
        case OK -> key.sawKernel(oldest, slot.flags(), slot.value());
        case USER -> key.sawUser(oldest, slot.flags(), slot.token(), slot.valueLength());
        case MISS -> key.sawNothing(oldest);
        default -> throw new AssertionError("GET: " + slot.status());
      }
    }

    /** False: it goes up. */
    private boolean readByPacket(VersionedKey key, int oldest) {
      return switch (random.nextInt(4)) {
        case 0 -> readByGet("get " + key.key() + "\r\n", List.of(key), List.of(oldest));
        case 1 -> readByGet("gat 0 " + key.key() + "\r\n", List.of(key), List.of(oldest));
        case 2 -> {
          VersionedKey other = keys.get(random.nextInt(KEYS));
          int oldestOfOther = other.oldest();
          yield readByGet(
              "get " + key.key() + " " + other.key() + "\r\n",
              List.of(key, other),
              List.of(oldest, oldestOfOther));
        }
        default -> readByMetaGet(key, oldest);
      };
    }

    private boolean readByGet(String text, List<VersionedKey> asked, List<Integer> oldest) {
      Frame request = Frame.request(text);
      KvSession.Outcome outcome = session.send(packetDoor(), request);
      if (outcome.verdict() == PacketDoor.Verdict.UP) {
        assertThat(outcome.frame()).isEqualTo(request);
        return false;
      }
      assertThat(outcome.verdict()).isEqualTo(PacketDoor.Verdict.REPLY);
      String reply = outcome.frame().text();
      StringBuilder expected = new StringBuilder();
      for (int i = 0; i < asked.size(); i++) {
        VersionedKey key = asked.get(i);
        String line = "VALUE " + key.key() + " ";
        // A key asked for twice may be there once: then either was.
        if (reply.startsWith(line, expected.length())) {
          int flags = number(reply, expected.length() + line.length());
          key.sawKernel(oldest.get(i), flags, key.value(flags));
          String value = key.value(flags);
          expected.append(line + flags + " " + value.length() + "\r\n" + value + "\r\n");
        } else {
          key.sawNothing(oldest.get(i));
        }
      }
      expected.append(MemcachedText.END);
      assertThat(outcome.frame()).isEqualTo(request.reply(expected.toString()));
      return true;
    }

    private boolean readByMetaGet(VersionedKey key, int oldest) {
      Frame request = Frame.request("mg " + key.key() + " f v\r\n");
      KvSession.Outcome outcome = session.send(packetDoor(), request);
      if (outcome.verdict() == PacketDoor.Verdict.UP) {
        assertThat(outcome.frame()).isEqualTo(request);
        return false;
      }
      String reply = outcome.frame().text();
      if (reply.equals("EN\r\n")) {
        key.sawNothing(oldest);
      } else {
        int flags = number(reply, reply.indexOf(" f") + 2);
        String value = key.value(flags);
        String expected = "VA " + value.length() + " f" + flags + "\r\n" + value + "\r\n";
        assertThat(outcome.frame()).isEqualTo(request.reply(expected));
        key.sawKernel(oldest, flags, value);
      }
      return true;
    }

    /** The number that begins at {@code at}. */
    private int number(String text, int at) {
      int end = at;
      while (Character.isDigit(text.charAt(end))) {
        end++;
      }
      return Integer.parseInt(text.substring(at, end));
    }

    private void write(VersionedKey key) {
      Kind kind = KINDS.get(random.nextInt(KINDS.size()));
      boolean byPacket = random.nextBoolean();
      int version = key.start(kind);
      switch (kind) {
        case KERNEL -> {
          if (!byPacket || !writeByPacket(key, version)) {
            setInKernel(key, version);
          }
        }
        case USER -> setInUserSpace(key, version);
        case ABSENT -> {
          if (!byPacket || !deleteByPacket(key)) {
            remove(key);
          }
        }
      }
      key.complete(version);
    }

    private boolean writeByPacket(VersionedKey key, int version) {
      String value = key.value(version);
      boolean meta = random.nextBoolean();
      String ms = "ms %s %d F%d\r\n%s\r\n".formatted(key.key(), value.length(), version, value);
      Frame request = Frame.request(meta ? ms : set(key.key(), "" + version, "0", value));
      KvSession.Outcome outcome = session.send(packetDoor(), request);
      if (outcome.verdict() == PacketDoor.Verdict.UP) {
        assertThat(outcome.frame()).isEqualTo(request);
        return false;
      }
      assertThat(outcome.frame()).isEqualTo(request.reply(meta ? "HD\r\n" : MemcachedText.STORED));
      return true;
    }

    private boolean deleteByPacket(VersionedKey key) {
      boolean meta = random.nextBoolean();
      Frame request = Frame.request(meta ? "md " + key.key() + "\r\n" : delete(key.key()));
      KvSession.Outcome outcome = session.send(packetDoor(), request);
      if (outcome.verdict() == PacketDoor.Verdict.UP) {
        assertThat(outcome.frame()).isEqualTo(request);
        return false;
      }
      assertThat(outcome.frame())
          .isIn(
              request.reply(meta ? "HD\r\n" : MemcachedText.DELETED),
              request.reply(meta ? "NF\r\n" : MemcachedText.NOT_FOUND));
      return true;
    }

    private void setInKernel(VersionedKey key, int version) {
      KvSlot slot = session.slot();
      Status status =
          runUntilDone(
              () -> slot.request(Op.SET, key.key()).value(key.value(version)).flags(version));
      assertThat(status).isEqualTo(Status.OK);
      report(slot);
    }

    private void setInUserSpace(VersionedKey key, int version) {
      KvSlot slot = session.slot();
      long token = key.newToken(version);
      written.add(token);
      Status status =
          runUntilDone(
              () ->
                  slot.request(Op.SET, key.key())
                      .userValue(token, key.length(version))
                      .flags(version));
      assertThat(status).isEqualTo(Status.OK);
      report(slot);
    }

    /** Moves the value, if there is one, to the other tier, unless a writer comes in between. */
    private void move(VersionedKey key) {
      KvSlot slot = session.slot();
      Status found = runUntilDone(() -> slot.request(Op.GET, key.key()).keep(KvAbi.KEEP_ACCESS));
      if (found == Status.MISS) {
        return;
      }
      int flags = slot.flags();
      long version = slot.version();
      long cas = slot.cas();
      long token = key.newToken(flags);
      Status moved =
          runUntilDone(
              () -> {
                slot.request(Op.SET, key.key()).keep(KvAbi.KEEP_ITEM).ifVersion(version);
                if (found == Status.OK) {
                  slot.userValue(token, key.length(flags));
                } else {
                  slot.value(key.value(flags));
                }
              });
      assertThat(moved).isIn(Status.OK, Status.EXISTS, Status.MISS);
      if (moved == Status.OK) {
        assertThat(slot.cas()).as("cas after a move").isEqualTo(cas);
        if (found == Status.OK) {
          written.add(token);
        }
        report(slot);
      }
    }

    /** Changes nothing that a reader sees, and may not bring back what has expired. */
    private void touch(VersionedKey key) {
      Frame request = Frame.request("touch " + key.key() + " 0\r\n");
      KvSession.Outcome outcome = session.send(packetDoor(), request);
      if (outcome.verdict() == PacketDoor.Verdict.UP) {
        assertThat(outcome.frame()).isEqualTo(request);
      } else {
        assertThat(outcome.frame())
            .isIn(request.reply("TOUCHED\r\n"), request.reply(MemcachedText.NOT_FOUND));
      }
    }

    /** By DELETE, or by making it expire and reaping it. */
    private void remove(VersionedKey key) {
      KvSlot slot = session.slot();
      if (random.nextBoolean()) {
        Status status = runUntilDone(() -> slot.request(Op.DELETE, key.key()));
        assertThat(status).isIn(Status.OK, Status.MISS);
        report(slot);
        return;
      }
      Status status =
          runUntilDone(() -> slot.request(Op.TOUCH, key.key()).exptime(KvAbi.EXPTIME_PAST));
      assertThat(status).isIn(Status.OK, Status.MISS);
      if (random.nextBoolean()) {
        KvSlot reaper = session.slot();
        runUntilDone(() -> reaper.reap(identity(key)));
        report(reaper);
      }
    }

    private long identity(VersionedKey key) {
      return identities.get(keys.indexOf(key));
    }

    private void report(KvSlot slot) {
      if (slot.oldTier() == KvAbi.TIER_USER) {
        dropped.add(slot.oldToken());
      }
    }

    /** Runs a request again and again while other writers are in its way. */
    private Status runUntilDone(Runnable fill) {
      while (true) {
        fill.run();
        Status status = session.run(session.slot());
        if (status != Status.BUSY) {
          return status;
        }
        Thread.onSpinWait();
      }
    }
  }

  private void run(KvStore store, boolean oneWriter) throws Exception {
    long seed = System.nanoTime();
    keys =
        IntStream.range(0, KEYS)
            .mapToObj(i -> new VersionedKey(i, THREADS * STEPS, oneWriter))
            .toList();
    identities = keys.stream().map(key -> store.identity(key.key())).toList();
    List<Worker> workers = new ArrayList<>();
    for (int i = 0; i < THREADS; i++) {
      int thread = i;
      List<VersionedKey> own =
          oneWriter
              ? keys.stream().filter(key -> keys.indexOf(key) % THREADS == thread).toList()
              : keys;
      workers.add(new Worker(store.session(1 + i), new Random(seed + i), own));
    }
    try (ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
      for (Future<Void> end : threads.invokeAll(workers)) {
        end.get();
      }
    } catch (Exception e) {
      throw new AssertionError("seed " + seed, e);
    }
    dropped.addAll(store.drainEvents());
    checkTokens(store);
    StoreAudit.check(store);
  }

  /** What was written was dropped once, but for what is there. */
  private void checkTokens(KvStore store) {
    Set<Long> gone = new HashSet<>();
    dropped.forEach(token -> assertThat(gone.add(token)).as("dropped twice: %d", token).isTrue());
    Set<Long> expected = new HashSet<>(written);
    store.index().values().stream()
        .filter(entry -> entry.tier() == KvAbi.TIER_USER)
        .forEach(entry -> assertThat(expected.remove(entry.token())).isTrue());
    assertThat(gone).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({"32,65536", "448,65536", "64,8"})
  void oneWriterForEachKey(int blockBytes, int largeUnits) throws Exception {
    try (KvStore store = load(blockBytes, largeUnits)) {
      run(store, true);
    }
  }

  @ParameterizedTest
  @CsvSource({"32,65536", "448,65536", "64,8"})
  void allWriteAllKeys(int blockBytes, int largeUnits) throws Exception {
    try (KvStore store = load(blockBytes, largeUnits)) {
      run(store, false);
    }
  }
}
