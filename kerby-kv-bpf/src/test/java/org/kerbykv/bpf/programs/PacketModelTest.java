package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.From;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.Tuple;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/**
 * Any sequence of requests, good ones and damaged ones, through both doors of packets, is answered
 * as the model answers it. A good request that the model answers is answered here; a damaged one
 * is, or goes up unchanged.
 */
@AddLifecycleHook(SkipWithoutBPF.class)
class PacketModelTest {
  private static final List<String> KEYS =
      List.of(
          "a", "b", "a\u00e9\u0001\t\u001f\u007f", MemcachedText.key(33), MemcachedText.key(250));

  private static KvStore store;

  private static final RequestModel.Unpredicted UNPREDICTED =
      new RequestModel.Unpredicted() {
        @Override
        public long cas(String key) {
          return store.entry(key).cas();
        }

        @Override
        public boolean fetched(String key) {
          return store.entry(key).fetched() != 0;
        }

        @Override
        public long lastVersion() {
          return store.nextVersion();
        }
      };

  @BeforeContainer
  static void load() {
    store = new KvStore(KvConfig.of(32).withCapacity(1024));
  }

  @AfterContainer
  static void unload() {
    store.close();
  }

  /**
   * A request on its way in.
   *
   * @param moved a key whose value user space takes first, if any
   */
  record Step(
      String text,
      PacketDoor door,
      Headers headers,
      Checksum checksum,
      Damage damage,
      Optional<String> moved) {}

  /** What the UDP header has. */
  enum Checksum {
    NONE,
    PARTIAL,
    RIGHT
  }

  /** What befalls a frame on its way. */
  sealed interface Damage {
    record None() implements Damage {}

    /** One byte is another. */
    record Altered(double place, int value, boolean ipChecksum) implements Damage {}

    /** A byte of text is lost, and the lengths agree. */
    record Lost(double place) implements Damage {}

    /** A byte of text has come in, and the lengths agree. */
    record Added(double place, char value) implements Damage {}

    record Truncated(double place) implements Damage {}

    record Padded(int bytes) implements Damage {}
  }

  @Provide
  Arbitrary<Step> steps() {
    Arbitrary<Optional<String>> moved =
        Arbitraries.frequencyOf(
            Tuple.of(9, Arbitraries.just(Optional.empty())),
            Tuple.of(1, Arbitraries.of(KEYS).map(Optional::of)));
    return Combinators.combine(
            texts(),
            Arbitraries.of(PacketDoor.class),
            Arbitraries.of(Headers.class),
            Arbitraries.of(Checksum.class),
            damages(),
            moved)
        .as(Step::new);
  }

  private static Arbitrary<String> texts() {
    Arbitrary<String> key = Arbitraries.of(KEYS);
    Arbitrary<String> noreply = Arbitraries.of("", "", "", " noreply");
    Arbitrary<String> exptime = Arbitraries.of("0", "1000000", "2592001", "2000000000");
    Arbitrary<Long> flags = Arbitraries.longs().between(0, 0xffff_ffffL);
    Arbitrary<String> value =
        Arbitraries.oneOf(
                Arbitraries.integers().between(0, 70), Arbitraries.integers().between(0, 1420))
            .map(MemcachedText::value);
    Arbitrary<String> keys =
        key.list().ofMinSize(1).ofMaxSize(5).map(list -> " " + String.join(" ", list));
    return Arbitraries.oneOf(
        keys.map(k -> "get" + k + "\r\n"),
        keys.map(k -> "gets" + k + "\r\n"),
        Combinators.combine(exptime, keys).as((e, k) -> "gat " + e + k + "\r\n"),
        Combinators.combine(exptime, keys).as((e, k) -> "gats " + e + k + "\r\n"),
        Combinators.combine(key, metaFlags("cfhklqsvO_T_Z")).as((k, f) -> "mg " + k + f + "\r\n"),
        Combinators.combine(key, metaFlags("kqO_C_I")).as((k, f) -> "md " + k + f + "\r\n"),
        Combinators.combine(key, value, metaFlags("ckqO_C_F_T_M_E_"))
            .as((k, v, f) -> "ms " + k + " " + v.length() + f + "\r\n" + v + "\r\n"),
        Combinators.combine(key, flags, exptime, noreply, value)
            .as(
                (k, f, e, n, v) ->
                    "set " + k + " " + f + " " + e + " " + v.length() + n + "\r\n" + v + "\r\n"),
        Combinators.combine(key, noreply).as((k, n) -> "delete " + k + n + "\r\n"),
        Combinators.combine(key, noreply).as((k, n) -> "touch " + k + " 2000000000" + n + "\r\n"));
  }

  /** Some flags of those letters, which a _ follows if they have an argument. */
  private static Arbitrary<String> metaFlags(String letters) {
    List<Arbitrary<String>> flags = new ArrayList<>();
    for (int i = 0; i < letters.length(); i++) {
      if (letters.charAt(i) != '_') {
        boolean hasArgument = i + 1 < letters.length() && letters.charAt(i + 1) == '_';
        flags.add(hasArgument ? argument(letters.charAt(i)) : constant(letters.charAt(i)));
      }
    }
    return Arbitraries.oneOf(flags).list().ofMaxSize(5).map(list -> String.join("", list));
  }

  private static Arbitrary<String> constant(char letter) {
    return Arbitraries.just(" " + letter);
  }

  private static Arbitrary<String> argument(char letter) {
    Arbitrary<String> arguments =
        switch (letter) {
          case 'O' -> Arbitraries.of("", "7", "opaque", "o".repeat(31), "o".repeat(32));
          case 'C' -> Arbitraries.integers().between(0, 30).map(Object::toString);
          case 'M' -> Arbitraries.of("S", "E", "R", "A", "");
          case 'T' -> Arbitraries.of("0", "1000000", "2592000", "2592001");
          default -> Arbitraries.of("0", "5", "4294967295", "4294967296");
        };
    return arguments.map(argument -> " " + letter + argument);
  }

  private static Arbitrary<Damage> damages() {
    Arbitrary<Double> place = Arbitraries.doubles().between(0, 1).ofScale(4);
    Arbitrary<Character> letter =
        Arbitraries.of(
            " \r\n0123456789abgetsdlonryp\0\u00ff".chars().mapToObj(c -> (char) c).toList());
    Arbitrary<Damage> some =
        Arbitraries.oneOf(
            Combinators.combine(
                    place, Arbitraries.integers().between(0, 255), Arbitraries.of(true, false))
                .as(Damage.Altered::new),
            place.map(Damage.Lost::new),
            Combinators.combine(place, letter).as(Damage.Added::new),
            place.map(Damage.Truncated::new),
            Arbitraries.integers().between(1, 100).map(Damage.Padded::new));
    return Arbitraries.oneOf(Arbitraries.just(new Damage.None()), some);
  }

  @Property(tries = 150, shrinking = ShrinkingMode.BOUNDED)
  void behavesAsTheModel(@ForAll @Size(max = 80) List<@From("steps") Step> steps) {
    store.clear();
    RequestModel model = new RequestModel(store.config(), UNPREDICTED);
    long token = 1;
    for (Step step : steps) {
      if (step.moved().isPresent()) {
        store.setUser(step.moved().get(), token, 5000);
        model.setUser(step.moved().get(), token++, 5000);
      }
      Frame frame = damaged(withChecksum(step), step.damage());
      if (!RequestModel.dependsOnClock(step.door(), frame)) {
        check(model, step.door(), frame);
      }
    }
    checkItems(model);
    StoreAudit.check(store);
  }

  private static void check(RequestModel model, PacketDoor door, Frame frame) {
    Contents before = Contents.of(store);
    Optional<RequestModel.Answer> expected = model.answer(door, frame);
    KvSession.Outcome outcome = store.send(door, frame);
    if (expected.isEmpty()) {
      assertThat(outcome).isEqualTo(new KvSession.Outcome(PacketDoor.Verdict.UP, frame));
      boolean touched = RequestModel.mayTouch(door, frame);
      UnaryOperator<Contents> compared = contents -> touched ? contents.untimed() : contents;
      assertThat(compared.apply(Contents.of(store))).isEqualTo(compared.apply(before));
    } else if (expected.get().reply().isEmpty()) {
      assertThat(outcome.verdict()).isEqualTo(PacketDoor.Verdict.SILENT);
    } else {
      Frame reply = frame.reply(expected.get().reply().get());
      assertThat(outcome).isEqualTo(new KvSession.Outcome(PacketDoor.Verdict.REPLY, reply));
    }
    assertThat(store.drainEvents()).isEqualTo(model.takeDropped());
  }

  private static void checkItems(RequestModel model) {
    assertThat(store.index()).hasSize(model.items().size());
    model
        .items()
        .forEach(
            (key, item) -> {
              KvSlot slot = store.get(key);
              switch (item) {
                case RequestModel.Item.Kernel(long flags, String value) -> {
                  assertThat(slot.value()).isEqualTo(value);
                  assertThat(Integer.toUnsignedLong(slot.flags())).isEqualTo(flags);
                }
                case RequestModel.Item.User(long token, long _, int _) ->
                    assertThat(slot.token()).isEqualTo(token);
                case RequestModel.Item.Expired _ ->
                    assertThat(slot.status()).isEqualTo(KvAbi.Status.MISS);
              }
            });
  }

  private static Frame withChecksum(Step step) {
    Frame frame = Frame.request(step.headers(), step.text());
    return switch (step.checksum()) {
      case NONE -> frame.set16(step.headers().udpChecksum, 0);
      case PARTIAL -> frame.withPartialUdpChecksum();
      case RIGHT -> frame.withUdpChecksum();
    };
  }

  private static Frame damaged(Frame frame, Damage damage) {
    return switch (damage) {
      case Damage.None() -> frame;
      case Damage.Altered(double place, int value, boolean ipChecksum) -> {
        Frame changed = frame.set8(at(place, 0, frame.length()), value);
        yield ipChecksum ? changed.withIpChecksum() : changed;
      }
      case Damage.Lost(double place) -> {
        String text = frame.text();
        int at = at(place, 0, text.length());
        yield Frame.request(frame.headers(), text.substring(0, at) + text.substring(at + 1));
      }
      case Damage.Added(double place, char value) -> {
        String text = frame.text();
        int at = at(place, 0, text.length());
        yield Frame.request(frame.headers(), text.substring(0, at) + value + text.substring(at));
      }
      case Damage.Truncated(double place) ->
          frame.truncated(at(place, frame.headers().udp, frame.length()));
      case Damage.Padded(int bytes) -> frame.padded(bytes);
    };
  }

  /** A place from {@code from} to {@code to} - 1; more often than not near the beginning. */
  private static int at(double place, int from, int to) {
    return from + (int) (place * place * (to - 1 - from));
  }
}
