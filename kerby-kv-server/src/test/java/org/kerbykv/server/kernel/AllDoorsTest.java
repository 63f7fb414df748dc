package org.kerbykv.server.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.XdpMode;

/**
 * All doors at once, from several threads, on a few keys whose values change in content, length and
 * number of blocks and are deleted: no reply may mix two values or belong to another key, versions
 * of a key only grow, and afterwards no block is lost or in two chains.
 */
@RequiresBPF
class AllDoorsTest {
  private static final int KEYS = 6;
  private static final int WRITERS = 5;
  private static final int OPERATIONS = 30_000;
  private static final int XDP_TX = 3;
  private static final int TC_ACT_REDIRECT = 7;

  @ParameterizedTest
  @ValueSource(ints = {32, 128, 448})
  void valuesStayWholeAndNoBlockIsLost(int blockBytes) throws Exception {
    long seed = Long.getLong("kerby.seed", System.nanoTime());
    System.out.println("AllDoorsTest: -Dkerby.seed=" + seed + " block size " + blockBytes);
    try (KernelDoors doors = KernelDoors.open(config(blockBytes), 8);
        ExecutorService threads = Executors.newFixedThreadPool(WRITERS)) {
      List<Callable<Long>> work = new ArrayList<>();
      for (int writer = 0; writer < WRITERS; writer++) {
        work.add(new Writer(doors, writer, new SplittableRandom(seed + writer)));
      }
      long answered = 0;
      for (Future<Long> writer : threads.invokeAll(work)) {
        answered += writer.get();
      }
      assertThat(answered).as("requests that some door answered").isPositive();
      checkAtRest(doors);
    }
  }

  private static void checkAtRest(KernelDoors doors) {
    Audit audit = Audit.of(doors.program());
    assertThat(audit).matches(Audit::ok);
    KvStats stats = doors.stats();
    stats.refresh();
    assertThat(stats.inconsistent()).isZero();
    assertThat(stats.items(0)).isEqualTo(audit.items());
    long valueBytes = 0;
    try (TestDoor.Slots slots = new TestDoor.Slots(doors, 0);
        TestDoor.Packets tc = new TestDoor.Packets(doors, "kv_tc", TC_ACT_REDIRECT)) {
      for (int key = 0; key < KEYS; key++) {
        String value = slots.get(name(key)).orElseThrow();
        assertThat(tc.get(name(key))).contains(value);
        valueBytes += value.length();
        slots.delete(name(key));
      }
    }
    assertThat(stats.valueBytes(0)).isEqualTo(valueBytes);
    assertThat(doors.blocksInUse()).isZero();
  }

  private static KernelConfig config(int blockBytes) throws Exception {
    return new KernelConfig(
        new DoorPlace(
            "lo",
            List.of(InetAddress.getByName("198.18.0.2")),
            XdpMode.GENERIC,
            Optional.empty(),
            RequestFrame.ALLOWED),
        11211,
        8 << 20,
        blockBytes,
        1400,
        0);
  }

  /** Keys of many lengths: some longer than a block. */
  private static String name(int key) {
    return "key" + key + "x".repeat(key * 17);
  }

  /** One thread, which takes another door for every operation. */
  private record Writer(KernelDoors doors, int id, SplittableRandom random)
      implements Callable<Long> {

    @Override
    public Long call() {
      Map<String, Long> newest = new HashMap<>();
      long answered = 0;
      try (TestDoor.Slots slots = new TestDoor.Slots(doors, id + 1);
          TestDoor.Packets xdp = new TestDoor.Packets(doors, "kv_xdp", XDP_TX);
          TestDoor.Packets tc = new TestDoor.Packets(doors, "kv_tc", TC_ACT_REDIRECT)) {
        TestDoor[] all = {slots, xdp, tc};
        for (int i = 0; i < OPERATIONS; i++) {
          TestDoor door = all[random.nextInt(all.length)];
          String key = name(random.nextInt(KEYS));
          if (step(door, key, i)) {
            answered++;
            if (door == slots && slots.lastCas() != 0) {
              long last = newest.getOrDefault(key, 0L);
              assertThat(slots.lastCas()).as("version of " + key).isGreaterThanOrEqualTo(last);
              newest.put(key, slots.lastCas());
            }
          }
        }
      }
      return answered;
    }

    /** Returns whether the door answered, and with a version if it is user space's. */
    private boolean step(TestDoor door, String key, int sequence) {
      int kind = random.nextInt(10);
      if (kind < 4) {
        return door.set(key, value(key, id, sequence)).isPresent();
      }
      if (kind < 9) {
        Optional<String> value = door.get(key);
        value.filter(text -> !text.isEmpty()).ifPresent(text -> check(key, text));
        return value.isPresent() && !value.get().isEmpty();
      }
      door.delete(key);
      return false;
    }

    /** A value that says whose it is, and whose every byte depends on it. */
    private static String value(String key, int writer, int sequence) {
      SplittableRandom bytes = new SplittableRandom(writer * 1_000_003L + sequence);
      StringBuilder value = new StringBuilder(key + ":" + writer + ":" + sequence + ":");
      int length = value.length() + bytes.nextInt(bytes.nextBoolean() ? 40 : 900);
      while (value.length() < length) {
        value.append((char) ('a' + bytes.nextInt(26)));
      }
      return value.toString();
    }

    private static void check(String key, String text) {
      String[] words = text.split(":", 4);
      assertThat(words).as("value of " + key + ": " + text).hasSize(4);
      assertThat(text)
          .isEqualTo(value(key, Integer.parseInt(words[1]), Integer.parseInt(words[2])));
    }
  }
}
