package org.kerbykv.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

/** The reply to a stats command, while it is made: STAT lines, and END. */
final class StatLines {
  private final StringBuilder text = new StringBuilder();

  void add(String name, long value) {
    add(name, Long.toString(value));
  }

  void add(String name, String value) {
    text.append("STAT ").append(name).append(' ').append(value).append("\r\n");
  }

  byte[] end() {
    return text.append("END\r\n").toString().getBytes(ISO_8859_1);
  }

  /** Returns a reply of other lines, which have their ends. */
  static byte[] of(String lines) {
    return lines.getBytes(ISO_8859_1);
  }
}
