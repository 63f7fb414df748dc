package org.kerbykv.bpf.programs;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.MemcachedText.END;
import static org.kerbykv.bpf.programs.MemcachedText.STORED;
import static org.kerbykv.bpf.programs.MemcachedText.get;
import static org.kerbykv.bpf.programs.MemcachedText.hit;
import static org.kerbykv.bpf.programs.MemcachedText.key;
import static org.kerbykv.bpf.programs.MemcachedText.set;
import static org.kerbykv.bpf.programs.MemcachedText.setNoreply;
import static org.kerbykv.bpf.programs.MemcachedText.value;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.kerbykv.bpf.BPFHashMap;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.BPFRingBuffer;
import org.kerbykv.bpf.BPFType;
import org.kerbykv.bpf.BTFLayout;
import org.kerbykv.bpf.RequiresBPF;

/**
 * Fixed slots before memcached: what they hold, and what goes where when they do not. There is one
 * bucket here, of four slots.
 */
@RequiresBPF
@ParameterizedClass(name = "slots of {0}, {1}")
@MethodSource("slotsAndDoors")
class DintTest {
  private static final String BUSY = "SERVER_ERROR busy\r\n";

  @Parameter(0)
  int slot;

  @Parameter(1)
  PacketDoor door;

  private static BTFLayout layout;
  private static BPFProgram program;
  private static BaselinePrograms dint;
  private static BPFRingBuffer ring;
  private static final List<Evicted> EVICTED = new ArrayList<>();

  static Stream<Arguments> slotsAndDoors() {
    return Stream.of(64, 128, 256, 512, 1024)
        .flatMap(slot -> Stream.of(PacketDoor.values()).map(door -> Arguments.of(slot, door)));
  }

  private record Evicted(int way, int version, String value) {}

  @BeforeParameterizedClassInvocation
  static void load(int slot) {
    String object = "dint_kv_" + slot + ".bpf.o";
    layout = BTFLayout.read(BPFProgram.class, object);
    program =
        BPFLoader.open(BPFProgram.class, object)
            .constant("dint_buckets", 1)
            .mapMaxEntries("dint_cache", 1)
            .load();
    dint = new BaselinePrograms(program, "dint");
    ring = program.getRingBuffer("dint_evicted", record -> EVICTED.add(read(record)));
  }

  @AfterParameterizedClassInvocation
  static void unload() {
    dint.close();
  }

  @BeforeEach
  void clear() {
    program.mmap("dint_cache").fill((byte) 0);
    BPFHashMap<Long, byte[]> spills =
        program.getHashMap(
            "dint_spills", BPFType.INT64, BPFType.bytes((int) layout.struct("dint_spill").size()));
    spills.forEach((key, _) -> spills.delete(key));
    evicted();
  }

  private static Evicted read(MemorySegment record) {
    BTFLayout.Struct struct = layout.struct("dint_evicted");
    byte[] value = new byte[record.get(JAVA_INT, struct.member("value_len").offset())];
    MemorySegment.copy(record, JAVA_BYTE, struct.member("data").offset(), value, 0, value.length);
    return new Evicted(
        record.get(JAVA_INT, struct.member("way").offset()),
        record.get(JAVA_INT, struct.member("version").offset()),
        new String(value, ISO_8859_1));
  }

  /** What was handed to user space since the last time. */
  private static List<Evicted> evicted() {
    EVICTED.clear();
    ring.consume();
    return List.copyOf(EVICTED);
  }

  /** User space says that it has written something, or has failed to. */
  private void written(Evicted what, boolean isStored) {
    BTFLayout.Struct struct = layout.struct("dint_written");
    try (Arena call = Arena.ofConfined()) {
      MemorySegment done = call.allocate(struct.size());
      done.set(JAVA_INT, struct.member("way").offset(), what.way());
      done.set(JAVA_INT, struct.member("version").offset(), what.version());
      done.set(JAVA_INT, struct.member("is_stored").offset(), isStored ? 1 : 0);
      program.testRun("dint_written").run(done, 1);
    }
  }

  private void goesUp(Frame request) {
    assertThat(dint.send(door, request))
        .isEqualTo(new KvSession.Outcome(PacketDoor.Verdict.UP, request));
  }

  private void goesUp(String request) {
    goesUp(Frame.request(request));
  }

  private void isAnswered(String text, String reply) {
    Frame request = Frame.request(text);
    assertThat(dint.send(door, request))
        .isEqualTo(new KvSession.Outcome(PacketDoor.Verdict.REPLY, request.reply(reply)));
  }

  /** Makes all four slots dirty: keys a to d, each with itself as value. */
  private void fill() {
    for (String key : List.of("a", "b", "c", "d")) {
      isAnswered(set(key, key), STORED);
    }
  }

  /** The longest value that has room beside a key. */
  private int valueMax(int keyLength) {
    return slot - Math.max(0, (keyLength + 7) / 8 * 8 - 40);
  }

  @Test
  void whatWasNeverStoredIsKnownNotToBe() {
    isAnswered(get("k"), END);
    assertThat(evicted()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 8, 9, 16, 39, 40, 41, 48, 100, 250})
  void aValueThatFitsIsStoredAndReadWithItsFlags(int keyLength) {
    String key = key(keyLength);
    int most = valueMax(keyLength);
    for (int length : new int[] {0, 1, 7, 8, 9, most - 1, most}) {
      if (length >= 0 && length <= most) {
        isAnswered(set(key, "4294967295", "0", value(length)), STORED);
        isAnswered(get(key), hit(key, -1, value(length)));
      }
    }
    goesUp(set(key, value(Math.max(0, most + 1))));
  }

  @Test
  void keysOfOneBeginningAreToldApart() {
    String value = value(8);
    int shorter = Math.min(249, 40 + slot - 8 - 1);
    isAnswered(set(key(shorter), value), STORED);
    isAnswered(set(key(shorter) + "x", "other"), STORED);
    isAnswered(set("k", "short"), STORED);
    isAnswered(get(key(shorter)), hit(key(shorter), 0, value));
    isAnswered(get(key(shorter) + "x"), hit(key(shorter) + "x", 0, "other"));
    isAnswered(get("k"), hit("k", 0, "short"));
  }

  @Test
  void keysOfOneTagAreToldApart() {
    List<String> keys = BaselinePrograms.keysOfOneHash(hash -> (int) (hash >>> 32));
    isAnswered(set(keys.get(0), "a"), STORED);
    isAnswered(set(keys.get(1), "b"), STORED);
    isAnswered(get(keys.get(0)), hit(keys.get(0), 0, "a"));
    isAnswered(get(keys.get(1)), hit(keys.get(1), 0, "b"));
  }

  @Test
  void noreplyIsSilent() {
    assertThat(dint.send(door, Frame.request(setNoreply("k", "v"))).verdict())
        .isEqualTo(PacketDoor.Verdict.SILENT);
    isAnswered(get("k"), hit("k", 0, "v"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "get a b\r\n",
        "gets k\r\n",
        "delete k\r\n",
        "set k 0 0 2\r\nabc\r\n",
        "set k 0 0 1\r\naXY",
        "get k\r\nget k\r\n",
        "set k 0 0 1 noreplX\r\na\r\n",
        "set k 0 0\r\n\r\n",
        "set k 4294967296 0 1\r\na\r\n",
        "set k 0 100 1\r\na\r\n"
      })
  void otherRequestsAreMemcacheds(String text) {
    goesUp(text);
  }

  @Test
  void aLargerItemIsMemcacheds() {
    goesUp(set("k", value(slot + 1)));
    goesUp(get("k"));
  }

  @Test
  void whatWasThereIsReadUntilMemcachedHasTheLarger() {
    isAnswered(set("k", "small"), STORED);
    Frame larger = Frame.request(set("k", value(slot + 1)));
    goesUp(larger);
    isAnswered(get("k"), hit("k", 0, "small"));
    assertThat(dint.goesOut(larger.set16(Frame.REQUEST_ID, 1).reply(STORED))).isTrue();
    assertThat(dint.goesOut(larger.reply("SERVER_ERROR object too large for cache\r\n"))).isTrue();
    isAnswered(get("k"), hit("k", 0, "small"));
    assertThat(dint.goesOut(larger.reply(STORED))).isTrue();
    goesUp(get("k"));
  }

  @Test
  void aSmallerValueAfterALargerIsTheValue() {
    isAnswered(set("k", "small"), STORED);
    Frame larger = Frame.request(set("k", value(slot + 1)));
    goesUp(larger);
    isAnswered(set("k", "again"), STORED);
    assertThat(dint.goesOut(larger.reply(STORED))).isTrue();
    isAnswered(get("k"), hit("k", 0, "again"));
  }

  @Test
  void aLargerValueWithoutReplyIsTheValueAtOnce() {
    isAnswered(set("k", "small"), STORED);
    goesUp(setNoreply("k", value(slot + 1)));
    goesUp(get("k"));
  }

  @Test
  void aFullBucketHandsOneItemOverAndKeepsItUntilItIsWritten() {
    fill();
    goesUp(set("e", "e"));
    goesUp(set("e", "e")); // no second item while the first is on its way
    List<Evicted> handed = evicted();
    assertThat(handed).hasSize(1);
    String victim = handed.getFirst().value();
    isAnswered(get(victim), hit(victim, 0, victim));

    written(handed.getFirst(), true);
    isAnswered(get(victim), hit(victim, 0, victim));
    isAnswered(set("e", "new"), STORED);
    isAnswered(get("e"), hit("e", 0, "new"));
    goesUp(get(victim));
    Stream.of("a", "b", "c", "d")
        .filter(key -> !key.equals(victim))
        .forEach(key -> isAnswered(get(key), hit(key, 0, key)));
  }

  @Test
  void whatIsOverwrittenWhileItIsWrittenStays() {
    fill();
    goesUp(set("e", "e"));
    Evicted handed = evicted().getFirst();
    isAnswered(set(handed.value(), "later"), STORED);
    written(handed, true);
    goesUp(set("e", "e"));
    isAnswered(get(handed.value()), hit(handed.value(), 0, "later"));
  }

  @Test
  void whatIsHandedOverAgainWaitsForItsOwnAnswer() {
    fill();
    goesUp(set("e", "e"));
    Evicted first = evicted().getFirst();
    isAnswered(set(first.value(), "later"), STORED);
    Evicted again = first;
    while (again.way() != first.way() || again.version() == first.version()) {
      goesUp(set("e", "e"));
      again = evicted().getFirst();
      if (again.way() != first.way()) {
        written(again, false); // the next one is another
      }
    }
    written(first, true);
    goesUp(set("e", "e"));
    written(again, true);
    isAnswered(set("e", "e"), STORED);
  }

  @Test
  void whatCouldNotBeWrittenStays() {
    fill();
    goesUp(set("e", "e"));
    Evicted handed = evicted().getFirst();
    written(handed, false);
    goesUp(set("e", "e"));
    isAnswered(get(handed.value()), hit(handed.value(), 0, handed.value()));
    assertThat(evicted()).hasSize(1);
  }

  @Test
  void aLargerValueOfAnItemOnItsWayIsRejected() {
    fill();
    goesUp(set("e", "e"));
    String victim = evicted().getFirst().value();
    isAnswered(set(victim, value(slot + 1)), BUSY);
    isAnswered(get(victim), hit(victim, 0, victim));
  }

  @Test
  void anItemWithALargerValueOnItsWayIsNotHandedOver() {
    fill();
    for (String key : List.of("a", "b", "c", "d")) {
      goesUp(set(key, value(slot + 1)));
    }
    goesUp(set("e", "e"));
    assertThat(evicted()).isEmpty();
  }

  @Test
  void aReplyOfMemcachedsIsLearned() {
    goesUp(set("k", value(slot + 1)));
    Frame request = Frame.request(get("k"));
    goesUp(request);
    assertThat(dint.goesOut(request.reply(hit("k", 3, value(slot))))).isTrue();
    isAnswered(get("k"), hit("k", 3, value(slot)));
  }

  @Test
  void aReplyThatASetHasOvertakenIsNotLearned() {
    Frame request = Frame.request(get("k"));
    goesUp(set("k", value(slot + 1)));
    goesUp(request);
    goesUp(set("k", value(slot + 1)));
    assertThat(dint.goesOut(request.reply(hit("k", 0, "old")))).isTrue();
    goesUp(request);
    isAnswered(set("k", "new"), STORED);
    assertThat(dint.goesOut(request.reply(hit("k", 0, "old")))).isTrue();
    isAnswered(get("k"), hit("k", 0, "new"));
  }

  @Test
  void onlyTheReplyToTheLastGetIsLearned() {
    goesUp(set("k", value(slot + 1)));
    Frame first = Frame.request(get("k"));
    goesUp(first);
    goesUp(first.set16(Frame.REQUEST_ID, 7));
    assertThat(dint.goesOut(first.reply(hit("k", 0, "old")))).isTrue();
    goesUp(first);
  }

  @Test
  void whatIsLearnedTakesTheSlotOfWhatIsWrittenAndOfNothingElse() {
    fill();
    goesUp(set("e", "e"));
    Evicted handed = evicted().getFirst();
    Frame request = Frame.request(get("e"));
    goesUp(request);
    assertThat(dint.goesOut(request.reply(hit("e", 0, "e")))).isTrue();
    goesUp(request);
    written(handed, true);
    assertThat(dint.goesOut(request.reply(hit("e", 0, "e")))).isTrue();
    isAnswered(get("e"), hit("e", 0, "e"));
    goesUp(get(handed.value()));
  }

  @Test
  void aBucketThatAnotherHoldsRejects() {
    isAnswered(set("k", "v"), STORED);
    MemorySegment cache = program.mmap("dint_cache");
    long lock = layout.struct("dint_bucket").member("lock").offset();
    cache.set(JAVA_INT, lock, 1);
    isAnswered(set("k", "longer-than-the-reply"), BUSY);
    isAnswered(get("k"), BUSY);
    cache.set(JAVA_INT, lock, 0);
    isAnswered(get("k"), hit("k", 0, "v"));
  }
}
