package org.kerbykv.loadgen.soak;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;

/**
 * What a read of one key may find, from what its only writer was answered. A write without an
 * answer may have been executed, or not, or may be executed still, after later ones: up to {@link
 * #LATE_MAX}.
 *
 * <p>All times are {@link System#nanoTime}. Not thread-safe.
 */
final class ExpectedItem {
  /** The longest that a request may wait in a server's socket. */
  static final Duration LATE_MAX = Duration.ofSeconds(15);

  /** Expiry is to the second, on the server's clock. */
  private static final long SECOND = Duration.ofSeconds(1).toNanos();

  private static final long NEVER = Long.MAX_VALUE;
  private static final Content ABSENT = new Content(0, 0, 0, NEVER, NEVER);

  /**
   * What a write makes of the item.
   *
   * @param version 0 if there is no item
   * @param length of the value
   * @param sent when it was
   * @param missedFrom the earliest time at which it may have expired
   * @param hitUntil the latest at which it may not have
   */
  record Content(long version, int length, long sent, long missedFrom, long hitUntil) {}

  private final String key;
  private final List<Content> unanswered = new ArrayList<>();
  private Content stored = ABSENT;
  private long lastVersion;

  ExpectedItem(String key) {
    this.key = key;
  }

  String key() {
    return key;
  }

  /**
   * A write that is about to be sent, of a new version.
   *
   * @param ttlSeconds 0 for one that does not expire
   */
  Content write(int length, int ttlSeconds, long now) {
    long ttl = ttlSeconds * SECOND;
    return new Content(
        ++lastVersion,
        length,
        now,
        ttl == 0 ? NEVER : now + ttl - SECOND,
        ttl == 0 ? NEVER : now + ttl + SECOND);
  }

  /** A deletion that is about to be sent. */
  Content deletion(long now) {
    return new Content(0, 0, now, NEVER, NEVER);
  }

  /** The value that a write sends. */
  byte[] value(Content content) {
    return SoakValue.of(key, content.version, content.length);
  }

  /** A write was acknowledged. */
  void acknowledged(Content content, long now) {
    // The server's clock began the time to live somewhere between sending and answer.
    stored =
        content.hitUntil == NEVER
            ? content
            : new Content(
                content.version,
                content.length,
                content.sent,
                content.missedFrom,
                content.hitUntil + now - content.sent);
    forgetLate(now);
  }

  /** A write was not answered, or refused. */
  void unanswered(Content content) {
    unanswered.add(
        content.hitUntil == NEVER
            ? content
            : new Content(
                content.version,
                content.length,
                content.sent,
                content.missedFrom,
                content.hitUntil + LATE_MAX.toNanos()));
  }

  /**
   * A read found no item.
   *
   * @param mayBeLost whether its value may have died with a process
   * @return what is wrong with that, if anything is
   */
  Optional<String> missed(boolean mayBeLost, long answered) {
    boolean possible = mayBeLost || canMiss(stored, answered);
    for (Content content : unanswered) {
      possible |= canMiss(content, answered);
    }
    Content expected = stored;
    stored = ABSENT;
    forgetLate(answered);
    return possible
        ? Optional.empty()
        : Optional.of("%s: version %d is lost".formatted(key, expected.version));
  }

  private static boolean canMiss(Content content, long now) {
    return content.version == 0 || (content.missedFrom != NEVER && now - content.missedFrom >= 0);
  }

  /**
   * A read found a value.
   *
   * @param sent when it was asked for
   * @return what is wrong with it, if anything is
   */
  Optional<String> found(byte[] value, long sent, long answered) {
    long version = SoakValue.version(value);
    Content content = version == stored.version ? stored : null;
    for (Iterator<Content> others = unanswered.iterator(); content == null && others.hasNext(); ) {
      Content other = others.next();
      if (other.version == version) {
        content = other;
        others.remove();
      }
    }
    if (content == null || version == 0) {
      return Optional.of(
          "%s: version %d of %d bytes in place of %d"
              .formatted(key, version, value.length, stored.version));
    }
    if (!Arrays.equals(value, value(content))) {
      return Optional.of("%s: version %d with bytes that are not its own".formatted(key, version));
    }
    stored = content;
    forgetLate(answered);
    return content.hitUntil != NEVER && sent - content.hitUntil > 0
        ? Optional.of("%s: version %d outlived its time".formatted(key, version))
        : Optional.empty();
  }

  /** What is executed by now, or never, is in what was found or acknowledged. */
  private void forgetLate(long now) {
    unanswered.removeIf(content -> now - content.sent > LATE_MAX.toNanos());
  }
}
