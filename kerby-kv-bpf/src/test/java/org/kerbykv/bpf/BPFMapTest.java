package org.kerbykv.bpf;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.fail;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Typed maps against the kernel's. */
@RequiresBPF
class BPFMapTest {
  private static final BPFType<Sample> SAMPLE = new SampleType();

  private final BPFProgram program = BPFProgram.load(BPFMapTest.class, BPFProgramTest.OBJECT);

  @AfterEach
  void close() {
    program.close();
  }

  record Sample(long wide, int narrow) {}

  /** struct sample of binding.bpf.c, of which only two members interest here. */
  private static final class SampleType implements BPFType<Sample> {
    @Override
    public long byteSize() {
      return 24;
    }

    @Override
    public Sample read(MemorySegment segment, long offset) {
      return new Sample(segment.get(JAVA_LONG, offset), segment.get(JAVA_INT, offset + 8));
    }

    @Override
    public void write(MemorySegment segment, long offset, Sample value) {
      segment.asSlice(offset, byteSize()).fill((byte) 0);
      segment.set(JAVA_LONG, offset, value.wide());
      segment.set(JAVA_INT, offset + 8, value.narrow());
    }
  }

  @Test
  void hashMapKeepsWhatIsPut() {
    BPFHashMap<Long, Sample> samples = program.getHashMap("samples", BPFType.INT64, SAMPLE);
    assertThat(samples.get(1L)).isNull();
    assertThat(samples.containsKey(1L)).isFalse();

    samples.put(1L, new Sample(-1, 10));
    assertThat(samples.putIfAbsent(1L, new Sample(0, 0))).isFalse();
    assertThat(samples.putIfAbsent(2L, new Sample(2, 20))).isTrue();
    assertThat(samples.get(1L)).isEqualTo(new Sample(-1, 10));
    samples.put(1L, new Sample(5, 5));

    Map<Long, Sample> all = new HashMap<>();
    samples.forEach(all::put);
    assertThat(all).isEqualTo(Map.of(1L, new Sample(5, 5), 2L, new Sample(2, 20)));
    assertThat(samples.count()).isEqualTo(2);

    assertThat(samples.delete(1L)).isTrue();
    assertThat(samples.delete(1L)).isFalse();
    assertThat(samples.containsKey(1L)).isFalse();
  }

  @Test
  void fullHashMapSaysSo() {
    BPFHashMap<Long, Long> resized = program.getHashMap("resized", BPFType.INT64, BPFType.INT64);
    assertThat(resized.maxEntries()).isEqualTo(4);
    assertThatExceptionOfType(BPFException.class)
        .isThrownBy(
            () -> {
              for (long key = 0; key < 1000; key++) {
                resized.put(key, key);
              }
            })
        .withMessage("update map resized: E2BIG (Argument list too long)");
  }

  @Test
  void rawOperationsAreTheSame() {
    BPFHashMap<Long, Long> resized = program.getHashMap("resized", BPFType.INT64, BPFType.INT64);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment key = arena.allocateFrom(JAVA_LONG, 7);
      MemorySegment value = arena.allocateFrom(JAVA_LONG, 70);
      assertThat(resized.lookup(key, value)).isFalse();
      resized.update(key, value);
      value.set(JAVA_LONG, 0, 0);
      assertThat(resized.lookup(key, value)).isTrue();
      assertThat(value.get(JAVA_LONG, 0)).isEqualTo(70);
      assertThat(resized.deleteElement(key)).isTrue();
      assertThat(resized.deleteElement(key)).isFalse();
      assertThatIllegalArgumentException()
          .isThrownBy(() -> resized.lookup(key, arena.allocate(7)))
          .withMessage("a value of 8 bytes in a segment of 7");
    }
  }

  @Test
  void walkVisitsEachElementOnceThroughManyBatches() {
    int elements = 100_000;
    try (BPFProgram large = withResized(elements, 64)) {
      BPFHashMap<Long, byte[]> map = large.getHashMap("resized", BPFType.INT64, BPFType.bytes(64));
      fill(map, elements);

      BitSet seen = new BitSet();
      map.walk(
          (key, value) -> {
            int number = (int) key.get(JAVA_LONG, 0);
            assertThat(seen.get(number)).isFalse();
            assertThat(value.get(JAVA_LONG, 0)).isEqualTo(number);
            seen.set(number);
          });
      assertThat(seen.cardinality()).isEqualTo(elements);
    }
  }

  @Test
  void walkMakesRoomForBucketsOfManyElements() {
    int elements = 10_000; // in 16,384 buckets: some have two or more
    try (BPFProgram large = withResized(elements, 8)) {
      BPFHashMap<Long, Long> map = large.getHashMap("resized", BPFType.INT64, BPFType.INT64);
      fill(map, elements);
      BitSet seen = new BitSet();
      map.walk(
          (key, _) -> {
            assertThat(seen.get((int) key.get(JAVA_LONG, 0))).isFalse();
            seen.set((int) key.get(JAVA_LONG, 0));
          },
          1);
      assertThat(seen.cardinality()).isEqualTo(elements);
    }
  }

  @Test
  void walkGoesOnWhileWhatItHasSeenIsDeleted() {
    int elements = 50_000;
    try (BPFProgram large = withResized(elements, 8)) {
      BPFHashMap<Long, Long> map = large.getHashMap("resized", BPFType.INT64, BPFType.INT64);
      fill(map, elements);
      long[] visited = new long[1];
      map.walk(
          (key, _) -> {
            visited[0]++;
            map.deleteElement(key);
          });
      assertThat(visited[0]).isEqualTo(elements);
      assertThat(map.count()).isZero();
    }
  }

  @Test
  void aCursorVisitsEachElementOnceARoundInParts() {
    int elements = 10_000;
    try (BPFProgram large = withResized(elements, 8)) {
      BPFHashMap<Long, Long> map = large.getHashMap("resized", BPFType.INT64, BPFType.INT64);
      fill(map, elements);
      try (BPFHashMap<Long, Long>.Cursor cursor = map.cursor(500)) {
        for (int round = 0; round < 2; round++) {
          BitSet seen = new BitSet();
          int parts = 0;
          boolean more;
          do {
            int before = seen.cardinality();
            more = cursor.next((key, _) -> seen.set((int) key.get(JAVA_LONG, 0)));
            assertThat(seen.cardinality() - before)
                .as("visited in a part")
                .isLessThanOrEqualTo(500);
            parts++;
          } while (more);
          assertThat(seen.cardinality()).isEqualTo(elements);
          assertThat(parts).isGreaterThanOrEqualTo(elements / 500);
        }
        assertThat(cursor.next((_, _) -> {})).as("more after the first part").isTrue();
        cursor.rewind();
        int[] visited = new int[1];
        while (cursor.next((_, _) -> visited[0]++)) {}
        assertThat(visited[0]).as("visited since the beginning").isEqualTo(elements);
      }
    }
  }

  @Test
  void aCursorFindsNothingInAnEmptyMap() {
    BPFHashMap<Long, Long> resized = program.getHashMap("resized", BPFType.INT64, BPFType.INT64);
    try (BPFHashMap<Long, Long>.Cursor cursor = resized.cursor(10)) {
      assertThat(cursor.next((_, _) -> fail("an element"))).isFalse();
      resized.put(1L, 1L);
      int[] visited = new int[1];
      cursor.next((_, _) -> visited[0]++);
      assertThat(visited[0]).isOne();
    }
    assertThatIllegalArgumentException().isThrownBy(() -> resized.cursor(0));
  }

  @Test
  void exceptionOfAVisitorEndsTheWalk() {
    BPFHashMap<Long, Long> resized = program.getHashMap("resized", BPFType.INT64, BPFType.INT64);
    resized.put(1L, 1L);
    resized.put(2L, 2L);
    AtomicBoolean called = new AtomicBoolean();
    assertThatExceptionOfType(UnsupportedOperationException.class)
        .isThrownBy(
            () ->
                resized.walk(
                    (_, _) -> {
                      assertThat(called.getAndSet(true)).isFalse();
                      throw new UnsupportedOperationException();
                    }));
  }

  @Test
  void lpmTrieFindsTheLongestPrefix() {
    BPFHashMap<byte[], Integer> prefixes =
        program.getHashMap("prefixes", BPFType.bytes(8), BPFType.INT32);
    prefixes.put(prefix(8, 198, 0, 0, 0), 8);
    prefixes.put(prefix(15, 198, 18, 0, 0), 15);
    assertThat(prefixes.get(prefix(32, 198, 19, 1, 1))).isEqualTo(15);
    assertThat(prefixes.get(prefix(32, 198, 20, 1, 1))).isEqualTo(8);
    assertThat(prefixes.get(prefix(32, 199, 20, 1, 1))).isNull();
    assertThat(prefixes.count()).isEqualTo(2);
  }

  @Test
  void arrayHoldsElementsByIndex() {
    BPFArray<Integer> plain = program.getArray("plain", BPFType.INT32);
    assertThat(plain.maxEntries()).isEqualTo(8);
    assertThat(plain.get(7)).isZero();
    plain.set(7, -7);
    assertThat(plain.get(7)).isEqualTo(-7);
    assertThat(plain.get(6)).isZero();
    assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> plain.get(8));
    assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> plain.set(-1, 0));
  }

  @Test
  void perCpuArrayHasAValueForEachCpu() {
    BPFPerCpuArray<byte[]> counters = program.getPerCpuArray("counters", BPFType.bytes(16));
    List<byte[]> put = new ArrayList<>();
    long[] expected = new long[2];
    for (int cpu = 0; cpu < counters.cpus(); cpu++) {
      long[] own = {cpu + 1L, -1000L * (cpu + 1)};
      put.add(MemorySegment.ofArray(own).toArray(JAVA_BYTE));
      expected[0] += own[0];
      expected[1] += own[1];
    }
    counters.set(0, put);

    assertThat(counters.get(0)).containsExactlyElementsOf(put);
    long[] sums = {7, 7};
    counters.sumWords(0, sums);
    assertThat(sums).isEqualTo(expected);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> counters.sumWords(0, new long[3]))
        .withMessage("3 sums for 2 counters");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> counters.set(0, List.of()))
        .withMessage("0 values for " + counters.cpus() + " CPUs");
  }

  @Test
  void wrongTypesAndSizesAreRefusedByName() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> program.getArray("samples", SAMPLE))
        .withMessage("map samples has BPF map type 1, which is not an array");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> program.getHashMap("samples", BPFType.INT32, SAMPLE))
        .withMessage("map samples has keys of 8 bytes, not 4");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> program.getArray("plain", BPFType.INT64))
        .withMessage("map plain has values of 4 bytes, not 8");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> program.getArray("other", BPFType.INT64))
        .withMessage("no map other in binding.bpf.o");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> program.mmap("plain"))
        .withMessage("map plain was made without BPF_F_MMAPABLE");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> program.getRingBuffer("plain", _ -> {}))
        .withMessage("map plain has BPF map type 2, which is not a ring buffer");
  }

  private static BPFProgram withResized(int entries, int valueBytes) {
    return BPFLoader.open(BPFMapTest.class, BPFProgramTest.OBJECT)
        .mapMaxEntries("resized", entries)
        .mapValueSize("resized", valueBytes)
        .load();
  }

  /** Puts 0, 1, ... each with itself in the value's first word. */
  private static void fill(BPFHashMap<Long, ?> map, int elements) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment key = arena.allocate(JAVA_LONG);
      MemorySegment value = arena.allocate(map.valueSize(), Long.BYTES);
      for (long i = 0; i < elements; i++) {
        key.set(JAVA_LONG, 0, i);
        value.set(JAVA_LONG, 0, i);
        map.update(key, value);
      }
    }
  }

  private static byte[] prefix(int bits, int... address) {
    byte[] key = new byte[8];
    MemorySegment.ofArray(key).set(JAVA_INT.withByteAlignment(1), 0, bits);
    for (int i = 0; i < 4; i++) {
      key[4 + i] = (byte) address[i];
    }
    return key;
  }
}
