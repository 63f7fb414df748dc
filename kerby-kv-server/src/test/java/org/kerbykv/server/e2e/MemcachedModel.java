package org.kerbykv.server.e2e;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * memcached 1.6.18 as a UDP client sees it, as far as get, gets, set, delete and what is no command
 * at all go: what it answers to a datagram, and what it holds afterwards. All text is a character
 * for each byte. The version in the reply to gets is {@value #CAS}.
 *
 * <p>In two cases it is Kerby-KV and not memcached that it follows. A value whose end is not in the
 * datagram: memcached takes the next datagram, header and all, for the rest. A get of a key that is
 * too long, behind other commands in its datagram: memcached forgets its replies to those.
 */
final class MemcachedModel {
  static final String CAS = "<cas>";

  private static final int KEY_MAX = 250;
  private static final int ITEM_SIZE_MAX = 1 << 20;
  private static final long RELATIVE_SECONDS_MAX = 60L * 60 * 24 * 30;
  private static final String BAD_FORMAT = "CLIENT_ERROR bad command line format";
  private static final String BAD_DELETE = BAD_FORMAT + ".  Usage: delete <key> [noreply]";

  /** What C's strtol takes: white space, a sign, digits; behind them nothing or white space. */
  private static final Pattern NUMBER =
      Pattern.compile("[ \t\n\u000b\f\r]*([+-]?[0-9]+)(?:[ \t\n\u000b\f\r].*)?", Pattern.DOTALL);

  private static final BigInteger TWO_TO_63 = BigInteger.ONE.shiftLeft(63);
  private static final BigInteger TWO_TO_64 = BigInteger.ONE.shiftLeft(64);

  private final Map<String, Item> items = new HashMap<>();

  // The datagram in hand.
  private String text;
  private int at;
  private StringBuilder reply;
  private boolean asMemcached;

  private record Item(long flags, String value) {}

  /**
   * What a datagram leads to.
   *
   * @param text of the reply, "" for none
   * @param asMemcached whether memcached would say the same, and take the next datagram for one
   */
  record Reply(String text, boolean asMemcached) {}

  /** Returns another that holds the same. */
  MemcachedModel copy() {
    MemcachedModel copy = new MemcachedModel();
    copy.items.putAll(items);
    return copy;
  }

  /** Takes a datagram. */
  Reply receive(Datagram datagram) {
    if (datagram.headerBytes() < UdpClient.HEADER || datagram.total() != 1) {
      return new Reply("", true);
    }
    text = datagram.text();
    at = 0;
    reply = new StringBuilder();
    asMemcached = true;
    int end;
    while ((end = text.indexOf('\n', at)) >= 0) {
      int next = end + 1;
      if (end - at > 1 && text.charAt(end - 1) == '\r') {
        end--;
      }
      String line = text.substring(at, end);
      at = next;
      command(line);
    }
    return new Reply(reply.toString(), asMemcached);
  }

  private void command(String line) {
    List<String> words = words(line);
    String command = words.isEmpty() ? "" : words.getFirst();
    switch (command) {
      case "get" -> get(words, false);
      case "gets" -> get(words, true);
      case "set" -> set(words);
      case "delete" -> delete(words);
      default -> answer("ERROR", false);
    }
  }

  /** Words stand between spaces, and the line ends at a NUL. */
  private static List<String> words(String line) {
    int nul = line.indexOf('\0');
    List<String> words = new ArrayList<>();
    for (String word : (nul < 0 ? line : line.substring(0, nul)).split(" ", -1)) {
      if (!word.isEmpty()) {
        words.add(word);
      }
    }
    return words;
  }

  private void answer(String line, boolean noReply) {
    if (!noReply) {
      reply.append(line).append("\r\n");
    }
  }

  private void get(List<String> words, boolean withCas) {
    List<String> keys = words.subList(1, words.size());
    if (keys.isEmpty()) {
      answer("ERROR", false);
      return;
    }
    if (keys.stream().anyMatch(key -> key.length() > KEY_MAX)) {
      asMemcached &= reply.isEmpty();
      answer(BAD_FORMAT, false);
      return;
    }
    for (String key : keys) {
      Item item = items.get(key);
      if (item != null) {
        String cas = withCas ? " " + CAS : "";
        int bytes = item.value().length();
        answer("VALUE " + key + " " + item.flags() + " " + bytes + cas, false);
        answer(item.value(), false);
      }
    }
    answer("END", false);
  }

  private void set(List<String> words) {
    if (words.size() != 5 && words.size() != 6) {
      answer("ERROR", false);
      return;
    }
    boolean noReply = words.getLast().equals("noreply");
    String key = words.get(1);
    Optional<BigInteger> flags = unsigned(words.get(2));
    Optional<BigInteger> exptime = signed(words.get(3));
    Optional<BigInteger> bytes = signed(words.get(4));
    if (key.length() > KEY_MAX || flags.isEmpty() || exptime.isEmpty() || bytes.isEmpty()) {
      answer(BAD_FORMAT, noReply);
      return;
    }
    int length = bytes.get().intValue();
    if (length < 0 || length > Integer.MAX_VALUE - 2) {
      answer(BAD_FORMAT, noReply);
      return;
    }
    long flags32 = flags.get().longValue() & 0xffff_ffffL;
    if (48 + 8 + key.length() + 1 + (flags32 == 0 ? 0 : 4) + length + 2L > ITEM_SIZE_MAX) {
      items.remove(key);
      answer("SERVER_ERROR object too large for cache", noReply);
      asMemcached &= text.length() - at >= length + 2L;
      at = (int) Math.min(text.length(), at + length + 2L);
      return;
    }
    value(key, new Item(flags32, ""), exptime.get().intValue(), length, noReply);
  }

  private void value(String key, Item item, int exptime, int length, boolean noReply) {
    int end = at + length + 2;
    if (end > text.length()) {
      at = text.length();
      asMemcached = false;
      answer("CLIENT_ERROR bad data chunk", noReply);
      return;
    }
    String value = text.substring(at, at + length);
    boolean terminated = text.startsWith("\r\n", at + length);
    at = end;
    if (!terminated) {
      answer("CLIENT_ERROR bad data chunk", noReply);
      return;
    }
    if (isPast(exptime)) {
      items.remove(key);
    } else {
      items.put(key, new Item(item.flags(), value));
    }
    answer("STORED", noReply);
  }

  /** Relative times are all taken for future ones. */
  private static boolean isPast(int exptime) {
    return exptime < 0
        || (exptime > RELATIVE_SECONDS_MAX && exptime <= System.currentTimeMillis() / 1000);
  }

  private void delete(List<String> words) {
    if (words.size() < 2 || words.size() > 4) {
      answer("ERROR", false);
      return;
    }
    boolean noReply = words.size() > 2 && words.getLast().equals("noreply");
    if (words.size() > 2) {
      boolean hold = words.get(2).equals("0");
      if (words.size() == 3 ? !hold && !noReply : !hold || !noReply) {
        answer(BAD_DELETE, noReply);
        return;
      }
    }
    if (words.get(1).length() > KEY_MAX) {
      answer(BAD_FORMAT, noReply);
    } else {
      answer(items.remove(words.get(1)) == null ? "NOT_FOUND" : "DELETED", noReply);
    }
  }

  /** strtoul into 64 bits: a minus sign wraps round, and is refused unless that comes to less. */
  private static Optional<BigInteger> unsigned(String word) {
    return number(word)
        .filter(n -> n.abs().compareTo(TWO_TO_64) < 0)
        .map(n -> n.signum() < 0 ? n.add(TWO_TO_64) : n)
        .filter(n -> n.compareTo(TWO_TO_63) < 0 || !word.contains("-"));
  }

  private static Optional<BigInteger> signed(String word) {
    return number(word)
        .filter(n -> n.compareTo(TWO_TO_63) < 0 && n.compareTo(TWO_TO_63.negate()) >= 0);
  }

  private static Optional<BigInteger> number(String word) {
    Matcher number = NUMBER.matcher(word);
    return number.matches() ? Optional.of(new BigInteger(number.group(1))) : Optional.empty();
  }

  /** Returns a server's reply with each version replaced by {@value #CAS}. */
  static String maskCas(String reply) {
    StringBuilder masked = new StringBuilder();
    int at = 0;
    while (at < reply.length()) {
      int end = reply.indexOf("\r\n", at);
      if (end < 0) {
        return masked.append(reply, at, reply.length()).toString();
      }
      String line = reply.substring(at, end);
      List<String> words = words(line);
      at = end + 2;
      if (words.size() >= 4 && words.getFirst().equals("VALUE")) {
        if (words.size() == 5 && words.get(4).matches("[0-9]+")) {
          line = line.substring(0, line.lastIndexOf(' ') + 1) + CAS;
        }
        int valueEnd = Math.min(reply.length(), at + Integer.parseInt(words.get(3)) + 2);
        masked.append(line).append("\r\n").append(reply, at, valueEnd);
        at = valueEnd;
      } else {
        masked.append(line).append("\r\n");
      }
    }
    return masked.toString();
  }
}
