package org.kerbykv.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/**
 * Random meta commands, right and wrong, for {@link CommandStreams}. Times are so far from each
 * other that a second between the two servers decides nothing.
 */
final class MetaStreams {
  private static final String[] LIVES = {
    "0", "0", "0", "1000", "100000", "2592000", "-1", "2592001", "4294967296"
  };
  private static final String[] LIVES_TO_RECACHE = {
    "0", "500", "5000", "200000", "-1", "2000000000"
  };
  private static final String[] CAS_IDS = {
    "1", "1", "1", "0", "999999999999", "18446744073709551615"
  };

  /**
   * Not left in a key that is counted in: see {@link CommandStreams#numberKey}. Behind the number
   * memcached finds what an earlier item left there, such as flags with the byte of a minus sign.
   */
  private static final String HUGE = "18446744073709551615";

  private static final String[] STRANGE_FLAGS = {
    "Z",
    "x",
    "S1",
    "T",
    "Tx",
    "T1x",
    "Nx",
    "R",
    "Cx",
    "C-1",
    "C",
    "Dx",
    "Jx",
    "M",
    "MXX",
    "Fx",
    "F",
    "F-1",
    "b",
    "bfoo",
    "kx",
    "qq",
    "vx",
    "\u007f",
    "\u00e9",
    "1",
    "-",
    "P",
    "L",
    "Lpath",
    "Pa,b",
    "F4294967296",
    "C18446744073709551616",
    "I",
    "t1",
    "s1",
    "D1",
    "J1",
    "MS",
    "u",
  };

  private static final String[] JUNK = {
    "mg",
    "ms",
    "md",
    "ma",
    "me",
    "ms a",
    "ms a S1",
    "ms a x",
    "ms a -1",
    "ms a 1x",
    "ms a 2147483646",
    "mg a b",
    "mg a= b",
    "mg YQ b k",
    "mg !!!! b",
    "md Y=== b",
    "ma b b",
    "me a b",
    "me YQ b",
    "MG a",
    "mgx a",
    "mg\u0000 a",
    "mg aa\u0000bb k",
    " mg  aa   k  ",
    "me aa bfoo",
    "mx aa",
  };

  private final Random random;
  private final CommandStreams keys;

  /** Draws keys and values from the classic commands' stream, so that they meet. */
  MetaStreams(Random random, CommandStreams keys) {
    this.random = random;
    this.keys = keys;
  }

  /** Returns a request. */
  String next() {
    return switch (random.nextInt(20)) {
      case 0, 1, 2, 3, 4, 5 -> get();
      case 6, 7, 8, 9, 10 -> set();
      case 11, 12, 13 -> delete();
      case 14, 15, 16 -> arithmetic();
      case 17 -> debug();
      case 18 -> tooManyFlags();
      default -> JUNK[random.nextInt(JUNK.length)] + "\r\n";
    };
  }

  private String get() {
    List<String> flags = new ArrayList<>();
    some(flags, 3, "s", "t", "f", "c", "h", "l", "k", "v", "v", "q", "u");
    one(flags, 6, "T" + pick(LIVES));
    one(flags, 6, "N" + pick(LIVES));
    one(flags, 5, "R" + pick(LIVES_TO_RECACHE));
    return line("mg", keys.key(), "", flags);
  }

  private String set() {
    List<String> flags = new ArrayList<>();
    some(flags, 4, "c", "k", "I", "q", "t", "v");
    one(flags, 3, "T" + pick(LIVES));
    one(flags, 3, "F" + (random.nextInt(3) == 0 ? random.nextInt() & 0xffffffffL : 7));
    one(flags, 3, "C" + pick(CAS_IDS));
    one(flags, 2, "M" + pick("E", "A", "P", "R", "S", "A", "P", "a", "x"));
    String value = keys.value();
    return line("ms", keys.key(), " " + value.length(), flags) + keys.data(value);
  }

  private String delete() {
    List<String> flags = new ArrayList<>();
    some(flags, 5, "k", "q", "c", "v", "x");
    one(flags, 2, "I");
    one(flags, 4, "T" + pick(LIVES));
    one(flags, 4, "C" + pick(CAS_IDS));
    return line("md", keys.goodKey(), "", flags);
  }

  /**
   * Counts in keys that little else is asked of: whether memcached counts in place, and so keeps
   * what the item had beside its number, and whether flag T then has an effect, depends on timing.
   */
  private String arithmetic() {
    List<String> flags = new ArrayList<>();
    String key = random.nextInt(10) == 0 ? keys.storedKey() : keys.numberKey();
    return switch (random.nextInt(8)) {
      case 0 -> {
        some(flags, 2, "k", "c", "f", "t");
        yield line(pick("mg", "mg", "md"), key, "", flags);
      }
      case 1 -> {
        Collections.addAll(flags, "N" + pick(LIVES), "T" + pick(LIVES), "t", "v");
        yield "md " + key + " q\r\n" + line("ma", key, "", flags);
      }
      default -> count(key, flags);
    };
  }

  private String count(String key, List<String> flags) {
    some(flags, 4, "k", "q", "c", "v", "t", "f");
    one(flags, 3, "N" + pick(LIVES));
    one(flags, 4, "J" + pick("0", "13", HUGE, "x"));
    one(flags, 3, "D" + pick("0", "1", "10", "100", HUGE, "-1"));
    one(flags, 8, "C" + pick(CAS_IDS));
    one(flags, 3, "M" + pick("I", "+", "D", "-", "D", "i", "x"));
    boolean huge = flags.contains("J" + HUGE) || flags.contains("D" + HUGE);
    return line("ma", key, "", flags) + (huge ? "md " + key + " q\r\n" : "");
  }

  private String debug() {
    String key = keys.goodKey();
    return pick("me " + key, "me " + base64(key) + " b", "me " + key + " x b") + "\r\n";
  }

  /** Returns requests on a key with "CAS" for a cas. */
  String casOf(String key) {
    return pick("ms " + key + " 3 CCAS c", "ms " + key + " 3 I CCAS", "ms " + key + " 3 MA CCAS c")
        + "\r\nabc\r\n"
        + pick("md " + key + " CCAS\r\n", "md " + key + " I CCAS\r\n", "mg " + key + " v s\r\n");
  }

  private String tooManyFlags() {
    int count = 16 + random.nextInt(8);
    List<String> flags = new ArrayList<>();
    flags.addAll(
        List.of("s", "t", "f", "c", "h", "l", "k", "Oabc", "v", "u", "T0", "R0", "C0", "D1"));
    flags.addAll(List.of("J1", "P", "L", "F1", "I", "Z", "x", "y", "z", "w"));
    return pick("mg ", "md ", "me ") + "none " + String.join(" ", flags.subList(0, count)) + "\r\n";
  }

  private String line(String command, String key, String length, List<String> flags) {
    if (random.nextInt(4) == 0) {
      flags.add("O" + random.nextInt(1000) + "x".repeat(random.nextInt(4) == 0 ? 27 : 3));
    }
    if (random.nextInt(20) == 0) {
      flags.add(STRANGE_FLAGS[random.nextInt(STRANGE_FLAGS.length)]);
    }
    boolean base64 = random.nextInt(6) == 0;
    if (base64) {
      flags.add("b");
    }
    Collections.shuffle(flags, random);
    StringBuilder line = new StringBuilder(command).append(' ');
    line.append(base64 ? base64(key) : key).append(length);
    for (String flag : flags) {
      line.append(random.nextInt(30) == 0 ? "  " : " ").append(flag);
    }
    return line.append("\r\n").toString();
  }

  private static String base64(String key) {
    return Base64.getEncoder().encodeToString(key.getBytes(ISO_8859_1));
  }

  private void some(List<String> flags, int oneOf, String... choices) {
    for (String choice : choices) {
      if (random.nextInt(oneOf) == 0 && !flags.contains(choice)) {
        flags.add(choice);
      }
    }
  }

  private void one(List<String> flags, int oneOf, String flag) {
    if (random.nextInt(oneOf) == 0) {
      flags.add(flag);
    }
  }

  private String pick(String... choices) {
    return choices[random.nextInt(choices.length)];
  }
}
