package org.kerbykv.bpf.programs;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.BPFHashMap;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFTestRun;
import org.kerbykv.bpf.BPFType;
import org.kerbykv.bpf.BTFLayout;
import org.kerbykv.bpf.RequiresBPF;

/** The example of the allocator, example/last_words.bpf.c: hears packets, and what it remembers. */
@RequiresBPF
class LastWordsTest {
  private static final int BLOCK = 64;
  private static final int CAPACITY = 64;
  private static final int SENDERS_MAX = 32;
  private static final int WORDS_MAX = 8 * BLOCK;

  private static final int XDP_ABORTED = 0;
  private static final int XDP_DROP = 1;
  private static final int XDP_PASS = 2;

  private static final String OBJECT = "last_words.bpf.o";
  private static final BTFLayout.Struct ALLOC =
      BTFLayout.read(BPFProgram.class, OBJECT).struct("kerby_alloc");

  private final BPFProgram program = BPFProgram.load(BPFProgram.class, OBJECT);
  private final BPFTestRun run = program.testRun("last_words");
  private final BPFHashMap<Integer, byte[]> alloc =
      program.getHashMap("kerby_alloc", BPFType.INT32, BPFType.bytes((int) ALLOC.size()));
  private final BPFHashMap<Long, byte[]> pool =
      program.getHashMap("kerby_pool", BPFType.INT64, BPFType.bytes(BLOCK));

  @AfterEach
  void unload() {
    program.close();
  }

  /** A UDP datagram, not of memcached: from {@code sender}, with these words. */
  private static Frame frame(int sender, String words) {
    Frame frame = Frame.request(words).truncated(Frame.REQUEST_ID + words.length());
    for (int i = 0; i < words.length(); i++) {
      frame = frame.set8(Frame.REQUEST_ID + i, words.charAt(i));
    }
    return frame
        .set32(Frame.IP_SOURCE, sender)
        .set16(Frame.IP_TOTAL_LENGTH, 28 + words.length())
        .set16(Frame.UDP_LENGTH, 8 + words.length())
        .withIpChecksum();
  }

  private int send(Frame frame) {
    try (Arena call = Arena.ofConfined()) {
      return run.run(call.allocateFrom(JAVA_BYTE, frame.bytes()), 1).retval();
    }
  }

  private int say(int sender, String words) {
    return send(frame(sender, words));
  }

  /** What is remembered of all senders, by address; checks that no block is leaked or shared. */
  private Map<Integer, String> remembered() {
    Map<Integer, String> words = new HashMap<>();
    Set<Long> reachable = new TreeSet<>();
    alloc.forEach(
        (sender, bytes) -> {
          MemorySegment record = MemorySegment.ofArray(bytes);
          int size = record.get(JAVA_INT.withByteAlignment(1), at("size"));
          int blocks = record.get(JAVA_INT.withByteAlignment(1), at("blocks"));
          StringBuilder text = new StringBuilder();
          for (int i = 0; i < blocks; i++) {
            long index =
                record.get(JAVA_LONG.withByteAlignment(1), at("idx") + (long) i * Long.BYTES);
            assertThat(reachable.add(index)).as("block %d of one sender only", index).isTrue();
            text.append(new String(pool.get(index), ISO_8859_1));
          }
          assertThat(blocks).isEqualTo((size + BLOCK - 1) / BLOCK);
          words.put(Integer.reverseBytes(sender), text.substring(0, size));
        });
    Set<Long> allocated = new TreeSet<>();
    pool.forEach((index, _) -> allocated.add(index));
    assertThat(allocated).as("blocks in the pool").isEqualTo(reachable);
    assertThat(blocksInUse()).isEqualTo(reachable.size());
    return words;
  }

  private long blocksInUse() {
    return program.mmap("kerby_state").get(JAVA_LONG, 64);
  }

  private static long at(String member) {
    return ALLOC.member(member).offset();
  }

  @Test
  void eachSendersLastWordsAreRemembered() {
    assertThat(say(1, "first")).isEqualTo(XDP_DROP);
    assertThat(say(2, "second")).isEqualTo(XDP_DROP);
    assertThat(remembered()).isEqualTo(Map.of(1, "first", 2, "second"));
    assertThat(say(1, "1st")).isEqualTo(XDP_DROP);
    assertThat(remembered()).isEqualTo(Map.of(1, "1st", 2, "second"));
  }

  @Test
  void wordsGrowAndShrink() {
    say(9, "somebody else");
    for (int length = 1; length <= WORDS_MAX; length += 13) {
      checkLength(length);
    }
    for (int length = WORDS_MAX; length >= 1; length -= 29) {
      checkLength(length);
    }
    for (int length : new int[] {BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 1, WORDS_MAX, BLOCK}) {
      checkLength(length);
    }
  }

  private void checkLength(int length) {
    assertThat(say(1, MemcachedText.value(length))).isEqualTo(XDP_DROP);
    assertThat(remembered()).isEqualTo(Map.of(1, MemcachedText.value(length), 9, "somebody else"));
  }

  @Test
  void silenceForgets() {
    say(1, "x".repeat(WORDS_MAX));
    say(2, "y");
    assertThat(say(1, "")).isEqualTo(XDP_DROP);
    assertThat(remembered()).isEqualTo(Map.of(2, "y"));
    assertThat(say(1, "")).isEqualTo(XDP_DROP);
    assertThat(say(3, "")).isEqualTo(XDP_DROP);
    assertThat(remembered()).isEqualTo(Map.of(2, "y"));
    assertThat(say(1, "again")).isEqualTo(XDP_DROP);
    assertThat(remembered()).isEqualTo(Map.of(1, "again", 2, "y"));
  }

  @Test
  void wordsThatAreTooManyAndOtherProtocolsPass() {
    say(1, "before");
    assertThat(say(1, "x".repeat(WORDS_MAX + 1))).isEqualTo(XDP_PASS);
    Frame frame = frame(1, "words");
    assertThat(send(frame.set16(Frame.ETHER_TYPE, 0x86dd))).isEqualTo(XDP_PASS);
    assertThat(send(frame.set8(Frame.IP, 0x46))).isEqualTo(XDP_PASS);
    assertThat(send(frame.set8(Frame.IP_PROTOCOL, 6))).isEqualTo(XDP_PASS);
    for (int length = Frame.IP; length < Frame.REQUEST_ID; length++) {
      assertThat(send(frame.truncated(length))).isEqualTo(XDP_PASS);
    }
    assertThat(remembered()).isEqualTo(Map.of(1, "before"));
  }

  @Test
  void exhaustedPoolKeepsTheOldWords() {
    int senders = CAPACITY / 8;
    for (int sender = 1; sender < senders; sender++) {
      assertThat(say(sender, "x".repeat(WORDS_MAX))).isEqualTo(XDP_DROP);
    }
    assertThat(say(100, "y".repeat(7 * BLOCK))).isEqualTo(XDP_DROP);
    assertThat(say(101, "z")).isEqualTo(XDP_DROP);
    assertThat(blocksInUse()).isEqualTo(CAPACITY);
    Map<Integer, String> before = remembered();

    assertThat(say(102, "new")).isEqualTo(XDP_ABORTED);
    assertThat(say(101, "z".repeat(BLOCK + 1))).isEqualTo(XDP_ABORTED);
    assertThat(remembered()).isEqualTo(before);
    assertThat(say(101, "in place")).isEqualTo(XDP_DROP);
    assertThat(remembered().get(101)).isEqualTo("in place");

    assertThat(say(1, "short")).isEqualTo(XDP_DROP);
    assertThat(say(102, "new")).isEqualTo(XDP_DROP);
    assertThat(remembered())
        .containsEntry(1, "short")
        .containsEntry(102, "new")
        .containsEntry(101, "in place")
        .hasSize(senders + 2);
  }

  @Test
  void oneSenderMoreThanItCanRemember() {
    for (int sender = 1; sender <= SENDERS_MAX; sender++) {
      assertThat(say(sender, "I am " + sender)).isEqualTo(XDP_DROP);
    }
    say(SENDERS_MAX + 1, "I am one more");
    assertThat(remembered()).hasSize(SENDERS_MAX).doesNotContainKey(SENDERS_MAX + 1);
    assertThat(say(5, "")).isEqualTo(XDP_DROP);
    say(SENDERS_MAX + 1, "I am one more");
    assertThat(remembered()).containsEntry(SENDERS_MAX + 1, "I am one more");
  }
}
