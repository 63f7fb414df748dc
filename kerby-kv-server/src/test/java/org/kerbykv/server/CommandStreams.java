package org.kerbykv.server;

import java.util.Random;

/**
 * Random requests as clients send them, right and wrong, over few keys so that they meet. Every
 * request is complete: the next one is answered on its own.
 */
final class CommandStreams {
  private static final String[] NUMBERS = {
    "0",
    "1",
    "7",
    "60",
    "-1",
    "2592000",
    "2592001",
    "4294967295",
    "4294967296",
    "2147483648",
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775808",
    "x",
    "1x",
    "+3",
    "\t4",
    "5\t",
    "0x10",
    "-",
    "-0",
    "007",
    "-18446744073709551615"
  };
  private static final String TOO_LARGE = "18446744073709551616";
  private static final int STORED_KEYS = 6;

  private static final String[] JUNK = {
    "",
    " ",
    "\r",
    "x",
    "get",
    "get ",
    "gets",
    "gat",
    "gat 0",
    "gat x a",
    "GET a",
    "geta b",
    "set",
    "set a",
    "set a 0 0",
    "set a 0 0 x",
    "set a 0 0 -1",
    "set a b c d",
    "cas a 0 0 1",
    "delete",
    "delete a b",
    "delete a 1",
    "delete a 0 0",
    "delete a b c d",
    "incr a",
    "incr a b",
    "incr a 1 2 3",
    "decr",
    "touch",
    "touch a",
    "touch a x",
    "touch a 1 2 3",
    "verbosity",
    "verbosity x",
    "verbosity 0 0 0",
    "flush_all x",
    "flush_all 1 2 3",
    "mx a",
    "m",
    "bget",
    "\u0000",
    "get a\u0000b",
    "\u00e4\u00ff",
    "shutdown",
    "slabs",
    "lru",
    "add a 0 0 1 noreply b",
  };

  private final Random random;
  private final String prefix;
  private final MetaStreams meta;

  /**
   * Makes a stream.
   *
   * @param prefix of its keys; streams with others do not touch them, but for flush_all
   */
  CommandStreams(Random random, String prefix) {
    this.random = random;
    this.prefix = prefix;
    this.meta = new MetaStreams(random, this);
  }

  /** Asks for everything that the stream may have stored. */
  String allKeys() {
    StringBuilder get = new StringBuilder("get");
    StringBuilder meta = new StringBuilder();
    for (int i = 0; i < STORED_KEYS; i++) {
      get.append(' ').append(prefix).append("key").append(i);
      meta.append(line("mg " + prefix + "key" + i + " t f h k s u"));
      meta.append(line("me " + prefix + "key" + i));
    }
    for (int i = 0; i < 3; i++) {
      get.append(' ').append(prefix).append('n').append(i);
      get.append(' ').append(prefix).append("\u00fcber\t").append(i);
    }
    return line(get + " " + longestKey() + " " + middleKey()) + meta;
  }

  /** Returns a request. */
  String next() {
    return random.nextBoolean() ? meta.next() : classic();
  }

  private String classic() {
    return switch (random.nextInt(24)) {
      case 0, 1, 2, 3, 4 -> retrieval();
      case 5, 6, 7, 8, 9 -> storage("set");
      case 10 -> storage("add");
      case 11 -> storage("replace");
      case 12 -> storage("append");
      case 13 -> storage("prepend");
      case 14 -> cas();
      case 15, 16 -> line("delete " + key() + pick("", "", "", " 0", " noreply", " 0 noreply"));
      case 17, 18 -> arithmetic();
      case 19 -> line("touch " + key() + " " + exptime() + noReply());
      case 20 -> line(pick("gat ", "gats ") + exptime() + " " + goodKey() + " " + goodKey());
      case 21 -> oddNumbers();
      case 22 -> line(JUNK[random.nextInt(JUNK.length)]);
      default ->
          prefix.isEmpty() && random.nextInt(20) == 0
              ? line("flush_all" + pick("", " 0", " noreply", " -1"))
              : line(pick("verbosity 0", "verbosity 0 noreply", "get " + longKey()));
    };
  }

  private String retrieval() {
    StringBuilder line = new StringBuilder(pick("get", "get", "get", "gets", "bget"));
    int keys = random.nextInt(8) == 0 ? 30 : 1 + random.nextInt(3);
    for (int i = 0; i < keys; i++) {
      line.append(random.nextInt(10) == 0 ? "  " : " ").append(goodKey());
    }
    return line(line.toString());
  }

  private String storage(String command) {
    String value = value();
    return line(
            "%s %s %d %s %d%s"
                .formatted(command, key(), flags(), exptime(), value.length(), noReply()))
        + data(value);
  }

  private String cas() {
    String value = value();
    return line(
            "cas %s %d %s %d %d%s"
                .formatted(
                    key(),
                    flags(),
                    exptime(),
                    value.length(),
                    random.nextInt(2) * 7_000_000,
                    noReply()))
        + data(value);
  }

  /** Returns a key that may well be stored. */
  String storedKey() {
    return prefix + "key" + random.nextInt(STORED_KEYS);
  }

  /** Returns requests on this key, with "CAS" for a cas. */
  String casOf(String key) {
    if (random.nextBoolean()) {
      return meta.casOf(key);
    }
    return line("cas " + key + " 5 0 7 CAS") + line("version");
  }

  /**
   * Returns a key that nothing but numbers is stored under. None is 2^63 or more: of such a one
   * memcached reads on behind its end, for a minus sign.
   */
  String numberKey() {
    return prefix + "n" + random.nextInt(3);
  }

  private String arithmetic() {
    String key = numberKey();
    String set = "";
    if (random.nextInt(3) == 0) {
      String value = pick("0", "9", "99", "10", "abc", "", " 5", "7 x", "9223372036850000000");
      set = line("set %s 3 0 %d noreply".formatted(key, value.length())) + data(value);
    }
    return set + line(pick("incr ", "decr ") + key + " " + delta() + noReply());
  }

  private String delta() {
    return pick("1", "9", "100", "+3", "\t4", "5\t", "007", "-0", "-1", "x", "", "1x", TOO_LARGE);
  }

  /** A storage line whose numbers are strange; where it is refused, its data is a command. */
  private String oddNumbers() {
    String expiry = pick(exptime(), exptime(), "x", "-", "4294967296", TOO_LARGE);
    String length = "1" + pick("", "", "\t", "\tx", "x");
    return line("set %s %s %s %s".formatted(key(), number(), expiry, length)) + "v\r\n";
  }

  String data(String value) {
    // A wrong end: what follows the bytes taken for the data is the next command.
    return value + (random.nextInt(30) == 0 ? "!\n" : "\r\n");
  }

  String key() {
    return random.nextInt(50) == 0 ? longKey() : goodKey();
  }

  /**
   * Returns a key that is not too long. Among several, one that is too long has memcached forget to
   * give back the items before it, and touch them although it refuses the line.
   */
  String goodKey() {
    return switch (random.nextInt(12)) {
      case 0 -> longestKey();
      case 1 -> middleKey();
      case 2 -> prefix + "\u00fcber\t" + random.nextInt(3);
      default -> storedKey();
    };
  }

  private String longestKey() {
    return prefix + "k".repeat(250 - prefix.length());
  }

  private String middleKey() {
    return prefix + "a:" + "b".repeat(60);
  }

  private static String longKey() {
    return "k".repeat(251);
  }

  /** Returns a value whose lines, should they be taken for commands, are none: no "mn", no "me". */
  String value() {
    int length =
        switch (random.nextInt(12)) {
          case 0 -> 0;
          case 1 -> random.nextInt(4000);
          case 2 -> random.nextInt(40_000);
          default -> random.nextInt(100);
        };
    StringBuilder value = new StringBuilder(length);
    for (int i = 0; i < length; i++) {
      value.append(
          (char)
              (random.nextInt(16) == 0
                  ? "\r\n\0 ".charAt(random.nextInt(4))
                  : 'n' + random.nextInt(13)));
    }
    return value.toString();
  }

  private long flags() {
    return random.nextInt(3) == 0 ? random.nextInt() & 0xffffffffL : random.nextInt(3);
  }

  /** Never, far away, or at once: nothing that depends on when the test runs. */
  private String exptime() {
    return pick("0", "0", "0", "0", "1000", "2592000", "4000000000", "-1", "2592001", "100000");
  }

  private String noReply() {
    return random.nextInt(10) == 0 ? " noreply" : "";
  }

  private String number() {
    return NUMBERS[random.nextInt(NUMBERS.length)];
  }

  private String pick(String... choices) {
    return choices[random.nextInt(choices.length)];
  }

  private static String line(String text) {
    return text + "\r\n";
  }
}
