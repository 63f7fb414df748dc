package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * A frame, the store it meets, and all that is to come of it: the verdict, the frame as it leaves,
 * to the byte, what is counted, which user-tier values are dropped, and what the store holds then.
 * The same through both doors of packets.
 *
 * <p>A frame that goes up, and one that gets, is to leave the store as it was.
 */
final class PacketFixture {
  private final String description;
  private Consumer<KvStore> given = _ -> {};
  private Function<Headers, Frame> frame;
  private boolean ordinary;
  private PacketDoor.Verdict verdict;
  private Function<Frame, Optional<Frame>> out = _ -> Optional.empty();
  private final Map<Count, Integer> counts = new HashMap<>();
  private UnaryOperator<Contents> compared = UnaryOperator.identity();
  private boolean mayCountAsPassed;
  private List<Long> dropped = List.of();
  private Check then = (_, _, _) -> {};

  private record Count(KvAbi.CountedOp op, KvAbi.CountedResult result) {}

  /** What else has to hold afterwards. */
  @FunctionalInterface
  interface Check {
    /**
     * Fails unless it holds.
     *
     * @param before what the store held before the frame came
     * @param after and what it holds now
     */
    void check(KvStore store, Contents before, Contents after);
  }

  private PacketFixture(String description) {
    this.description = description;
  }

  static PacketFixture fixture(String description) {
    return new PacketFixture(description);
  }

  /** Puts the store, which is empty, into the state that the frame finds. */
  PacketFixture given(Consumer<KvStore> state) {
    given = state;
    return this;
  }

  /** The frame is this one, whatever headers are asked for. */
  PacketFixture frame(Frame in) {
    frame = _ -> in;
    return this;
  }

  /** The frame is an ordinary request. */
  PacketFixture request(String text) {
    frame = headers -> Frame.request(headers, text);
    ordinary = true;
    return this;
  }

  /** Whether it has an ordinary request, which may come with any headers. */
  boolean isOrdinary() {
    return ordinary;
  }

  /** It comes back as a reply with this text. */
  PacketFixture replies(String text) {
    verdict = PacketDoor.Verdict.REPLY;
    out = in -> Optional.of(in.reply(text));
    return this;
  }

  /** It goes up as it came. */
  PacketFixture goesUp() {
    verdict = PacketDoor.Verdict.UP;
    out = Optional::of;
    return this;
  }

  /** It goes up as it came, but may have set the exptime of items that it names. */
  PacketFixture goesUpHavingTouched() {
    compared = Contents::untimed;
    return goesUp();
  }

  /** It is taken, and nothing comes back. */
  PacketFixture isSilent() {
    verdict = PacketDoor.Verdict.SILENT;
    return this;
  }

  /** This counter of the door's moves by one; those that are not named do not. */
  PacketFixture counted(KvAbi.CountedOp op, KvAbi.CountedResult result) {
    return counted(op, result, 1);
  }

  PacketFixture counted(KvAbi.CountedOp op, KvAbi.CountedResult result, int times) {
    counts.put(new Count(op, result), times);
    return this;
  }

  /** It may be counted as passed on, once, whatever the operation is taken for. */
  PacketFixture mayCountAsPassed() {
    mayCountAsPassed = true;
    return this;
  }

  /** These values of the user tier are reported superseded. */
  PacketFixture drops(Long... tokens) {
    dropped = List.of(tokens);
    return this;
  }

  PacketFixture then(Check check) {
    then = check;
    return this;
  }

  /** As {@link #then}, of a store in which last_access may have changed. */
  PacketFixture thenWithAccess(Check check) {
    compared = Contents::unaccessed;
    return then(check);
  }

  String description() {
    return description;
  }

  /** Its frame, behind these headers. */
  Frame frame(Headers headers) {
    return frame.apply(headers);
  }

  /** Runs it. */
  void run(KvStore store, PacketDoor door, Headers headers) {
    Frame in = frame.apply(headers);
    store.clear();
    given.accept(store);
    store.drainEvents();
    Contents before = Contents.of(store);
    long[] statsBefore = store.stats();

    KvSession.Outcome outcome = store.send(door, in);

    assertThat(outcome.verdict()).as("verdict").isEqualTo(verdict);
    out.apply(in).ifPresent(left -> assertThat(outcome.frame()).as("frame").isEqualTo(left));
    checkCounters(door, statsBefore, store.stats());
    assertThat(store.drainEvents()).as("tokens reported by kv_events").isEqualTo(dropped);
    Contents after = Contents.of(store);
    if (verdict == PacketDoor.Verdict.UP || isGet()) {
      assertThat(compared.apply(after))
          .as("what the store holds")
          .isEqualTo(compared.apply(before));
    }
    then.check(store, before, after);
    StoreAudit.check(store);
  }

  private boolean isGet() {
    return counts.keySet().stream().anyMatch(count -> count.op() == KvAbi.CountedOp.GET);
  }

  private void checkCounters(PacketDoor door, long[] before, long[] after) {
    for (KvAbi.Path path : KvAbi.Path.values()) {
      for (KvAbi.CountedOp op : KvAbi.CountedOp.values()) {
        for (KvAbi.CountedResult result : KvAbi.CountedResult.values()) {
          int counter = KvStore.counter(path, op, result);
          int expected = path == door.path ? counts.getOrDefault(new Count(op, result), 0) : 0;
          int most =
              mayCountAsPassed && path == door.path && result == KvAbi.CountedResult.PASSED
                  ? 1
                  : expected;
          assertThat(after[counter] - before[counter])
              .as("counted as %s %s %s", path, op, result)
              .isBetween((long) expected, (long) most);
        }
      }
    }
  }
}
