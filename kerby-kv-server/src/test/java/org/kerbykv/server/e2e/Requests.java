package org.kerbykv.server.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.util.SplittableRandom;

/** The text of requests and of what they are answered. */
final class Requests {
  private static final int ABRIDGED_CHARS = 200;

  private Requests() {}

  static byte[] set(String key, long flags, long exptime, byte[] value) {
    return storage("set %s %d %d %d\r\n".formatted(key, flags, exptime, value.length), value);
  }

  static byte[] set(String key, byte[] value) {
    return set(key, 0, 0, value);
  }

  /** A command line that announces a value, and the value. */
  static byte[] storage(String line, byte[] value) {
    ByteArrayOutputStream request = new ByteArrayOutputStream();
    request.writeBytes(bytes(line));
    request.writeBytes(value);
    request.writeBytes(bytes("\r\n"));
    return request.toByteArray();
  }

  /** The reply to a get that hits. */
  static byte[] hit(String key, long flags, byte[] value) {
    return storage(
        "VALUE %s %d %d\r\n".formatted(key, flags, value.length), concat(value, "\r\nEND"));
  }

  /** Returns bytes of all kinds, line ends among them, that follow from the seed. */
  static byte[] value(int length, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    byte[] value = new byte[length];
    random.nextBytes(value);
    return value;
  }

  static byte[] bytes(String text) {
    return text.getBytes(ISO_8859_1);
  }

  /** For messages: the beginning, printable. */
  static String abridged(byte[] text) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < text.length && line.length() < ABRIDGED_CHARS; i++) {
      char c = (char) (text[i] & 0xff);
      switch (c) {
        case '\r' -> line.append("\\r");
        case '\n' -> line.append("\\n");
        default -> line.append(c < ' ' || c > '~' ? "\\x%02x".formatted((int) c) : c);
      }
    }
    return "'%s' (%d bytes)".formatted(line, text.length);
  }

  private static byte[] concat(byte[] value, String text) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.writeBytes(value);
    all.writeBytes(bytes(text));
    return all.toByteArray();
  }
}
