package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.MemcachedText.hit;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.programs.KvAbi.CountedOp;
import org.kerbykv.bpf.programs.KvAbi.CountedResult;
import org.kerbykv.bpf.programs.KvAbi.Op;
import org.kerbykv.bpf.programs.KvAbi.Status;

/**
 * Writers that overwrite, replace and delete one item without a pause, in the kernel's own loop,
 * and readers on the other CPUs: each read is of one value and no other.
 */
@RequiresBPF
class ContentionTest {
  private static final String KEY = "k";
  private static final int REPEAT = 500; // packets of a writer's round
  private static final int BATCHES = 1500; // of each reader
  private static final int READS = 16; // slots of a batch

  /** Values that a reader can tell from each other and from any mixture; flags are their number. */
  private static final List<String> VALUES =
      List.of("a".repeat(1300), "b".repeat(1300), "c".repeat(1290), "d".repeat(40));

  private final AtomicInteger reading = new AtomicInteger();
  private final AtomicInteger hits = new AtomicInteger();
  private final AtomicInteger rounds = new AtomicInteger();

  /** Sends noreply requests, none of which changes its frame, as long as there are readers. */
  private Callable<Void> packetWriter(KvSession session, List<Frame> requests) {
    return () -> {
      for (int round = 0; reading.get() > 0; round++) {
        PacketDoor door = round % 2 == 0 ? PacketDoor.XDP : PacketDoor.TC;
        session.sendRepeatedly(door, requests.get(round % requests.size()), REPEAT);
        rounds.incrementAndGet();
      }
      return null;
    };
  }

  /**
   * Runs the same slots, filled once, as long as there are readers.
   *
   * @param flags the values to be set in turn; -1 to delete
   */
  private Callable<Void> slotWriter(KvStore store, int number, int... flags) {
    KvSession session = store.session(number);
    int first = number * KvAbi.BATCH_MAX;
    for (int i = 0; i < KvAbi.BATCH_MAX; i++) {
      int value = flags[i % flags.length];
      if (value < 0) {
        store.slot(first + i).request(Op.DELETE, KEY);
      } else {
        store.slot(first + i).request(Op.SET, KEY).value(VALUES.get(value)).flags(value);
      }
    }
    return () -> {
      while (reading.get() > 0) {
        assertThat(session.runDoor(first, KvAbi.BATCH_MAX)).isEqualTo(KvAbi.BATCH_MAX);
      }
      return null;
    };
  }

  private Callable<Void> reader(KvStore store, KvSession session, int first) {
    reading.incrementAndGet();
    return () -> {
      try {
        for (int batch = 0; batch < BATCHES; batch++) {
          read(store, session, first);
        }
      } finally {
        reading.decrementAndGet();
      }
      return null;
    };
  }

  private void read(KvStore store, KvSession session, int first) {
    for (int i = 0; i < READS; i++) {
      store.slot(first + i).request(Op.GET, KEY);
    }
    assertThat(session.runDoor(first, READS)).isEqualTo(READS);
    for (int i = 0; i < READS; i++) {
      check(store.slot(first + i));
    }
    checkPacket(session);
  }

  private void check(KvSlot slot) {
    Status status = slot.status();
    assertThat(status).isIn(Status.OK, Status.MISS, Status.BUSY);
    if (status == Status.OK) {
      assertThat(slot.value()).isEqualTo(VALUES.get(slot.flags()));
      hits.incrementAndGet();
    }
  }

  private void checkPacket(KvSession session) {
    String end = MemcachedText.END;
    checkPacket(session, "get k\r\n", end, flags -> hit(KEY, flags, VALUES.get(flags)));
    checkPacket(session, "get x k\r\n", end, flags -> hit(KEY, flags, VALUES.get(flags)));
    checkPacket(session, "gat 0 k\r\n", end, flags -> hit(KEY, flags, VALUES.get(flags)));
    checkPacket(
        session,
        "mg k v f\r\n",
        "EN\r\n",
        flags -> {
          String value = VALUES.get(flags);
          return "VA " + value.length() + " f" + flags + "\r\n" + value + "\r\n";
        });
  }

  private static void checkPacket(
      KvSession session, String text, String miss, IntFunction<String> hit) {
    Frame request = Frame.request(text);
    KvSession.Outcome outcome = session.send(PacketDoor.XDP, request);
    if (outcome.verdict() == PacketDoor.Verdict.UP) {
      assertThat(outcome.frame()).isEqualTo(request);
      return;
    }
    List<Frame> replies = new ArrayList<>();
    replies.add(request.reply(miss));
    for (int flags = 0; flags < VALUES.size(); flags++) {
      replies.add(request.reply(hit.apply(flags)));
    }
    assertThat(outcome.frame()).isIn(replies);
  }

  private static Frame set(int flags) {
    String value = VALUES.get(flags);
    return Frame.request(
        "set %s %d 0 %d noreply\r\n%s\r\n".formatted(KEY, flags, value.length(), value));
  }

  @ParameterizedTest
  @CsvSource({"32,65536", "448,65536", "64,8"})
  void eachReadIsOfOneValue(int blockBytes, int largeUnits) throws Exception {
    Frame delete = Frame.request("delete " + KEY + " noreply\r\n");
    try (KvStore store =
        new KvStore(KvConfig.of(blockBytes).withLarge(largeUnits).withCapacity(1024))) {
      List<Callable<Void>> work =
          List.of(
              slotWriter(store, 1, 0, 1),
              slotWriter(store, 2, 2, 3, 1, -1),
              packetWriter(store.session(3), List.of(set(0), set(3), delete)),
              reader(store, store.session(4), 4 * KvAbi.BATCH_MAX),
              reader(store, store.session(5), 5 * KvAbi.BATCH_MAX));
      try (ExecutorService threads = Executors.newFixedThreadPool(work.size())) {
        for (Future<Void> end : threads.invokeAll(work)) {
          end.get();
        }
      }
      assertThat(hits).hasPositiveValue();
      checkCounters(store);
      StoreAudit.check(store);
    }
  }

  /** Each packet was counted once, as done or as passed on. */
  private void checkCounters(KvStore store) {
    long[] stats = store.stats();
    long writes = 0;
    for (KvAbi.Path path : List.of(KvAbi.Path.XDP, KvAbi.Path.TC)) {
      for (CountedOp op : List.of(CountedOp.SET, CountedOp.DELETE)) {
        for (CountedResult result : CountedResult.values()) {
          writes += stats[KvStore.counter(path, op, result)];
        }
      }
    }
    assertThat(writes).isEqualTo((long) rounds.get() * REPEAT);
  }
}
