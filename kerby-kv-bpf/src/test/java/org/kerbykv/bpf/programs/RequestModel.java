package org.kerbykv.bpf.programs;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the doors of packets are to do, a second time and in plain Java: which frames they take, and
 * what they answer. Knows no blocks, no entries and no room.
 */
final class RequestModel {
  private static final String KEY_PATTERN = "[^\\x00\n\r ]{1,250}";
  private static final String KEY = "(" + KEY_PATTERN + ")";
  private static final String KEYS = "((?: " + KEY_PATTERN + "){1,64})";
  private static final String NUMBER = " ([0-9]{1,11})";
  private static final String END_OF_LINE = "( noreply)?\r\n";
  private static final Pattern GET = pattern("(gets?)" + KEYS + "\r\n");
  private static final Pattern GAT = pattern("(gats?)" + NUMBER + KEYS + "\r\n");
  private static final Pattern SET =
      pattern("set " + KEY + NUMBER + NUMBER + NUMBER + END_OF_LINE + "(.*)\r\n");
  private static final Pattern DELETE = pattern("delete " + KEY + END_OF_LINE);
  private static final Pattern TOUCH = pattern("touch " + KEY + NUMBER + END_OF_LINE);

  private static final int LINE_MAX = 2048; // bytes of a line of several keys
  private static final long EXPTIME_MAX = 0x7fff_ffffL;
  private static final long SOON = 10_000; // seconds
  private static final long MONTH = 60 * 60 * 24 * 30;

  private final KvConfig config;
  private final Unpredicted unpredicted;
  private final MetaModel meta;
  private final Map<String, Item> items = new HashMap<>();
  private final List<Long> dropped = new ArrayList<>();

  /** What is stored under a key. */
  sealed interface Item {
    /** A value in the kernel. */
    record Kernel(long flags, String value) implements Item {}

    /** A value in user space, of so many bytes. */
    record User(long token, long flags, int length) implements Item {}

    /** One that nobody sees any more, of either tier; its memory is still in use. */
    record Expired(Item was) implements Item {}
  }

  /** What the model is told and does not know. */
  interface Unpredicted {
    /** The cas of an item. */
    long cas(String key);

    /** Whether an item was read since it was written. */
    boolean fetched(String key);

    /** The version given out last. */
    long lastVersion();
  }

  /**
   * What comes of a frame that is taken.
   *
   * @param reply empty if there is none
   */
  record Answer(Optional<String> reply) {}

  /** An empty store. */
  RequestModel(KvConfig config, Unpredicted unpredicted) {
    this.config = config;
    this.unpredicted = unpredicted;
    this.meta = new MetaModel(this, unpredicted);
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
  void setUser(String key, long token, int length) {
    items.put(key, new Item.User(token, 0, length));
  }

  /**
   * Whether what is seen depends on the clock: an item would expire while a test runs, or the time
   * to live is asked for.
   */
  static boolean dependsOnClock(PacketDoor door, Frame frame) {
    String text = FrameCheck.text(door, frame).orElse("");
    Matcher set = SET.matcher(text);
    Matcher touch = TOUCH.matcher(text);
    Matcher gat = GAT.matcher(text);
    long exptime =
        set.matches()
            ? Long.parseLong(set.group(3))
            : touch.matches()
                ? Long.parseLong(touch.group(2))
                : gat.matches() ? Long.parseLong(gat.group(2)) : 0;
    long fromNow =
        exptime <= MONTH ? exptime : exptime - KvStore.UNIX_MINUS_BOOT - KvStore.bootSeconds();
    return MetaModel.dependsOnClock(text) || (exptime != 0 && Math.abs(fromNow) < SOON);
  }

  /** Whether a frame that goes up may have given items another exptime. */
  static boolean mayTouch(PacketDoor door, Frame frame) {
    String text = FrameCheck.text(door, frame).orElse("");
    return text.startsWith("gat") || text.startsWith("mg ");
  }

  /** The answer to a frame; empty if it goes up and nothing changes. */
  Optional<Answer> answer(PacketDoor door, Frame frame) {
    return FrameCheck.isRefused(door, frame)
        ? Optional.of(new Answer(Optional.empty()))
        : FrameCheck.text(door, frame).flatMap(this::answer);
  }

  private Optional<Answer> answer(String text) {
    Matcher get = GET.matcher(text);
    if (get.matches()) {
      return get(keys(get.group(2)), get.group(1).equals("gets"), text.length());
    }
    Matcher gat = GAT.matcher(text);
    if (gat.matches()) {
      long exptime = Long.parseLong(gat.group(2));
      return exptime <= EXPTIME_MAX && lives(exptime)
          ? get(keys(gat.group(3)), gat.group(1).equals("gats"), text.length())
          : Optional.empty();
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
    return meta.answer(text);
  }

  private static List<String> keys(String words) {
    return Arrays.asList(words.substring(1).split(" "));
  }

  /** A gat gives exptimes, which are not kept here as long as they do not pass. */
  private Optional<Answer> get(List<String> keys, boolean withCas, int lineLength) {
    StringBuilder reply = new StringBuilder();
    for (String key : keys) {
      switch (items.get(key)) {
        case null -> {}
        case Item.Expired _ -> {}
        case Item.User _ -> {
          return Optional.empty();
        }
        case Item.Kernel(long flags, String value) -> {
          String cas = withCas ? " " + Long.toUnsignedString(unpredicted.cas(key)) : "";
          reply.append(hit(key, flags, value, cas));
        }
      }
    }
    reply.append(MemcachedText.END);
    boolean looksAt = keys.size() == 1 || lineLength <= LINE_MAX;
    return looksAt && fits(reply.toString()) ? reply(reply.toString(), null) : Optional.empty();
  }

  private Optional<Answer> set(Matcher set) {
    String key = set.group(1);
    long flags = Long.parseLong(set.group(2));
    long exptime = Long.parseLong(set.group(3));
    String value = set.group(6);
    if (flags > 0xffff_ffffL
        || exptime > EXPTIME_MAX
        || Long.parseLong(set.group(4)) != value.length()
        || !isStorable(key, flags, value)) {
      return Optional.empty();
    }
    store(key, flags, value, lives(exptime));
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

  /** Whether a get of the item would fit a datagram. */
  boolean isStorable(String key, long flags, String value) {
    return fits(hit(key, flags, value, "") + MemcachedText.END);
  }

  void store(String key, long flags, String value, boolean lives) {
    drop(key);
    Item item = new Item.Kernel(flags, value);
    items.put(key, lives ? item : new Item.Expired(item));
  }

  /** Removes an item; whether there was one that had not expired. */
  boolean drop(String key) {
    Item old = items.remove(key);
    if ((old instanceof Item.Expired(Item was) ? was : old)
        instanceof Item.User(long token, long _, int _)) {
      dropped.add(token);
    }
    return old != null && !(old instanceof Item.Expired);
  }

  boolean fits(String reply) {
    return 8 + reply.length() <= config.datagramMax();
  }

  private static boolean lives(long exptime) {
    return exptime <= MONTH || exptime - KvStore.UNIX_MINUS_BOOT > KvStore.bootSeconds();
  }

  private static String hit(String key, long flags, String value, String cas) {
    return "VALUE %s %d %d%s\r\n%s\r\n".formatted(key, flags, value.length(), cas, value);
  }

  private static Optional<Answer> reply(String text, String noreply) {
    return Optional.of(new Answer(noreply == null ? Optional.of(text) : Optional.empty()));
  }

  static Pattern pattern(String regex) {
    return Pattern.compile(regex, Pattern.DOTALL);
  }
}
