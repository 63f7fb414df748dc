package org.kerbykv.bpf.programs;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToLongFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the doors of packets are to do, a second time and in plain Java: which frames they take, and
 * what they answer. Knows no blocks, no entries and no room.
 */
final class RequestModel {
  private static final String KEY = "([^\\x00\n\r ]{1,250})";
  private static final String NUMBER = " ([0-9]{1,11})";
  private static final String END_OF_LINE = "( noreply)?\r\n";
  private static final Pattern GET = pattern("(gets?) " + KEY + "\r\n");
  private static final Pattern SET =
      pattern("set " + KEY + NUMBER + NUMBER + NUMBER + END_OF_LINE + "(.*)\r\n");
  private static final Pattern DELETE = pattern("delete " + KEY + END_OF_LINE);
  private static final Pattern TOUCH = pattern("touch " + KEY + NUMBER + END_OF_LINE);

  private static final long EXPTIME_MAX = 0x7fff_ffffL;
  private static final long SOON = 10_000; // seconds
  private static final long MONTH = 60 * 60 * 24 * 30;

  private final KvConfig config;
  private final ToLongFunction<String> casOf;
  private final Map<String, Item> items = new HashMap<>();
  private final List<Long> dropped = new ArrayList<>();

  /** What is stored under a key. */
  sealed interface Item {
    /** A value in the kernel. */
    record Kernel(long flags, String value) implements Item {}

    /** A value in user space. */
    record User(long token) implements Item {}

    /** One that nobody sees any more, of either tier; its memory is still in use. */
    record Expired(Item was) implements Item {}
  }

  /**
   * What comes of a frame that is taken.
   *
   * @param reply empty if there is none
   */
  record Answer(Optional<String> reply) {}

  /**
   * An empty store.
   *
   * @param casOf tells the version of a key, which is not predicted
   */
  RequestModel(KvConfig config, ToLongFunction<String> casOf) {
    this.config = config;
    this.casOf = casOf;
  }

  Map<String, Item> items() {
    return items;
  }

  /** The tokens of user-tier values that packets superseded, since the last time. */
  List<Long> takeDropped() {
    List<Long> tokens = List.copyOf(dropped);
    dropped.clear();
    return tokens;
  }

  /** User space moves a key's value to its tier, which it needs no token reported for. */
  void setUser(String key, long token) {
    items.put(key, new Item.User(token));
  }

  /** Whether an item would expire while a test runs: what is seen then depends on the clock. */
  static boolean expiresSoon(PacketDoor door, Frame frame) {
    String text = FrameCheck.text(door, frame).orElse("");
    Matcher set = SET.matcher(text);
    Matcher touch = TOUCH.matcher(text);
    long exptime =
        set.matches()
            ? Long.parseLong(set.group(3))
            : touch.matches() ? Long.parseLong(touch.group(2)) : 0;
    long fromNow =
        exptime <= MONTH ? exptime : exptime - KvStore.UNIX_MINUS_BOOT - KvStore.bootSeconds();
    return exptime != 0 && Math.abs(fromNow) < SOON;
  }

  /** The answer to a frame; empty if it goes up and nothing changes. */
  Optional<Answer> answer(PacketDoor door, Frame frame) {
    return FrameCheck.text(door, frame).flatMap(this::answer);
  }

  private Optional<Answer> answer(String text) {
    Matcher get = GET.matcher(text);
    if (get.matches()) {
      return get(get.group(2), get.group(1).equals("gets"));
    }
    Matcher set = SET.matcher(text);
    if (set.matches()) {
      return set(set);
    }
    Matcher delete = DELETE.matcher(text);
    if (delete.matches()) {
      boolean found = drop(delete.group(1));
      return reply(found ? MemcachedText.DELETED : MemcachedText.NOT_FOUND, delete.group(2));
    }
    Matcher touch = TOUCH.matcher(text);
    if (touch.matches() && Long.parseLong(touch.group(2)) <= EXPTIME_MAX) {
      return touch(touch);
    }
    return Optional.empty();
  }

  private Optional<Answer> get(String key, boolean withCas) {
    return switch (items.get(key)) {
      case null -> reply(MemcachedText.END, null);
      case Item.Expired _ -> reply(MemcachedText.END, null);
      case Item.User _ -> Optional.empty();
      case Item.Kernel(long flags, String value) -> {
        String cas = withCas ? " " + casOf.applyAsLong(key) : "";
        String reply = hit(key, flags, value, cas);
        yield fits(reply) ? reply(reply, null) : Optional.empty();
      }
    };
  }

  private Optional<Answer> set(Matcher set) {
    String key = set.group(1);
    long flags = Long.parseLong(set.group(2));
    long exptime = Long.parseLong(set.group(3));
    String value = set.group(6);
    if (flags > 0xffff_ffffL
        || exptime > EXPTIME_MAX
        || Long.parseLong(set.group(4)) != value.length()
        || !fits(hit(key, flags, value, ""))) {
      return Optional.empty();
    }
    drop(key);
    Item item = new Item.Kernel(flags, value);
    items.put(key, lives(exptime) ? item : new Item.Expired(item));
    return reply(MemcachedText.STORED, set.group(5));
  }

  private Optional<Answer> touch(Matcher touch) {
    String key = touch.group(1);
    Item item = items.get(key);
    if (item == null || item instanceof Item.Expired) {
      return reply(MemcachedText.NOT_FOUND, touch.group(3));
    }
    if (!lives(Long.parseLong(touch.group(2)))) {
      items.put(key, new Item.Expired(item));
    }
    return reply("TOUCHED\r\n", touch.group(3));
  }

  /** Whether there was an item that had not expired. */
  private boolean drop(String key) {
    Item old = items.remove(key);
    if ((old instanceof Item.Expired(Item was) ? was : old) instanceof Item.User(long token)) {
      dropped.add(token);
    }
    return old != null && !(old instanceof Item.Expired);
  }

  private boolean fits(String reply) {
    return 8 + reply.length() <= config.datagramMax();
  }

  private static boolean lives(long exptime) {
    return exptime <= MONTH || exptime - KvStore.UNIX_MINUS_BOOT > KvStore.bootSeconds();
  }

  private static String hit(String key, long flags, String value, String cas) {
    return "VALUE %s %d %d%s\r\n%s\r\nEND\r\n".formatted(key, flags, value.length(), cas, value);
  }

  private static Optional<Answer> reply(String text, String noreply) {
    return Optional.of(new Answer(noreply == null ? Optional.of(text) : Optional.empty()));
  }

  private static Pattern pattern(String regex) {
    return Pattern.compile(regex, Pattern.DOTALL);
  }
}
