package org.kerbykv.server.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.Optional;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32;

/**
 * Values that say themselves whose they are: which key's, of which writer, its how many-th, how
 * long, with a checksum. No two of them are equal but the empty ones; several may be joined.
 */
final class StampedValue {
  /** The least bytes of one that is not empty. */
  static final int LENGTH_MIN = 48;

  private static final Pattern STAMP =
      Pattern.compile("\\[([^ ]+) (\\d+) (\\d+) (\\d+) ([0-9a-f]{8})]");

  private StampedValue() {}

  /**
   * Makes one.
   *
   * @param length 0, or at least {@link #LENGTH_MIN}
   */
  static byte[] make(String key, int writer, long number, int length) {
    if (length == 0) {
      return new byte[0];
    }
    byte[] value = new byte[length];
    new SplittableRandom(number * 1009 + writer).nextBytes(value);
    byte[] stamp = stamp(key, writer, number, length, 0).getBytes(ISO_8859_1);
    CRC32 crc = new CRC32();
    crc.update(value, stamp.length, length - stamp.length);
    stamp = stamp(key, writer, number, length, crc.getValue()).getBytes(ISO_8859_1);
    System.arraycopy(stamp, 0, value, 0, stamp.length);
    return value;
  }

  private static String stamp(String key, int writer, long number, int length, long crc) {
    return "[%s %d %d %d %08x]".formatted(key, writer, number, length, crc);
  }

  /** Returns what is wrong with a value of that key, of one or several joined; empty: nothing. */
  static Optional<String> flaw(String key, byte[] value) {
    int at = 0;
    while (at < value.length) {
      int room = Math.min(value.length - at, 2 * LENGTH_MIN);
      Matcher stamp = STAMP.matcher(new String(value, at, room, ISO_8859_1));
      if (!stamp.lookingAt()) {
        return Optional.of("no stamp at byte %d of %d".formatted(at, value.length));
      }
      int length = Integer.parseInt(stamp.group(4));
      if (!stamp.group(1).equals(key) || length > value.length - at) {
        return Optional.of("%s at byte %d of %d".formatted(stamp.group(), at, value.length));
      }
      CRC32 crc = new CRC32();
      crc.update(value, at + stamp.end(), length - stamp.end());
      if (crc.getValue() != Long.parseLong(stamp.group(5), 16)) {
        return Optional.of("bytes that do not belong to " + stamp.group());
      }
      at += length;
    }
    return Optional.empty();
  }
}
