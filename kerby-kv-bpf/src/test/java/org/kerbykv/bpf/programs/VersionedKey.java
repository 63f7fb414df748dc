package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * A key, and what readers may see of it while writers change it. Its versions are 1, 2, 3...; a
 * version is a value or none, as at the beginning. A value is written in one tier and may be moved
 * to the other; flags and token tell its version, and so all of its bytes.
 */
final class VersionedKey {
  /** What a version is written as. */
  enum Kind {
    ABSENT,
    KERNEL,
    USER
  }

  private static final int VALUE_MAX = 1100; // bytes; with the longest key they fit a datagram

  private final int number;
  private final String key;
  private final boolean oneWriter;
  private final AtomicInteger started = new AtomicInteger();
  private final AtomicInteger completed = new AtomicInteger();
  private final AtomicIntegerArray kinds; // ordinals, by version
  private final AtomicInteger tokens = new AtomicInteger();

  /**
   * A key that is not there yet.
   *
   * @param versionsMax how often it is written, at most
   * @param oneWriter whether a write begins only after the one before has ended: then a reader must
   *     not see what was over before it began
   */
  VersionedKey(int number, int versionsMax, boolean oneWriter) {
    this.number = number;
    this.oneWriter = oneWriter;
    this.key = MemcachedText.key(1 + number * 40);
    this.kinds = new AtomicIntegerArray(versionsMax + 1);
  }

  String key() {
    return key;
  }

  /** Begins the next version, which readers may see from now on. */
  synchronized int start(Kind kind) {
    int version = started.get() + 1;
    kinds.set(version, KvAbi.number(kind));
    started.set(version);
    return version;
  }

  /** The version is written. */
  void complete(int version) {
    if (oneWriter) {
      completed.set(version);
    }
  }

  /** The bytes of a version that is a value; its flags are the version. */
  String value(int version) {
    int length = length(version);
    StringBuilder value = new StringBuilder(length);
    for (int i = 0; i < length; i++) {
      value.append((char) ((version * 31 + i * 7 + number * 3 + i / 256) & 0xff));
    }
    return value.toString();
  }

  int length(int version) {
    return Math.floorMod(version * 0x9e3779b9 + number, VALUE_MAX);
  }

  /** A token for a version in user space, which nothing else has or will have. */
  long newToken(int version) {
    return (long) tokens.incrementAndGet() << 40 | (long) number << 32 | version;
  }

  /** What a read that begins now may not be older than. */
  int oldest() {
    return completed.get();
  }

  /** A read that began when {@code oldest} was the oldest has seen this value, now. */
  void sawKernel(int oldest, int flags, String value) {
    sawVersion(oldest, flags);
    assertThat(value).as("value of version %d of %s", flags, key).isEqualTo(value(flags));
  }

  void sawUser(int oldest, int flags, long token, int valueLength) {
    assertThat((int) token).as("version by the token of %s", key).isEqualTo(flags);
    assertThat(token >>> 32 & 0xff).as("key by the token of %s", key).isEqualTo(number);
    assertThat(valueLength).as("length of version %d of %s", flags, key).isEqualTo(length(flags));
    sawVersion(oldest, flags);
  }

  void sawNothing(int oldest) {
    int newest = started.get();
    for (int version = oldest; version <= newest; version++) {
      if (kinds.get(version) == KvAbi.number(Kind.ABSENT)) {
        return;
      }
    }
    throw new AssertionError(
        "%s missed, though it was there from version %d to %d".formatted(key, oldest, newest));
  }

  private void sawVersion(int oldest, int version) {
    assertThat(version).as("version of %s", key).isBetween(oldest, started.get());
    assertThat(kinds.get(version))
        .as("kind of version %d of %s", version, key)
        .isNotEqualTo(KvAbi.number(Kind.ABSENT));
  }
}
