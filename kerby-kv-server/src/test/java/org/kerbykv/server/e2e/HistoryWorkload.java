package org.kerbykv.server.e2e;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.kerbykv.server.e2e.RecordingClient.Spelling;
import org.kerbykv.server.e2e.RecordingClient.Way;
import org.kerbykv.server.history.Operation;
import org.kerbykv.server.history.Reply.Status;
import org.kerbykv.server.history.Request;
import org.kerbykv.server.history.Request.Verb;
import org.kerbykv.server.history.Value;

/**
 * What one client does to the keys that all share: mostly to a few of them. Values go from nothing
 * to more than a datagram, so that they move between the tiers; items expire.
 *
 * <p>Keys are of three kinds. Registers are written as a whole, and have all faults. Lists are
 * appended to, and counters counted up, over ways that lose nothing: what nobody saw happen to them
 * would make too many values possible.
 */
final class HistoryWorkload {
  private static final int REGISTERS = 240;
  private static final int LISTS = 30;
  private static final int COUNTERS = 30;
  private static final int HOT = 12;

  private static final String HOT_REGISTER = "hot-register";
  private static final String HOT_LIST = "hot-list";

  /** Of many blocks, and still a frame's. */
  private static final int HOT_LENGTH = 1250;

  /** Too long for a datagram's reply, and yet no great load. */
  private static final int LARGE_MAX = 6000;

  private static final int LARGE_TCP_MAX = 60_000;

  private final RecordingClient client;
  private final int number;
  private final List<Way> faulty;
  private final List<Way> faultless;
  private final SplittableRandom random;
  private final boolean expiring;

  /** The versions that this client has seen last. */
  private final Map<String, Long> versions = new HashMap<>();

  private long values;

  /**
   * Prepares a client.
   *
   * @param number of the client, from 0
   * @param faulty ways that may lose, repeat and delay
   * @param faultless ways that do not, UDP first
   * @param random all that it does follows from it
   * @param expiring whether items have exptimes
   */
  HistoryWorkload(
      int number,
      List<Way> faulty,
      List<Way> faultless,
      SplittableRandom random,
      boolean expiring) {
    this.client = new RecordingClient(number);
    this.number = number;
    this.faulty = faulty;
    this.faultless = faultless;
    this.random = random;
    this.expiring = expiring;
  }

  static List<String> keys() {
    List<String> keys = new ArrayList<>();
    for (int i = 0; i < REGISTERS; i++) {
      keys.add("register" + i);
    }
    for (int i = 0; i < LISTS; i++) {
      keys.add("list" + i);
    }
    for (int i = 0; i < COUNTERS; i++) {
      keys.add("counter" + i);
    }
    keys.add(HOT_REGISTER);
    keys.add(HOT_LIST);
    return keys;
  }

  List<Operation> recorded() {
    return client.recorded();
  }

  /** Does so many operations. */
  void run(int operations) {
    for (int i = 0; i < operations; i++) {
      switch (random.nextInt(10)) {
        case 0 -> list("list" + random.nextInt(LISTS));
        case 1 -> count("counter" + random.nextInt(COUNTERS));
        default -> register("register" + random.nextInt(random.nextBoolean() ? HOT : REGISTERS));
      }
    }
  }

  /** Stores this client's share of the registers: all of them are more than the kernel can hold. */
  void fill(int clients) {
    for (int i = number; i < REGISTERS; i += clients) {
      String key = "register" + i;
      byte[] value = StampedValue.make(key, number, values++, 1000 + random.nextInt(300));
      send(anyOf(faultless), key, Request.store(Verb.SET, Value.of(value), 0, 0), value);
    }
  }

  /**
   * Does so many operations on two keys that all clients are at, so that doors meet in the middle
   * of each other: values of one length, which are overwritten in place, and one that is appended
   * to.
   */
  void contend(int operations) {
    for (int i = 0; i < operations; i++) {
      if (random.nextInt(3) == 0) {
        list(HOT_LIST);
      } else {
        contendInTheKernel();
      }
    }
  }

  private void contendInTheKernel() {
    Spelling spelling = random.nextBoolean() ? Spelling.PLAIN : Spelling.META;
    Way udp = faultless.getFirst();
    if (random.nextBoolean()) {
      boolean withVersion = random.nextBoolean();
      client.send(udp, spelling, HOT_REGISTER, Request.of(Verb.GET), new byte[0], withVersion);
    } else {
      byte[] value = StampedValue.make(HOT_REGISTER, number, values++, HOT_LENGTH);
      Request set = Request.store(Verb.SET, Value.of(value), 0, 0);
      client.send(udp, spelling, HOT_REGISTER, set, value, false);
    }
  }

  /** Reads every key once, each by each way that loses nothing. */
  void readAll() {
    for (String key : keys()) {
      for (Way way : faultless) {
        read(way, key, Request.of(Verb.GET));
      }
    }
  }

  private Way anyWay() {
    return random.nextInt(5) < 2 ? anyOf(faulty) : anyOf(faultless);
  }

  private Way anyOf(List<Way> ways) {
    return ways.get(random.nextInt(ways.size()));
  }

  private void register(String key) {
    Way way = anyWay();
    switch (random.nextInt(20)) {
      case 0, 1, 2, 3, 4, 5, 6 -> read(way, key, Request.of(Verb.GET));
      case 7 -> read(way, key, Request.touch(Verb.GET_AND_TOUCH, exptime()));
      case 8, 9, 10, 11, 12 -> store(way, Verb.SET, key, valueFor(way, key));
      case 13 -> store(way, Verb.ADD, key, valueFor(way, key));
      case 14 -> store(way, Verb.REPLACE, key, valueFor(way, key));
      case 15, 16 -> compareAndSet(way, key);
      case 17 -> send(way, key, Request.touch(Verb.TOUCH, exptime()), new byte[0]);
      default -> send(way, key, Request.of(Verb.DELETE), new byte[0]);
    }
  }

  private void list(String key) {
    Way way = anyOf(faultless);
    switch (random.nextInt(12)) {
      case 0, 1, 2, 3 -> read(way, key, Request.of(Verb.GET));
      case 4, 5, 6 -> store(way, Verb.APPEND, key, value(key, 200));
      case 7, 8, 9 -> store(way, Verb.PREPEND, key, value(key, 200));
      case 10 -> send(way, key, Request.of(Verb.DELETE), new byte[0]);
      default -> store(way, Verb.SET, key, value(key, 200));
    }
  }

  private void count(String key) {
    Way way = anyOf(faultless);
    switch (random.nextInt(8)) {
      case 0, 1 -> read(way, key, Request.of(Verb.GET));
      case 2 -> store(way, Verb.ADD, key, Requests.bytes("10"));
      case 3 -> store(way, Verb.SET, key, Requests.bytes(Long.toString(random.nextLong(1L << 40))));
      default -> send(way, key, Request.incr(1 + random.nextInt(99)), new byte[0]);
    }
  }

  private void compareAndSet(Way way, String key) {
    Long version = versions.get(key);
    if (version == null || random.nextInt(3) == 0) {
      read(way, key, Request.of(Verb.GET));
      version = versions.get(key);
    }
    if (version != null) {
      byte[] value = valueFor(way, key);
      send(way, key, Request.cas(Value.of(value), flags(), exptime(), version), value);
    }
  }

  private void store(Way way, Verb verb, String key, byte[] value) {
    boolean joins = verb == Verb.APPEND || verb == Verb.PREPEND;
    Request request =
        Request.store(verb, Value.of(value), joins ? 0 : flags(), joins ? 0 : exptime());
    send(way, key, request, value);
  }

  private void read(Way way, String key, Request request) {
    Operation operation =
        client.send(way, spelling(), key, request, new byte[0], random.nextInt(3) == 0);
    if (operation.reply().status() == Status.HIT && operation.reply().number() != 0) {
      versions.put(key, operation.reply().number());
    }
  }

  private void send(Way way, String key, Request request, byte[] value) {
    client.send(way, spelling(), key, request, value, false);
  }

  private Spelling spelling() {
    return switch (random.nextInt(8)) {
      case 0 -> Spelling.SPACED;
      case 1, 2, 3 -> Spelling.META;
      default -> Spelling.PLAIN;
    };
  }

  private long flags() {
    return random.nextInt(4) == 0 ? random.nextInt() & 0xffff_ffffL : 0;
  }

  private int exptime() {
    if (!expiring) {
      return 0;
    }
    return switch (random.nextInt(12)) {
      case 0, 1 -> 1;
      case 2 -> 2;
      case 3 -> 1000;
      case 4 -> -1;
      default -> 0;
    };
  }

  private byte[] valueFor(Way way, String key) {
    return switch (random.nextInt(12)) {
      case 0 -> value(key, 0);
      case 1, 2 -> value(key, 400);
      case 3, 4, 5, 6, 7 -> value(key, 1340);
      // Around the longest that the kernel keeps.
      case 8 -> StampedValue.make(key, number, values++, 1340 + random.nextInt(60));
      case 9, 10 -> value(key, LARGE_MAX);
      default -> value(key, way instanceof TcpWay ? LARGE_TCP_MAX : LARGE_MAX);
    };
  }

  /** Returns one of at most that many bytes. */
  private byte[] value(String key, int lengthMax) {
    int length =
        lengthMax == 0
            ? 0
            : StampedValue.LENGTH_MIN + random.nextInt(lengthMax - StampedValue.LENGTH_MIN);
    return StampedValue.make(key, number, values++, length);
  }
}
