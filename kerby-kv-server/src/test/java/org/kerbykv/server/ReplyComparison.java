package org.kerbykv.server;

import java.util.Arrays;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * Compares the replies of two servers to the same requests byte by byte, but for what need not be
 * the same: the cas ids of items, the slab class that memcached keeps one in, how long ago one was
 * used (memcached notes that once a minute), and, by no more than the clocks may be apart, how long
 * one has yet.
 */
final class ReplyComparison {
  private static final int CLOCK_SECONDS_MAX = 2;

  /** The cas that gets answers. */
  private static final Pattern CAS = Pattern.compile("(VALUE [^ ]+ \\d+ \\d+) \\d+\r\n");

  /** The cas that a meta command answers, where it is not the 0 of a failure. */
  private static final Pattern META_CAS = Pattern.compile(" c[1-9]\\d*");

  private static final Pattern DEBUG = Pattern.compile(" (l|la=|cas=|cls=)\\d+(?=[ \r])");

  /**
   * Numbers may have spaces behind them: memcached leaves them there when it counts in place, which
   * it does only while nothing else holds the item, and that depends on timing.
   */
  private static final Pattern NUMBER =
      Pattern.compile("(VALUE (?:u\\d+)?n\\d \\d+) \\d+\r\n(\\d+) *\r\n");

  /** Time left, where what is past is a number around 2^32, and the same of me, but negative. */
  private static final Pattern CLOCK = Pattern.compile(" (?:t|exp=)(-?\\d+)(?=[ \r])");

  private static final long PAST = 1L << 31;

  private final String ours;
  private final String theirs;
  private final List<MatchResult> ourTimes;
  private final List<MatchResult> theirTimes;

  ReplyComparison(String ours, String theirs) {
    this.ours = masked(ours);
    this.theirs = masked(theirs);
    this.ourTimes = CLOCK.matcher(this.ours).results().toList();
    this.theirTimes = CLOCK.matcher(this.theirs).results().toList();
  }

  boolean isSame() {
    return withoutTimes(ours).equals(withoutTimes(theirs)) && firstOtherTime() < 0;
  }

  private int firstOtherTime() {
    for (int i = 0; i < Math.min(ourTimes.size(), theirTimes.size()); i++) {
      if (!isNear(time(ourTimes.get(i)), time(theirTimes.get(i)))) {
        return i;
      }
    }
    return -1;
  }

  private static long time(MatchResult time) {
    return Long.parseLong(time.group(1));
  }

  private static String withoutTimes(String reply) {
    return CLOCK.matcher(reply).replaceAll(" TIME");
  }

  private static boolean isNear(long a, long b) {
    if (a == -1 || b == -1 || a >= PAST || b >= PAST) {
      return a == b || (a >= PAST && b >= PAST);
    }
    return Math.abs(a - b) <= CLOCK_SECONDS_MAX;
  }

  private static String masked(String reply) {
    String withoutCas = CAS.matcher(reply).replaceAll("$1 CAS\r\n");
    String withoutMetaCas = META_CAS.matcher(withoutCas).replaceAll(" cCAS");
    String withoutDebug = DEBUG.matcher(withoutMetaCas).replaceAll(" $1ANY");
    return NUMBER.matcher(withoutDebug).replaceAll("$1 LENGTH\r\n$2\r\n");
  }

  /** Describes where the replies differ first. */
  String difference() {
    int time = firstOtherTime();
    int ourAt =
        Arrays.mismatch(withoutTimes(ours).toCharArray(), withoutTimes(theirs).toCharArray());
    int theirAt = ourAt;
    String our = withoutTimes(ours);
    String their = withoutTimes(theirs);
    if (ourAt < 0 && time >= 0) {
      our = ours;
      their = theirs;
      ourAt = ourTimes.get(time).start();
      theirAt = theirTimes.get(time).start();
    }
    return "  ours: %s%n  theirs: %s".formatted(around(our, ourAt), around(their, theirAt));
  }

  private static String around(String text, int at) {
    return escaped(text.substring(Math.max(0, at - 120), Math.min(text.length(), at + 120)));
  }

  /** Returns a text in one line that can be read. */
  static String escaped(String text) {
    return text.replace("\r\n", "\\r\\n|")
        .replace("\r", "\\r")
        .replace("\n", "\\n")
        .replace("\t", "\\t")
        .replace("\0", "\\0");
  }
}
