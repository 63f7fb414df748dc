package org.kerbykv.server.store;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class BatchTest {
  private static final int MIB = 1 << 20;
  private static final int THREADS = 4;

  private UserStore store;
  private StoreFixture door;

  @BeforeEach
  void open() {
    store = new UserStore(64 * MIB, true);
    door = new StoreFixture(store, MIB);
  }

  @AfterEach
  void close() {
    door.close();
    store.close();
  }

  @Test
  void storageConditions() {
    assertThat(door.store(Operation.REPLACE, "k", "0")).isEqualTo(Outcome.NOT_STORED);
    assertThat(door.store(Operation.APPEND, "k", "0")).isEqualTo(Outcome.NOT_STORED);
    assertThat(door.store(Operation.CAS, "k", "0")).isEqualTo(Outcome.NOT_FOUND);
    assertThat(door.store(Operation.ADD, "k", "1")).isEqualTo(Outcome.STORED);
    assertThat(door.store(Operation.ADD, "k", "2")).isEqualTo(Outcome.NOT_STORED);
    assertThat(door.store(Operation.REPLACE, "k", "3")).isEqualTo(Outcome.STORED);
    long cas = door.get("k").cas();
    assertThat(door.store(Operation.CAS, "k", "x".getBytes(ISO_8859_1), 0, 0, cas + 1))
        .isEqualTo(Outcome.EXISTS);
    assertThat(door.store(Operation.CAS, "k", "4".getBytes(ISO_8859_1), 9, 0, cas))
        .isEqualTo(Outcome.STORED);
    assertThat(door.text("k")).isEqualTo("4");
    assertThat(door.get("k").flags()).isEqualTo(9);
    assertThat(door.get("k").cas()).isGreaterThan(cas);
  }

  @Test
  void appendAndPrependKeepFlagsAndExpiryAcrossAllSizes() {
    int expiry = BootClock.seconds() + 500;
    String expected = "";
    door.store(Operation.SET, "k", new byte[0], 42, expiry, 0);
    for (int length : new int[] {0, 3, 5000, 5000, 1, 20_000, 2}) {
      String operand = "a".repeat(length);
      assertThat(door.store(Operation.APPEND, "k", operand)).isEqualTo(Outcome.STORED);
      expected += operand;
      operand = "p".repeat(length);
      assertThat(door.store(Operation.PREPEND, "k", operand)).isEqualTo(Outcome.STORED);
      expected = operand + expected;
      assertThat(door.text("k")).isEqualTo(expected);
    }
    assertThat(door.get("k").flags()).isEqualTo(42);
    int index = door.add(Operation.GET, "k");
    door.batch().execute();
    assertThat(door.batch().door().getInt(index, KvSlot.EXPTIME)).isEqualTo(expiry);
    door.batch().clear();
    assertThat(door.store(Operation.APPEND, "k", "x".repeat(MIB - 1000)))
        .as("too large together")
        .isEqualTo(Outcome.NOT_STORED);
    assertThat(door.text("k")).isEqualTo(expected);
  }

  @Test
  void arithmetic() {
    assertThat(door.count(Operation.INCR, "n", 1)).isNull();
    door.store(Operation.SET, "n", "10");
    assertThat(door.count(Operation.DECR, "n", 1)).isEqualTo(9);
    assertThat(door.text("n")).isEqualTo("9 ");
    assertThat(door.count(Operation.INCR, "n", 991)).isEqualTo(1000);
    assertThat(door.text("n")).isEqualTo("1000");
    assertThat(door.count(Operation.DECR, "n", -1)).as("not below zero").isZero();
    door.store(Operation.SET, "n", Long.toUnsignedString(-1));
    assertThat(door.count(Operation.INCR, "n", 2)).as("wraps").isEqualTo(1);
    door.store(Operation.SET, "n", "abc");
    assertThat(door.count(Operation.INCR, "n", 1)).isNull();
    door.store(Operation.SET, "n", " ".repeat(20_000) + "7");
    assertThat(door.count(Operation.INCR, "n", 1)).as("a value of its own").isEqualTo(8);
    assertThat(door.text("n")).isEqualTo("8" + " ".repeat(20_000));
  }

  @Test
  void getAndTouch() {
    door.store(Operation.SET, "short", "v");
    door.store(Operation.SET, "long", "w".repeat(20_000));
    int first = door.add(Operation.GET_AND_TOUCH, "short");
    door.batch().setExpiry(first, BootClock.seconds() + 100);
    int second = door.add(Operation.GET_AND_TOUCH, "long");
    door.batch().setExpiry(second, KvSlot.EXPTIME_PAST);
    int missing = door.add(Operation.GET_AND_TOUCH, "absent");
    door.batch().execute();
    assertThat(door.found(first).text()).isEqualTo("v");
    assertThat(door.found(second).text()).as("the last time").isEqualTo("w".repeat(20_000));
    assertThat(door.found(missing)).isNull();
    door.batch().clear();
    assertThat(door.text("short")).isEqualTo("v");
    assertThat(door.get("long")).isNull();
  }

  @Test
  void aBatchRefusesASecondOperationOnAKeyUnlessAllAreGets() {
    assertThat(door.add(Operation.GET, "a")).isZero();
    assertThat(door.add(Operation.GET, "a")).isEqualTo(1);
    assertThat(door.add(Operation.SET, "a")).isEqualTo(-1);
    assertThat(door.add(Operation.INCR, "a")).isEqualTo(-1);
    assertThat(door.add(Operation.DELETE, "b")).isEqualTo(2);
    assertThat(door.add(Operation.GET, "b")).isEqualTo(-1);
    assertThat(door.add(Operation.GET, "c")).isEqualTo(3);
    door.batch().execute();
    door.batch().clear();
    assertThat(door.add(Operation.SET, "a")).isZero();
  }

  @Test
  void aBatchIsFullAtItsCapacity() {
    for (int i = 0; i < StoreDoor.CAPACITY_MAX; i++) {
      assertThat(door.add(Operation.GET, "k" + i)).isEqualTo(i);
    }
    assertThat(door.add(Operation.GET, "one more")).isEqualTo(-1);
  }

  @Test
  void aFullBatchOfMixedOperations() {
    for (int i = 0; i < 8; i++) {
      door.store(Operation.SET, "n" + i, "" + i);
      door.store(Operation.SET, "a" + i, "v");
    }
    for (int i = 0; i < 8; i++) {
      door.batch().setDelta(door.add(Operation.INCR, "n" + i), 100);
      int append = door.add(Operation.APPEND, "a" + i);
      door.setValue(append, "a" + i, ("+" + i).getBytes(ISO_8859_1));
      int set = door.add(Operation.SET, "s" + i);
      door.batch().setMetadata(set, i, 0);
      door.setValue(set, "s" + i, ("s" + i).getBytes(ISO_8859_1));
      door.add(Operation.GET, "absent" + i);
    }
    door.batch().execute();
    for (int i = 0; i < 8; i++) {
      assertThat(door.batch().outcome(4 * i)).isEqualTo(Outcome.COUNTED);
      assertThat(door.batch().number(4 * i)).isEqualTo(100 + i);
      assertThat(door.batch().outcome(4 * i + 1)).isEqualTo(Outcome.STORED);
      assertThat(door.batch().outcome(4 * i + 2)).isEqualTo(Outcome.STORED);
      assertThat(door.batch().outcome(4 * i + 3)).isEqualTo(Outcome.MISS);
    }
    door.batch().clear();
    for (int i = 0; i < 8; i++) {
      assertThat(door.text("a" + i)).isEqualTo("v+" + i);
      assertThat(door.get("s" + i).flags()).isEqualTo(i);
    }
  }

  @Test
  void concurrentReadModifyWriteLosesNothing() throws Exception {
    door.store(Operation.SET, "n", "0");
    door.store(Operation.SET, "log", "");
    int rounds = 3000;
    onAllThreads(
        (its, thread) -> {
          for (int i = 0; i < rounds; i++) {
            its.batch().setDelta(its.add(Operation.INCR, "n"), 1);
            int append = its.add(Operation.APPEND, "log");
            its.setValue(append, "log", new byte[] {(byte) ('a' + thread)});
            its.batch().execute();
            assertThat(its.batch().outcome(0)).isEqualTo(Outcome.COUNTED);
            assertThat(its.batch().outcome(append)).isEqualTo(Outcome.STORED);
            its.batch().clear();
          }
        });
    assertThat(door.text("n")).isEqualTo("" + THREADS * rounds);
    assertThat(door.text("log")).hasSize(THREADS * rounds);
    assertThat(door.text("log").chars().filter(c -> c == 'a').count()).isEqualTo(rounds);
  }

  @Test
  void noReaderEverSeesBytesOfTwoValues() throws Exception {
    onAllThreads(
        (its, thread) -> {
          for (int i = 0; i < 4000; i++) {
            String key = "k" + i % 3;
            if (thread % 2 == 0) {
              int length = i * 37 % 30_000;
              byte[] value = new byte[length];
              Arrays.fill(value, (byte) (length * 31));
              its.store(Operation.SET, key, value, length, 0, 0);
            } else {
              StoreFixture.Found found = its.get(key);
              if (found != null) {
                assertThat(found.value()).hasSize(found.flags());
                for (byte b : found.value()) {
                  if (b != (byte) (found.flags() * 31)) {
                    throw new AssertionError("mixed value of length " + found.flags());
                  }
                }
              }
            }
          }
        });
    assertThat(store.figures().userItems()).isEqualTo(3);
  }

  private interface Work {
    void run(StoreFixture its, int thread);
  }

  private void onAllThreads(Work work) throws Exception {
    try (ExecutorService executor = Executors.newFixedThreadPool(THREADS)) {
      List<Future<?>> running = new ArrayList<>();
      for (int t = 0; t < THREADS; t++) {
        int thread = t;
        running.add(
            executor.submit(
                () -> {
                  try (StoreFixture its = new StoreFixture(store, MIB)) {
                    work.run(its, thread);
                  }
                }));
      }
      for (Future<?> each : running) {
        each.get();
      }
    }
  }

  @Test
  void valuesAreReadInPieces() {
    door.store(Operation.SET, "k", "0123456789".repeat(2000));
    int index = door.add(Operation.GET, "k");
    door.batch().execute();
    ByteBuf target = Unpooled.directBuffer(100);
    door.batch().readValue(index, 12_345, target, 10);
    assertThat(target.toString(ISO_8859_1)).isEqualTo("5678901234");
    target.release();
    door.batch().clear();
  }
}
