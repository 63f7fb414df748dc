package org.kerbykv.bpf.programs;

/** memcached's text, and keys and values to put into it. One character is one byte. */
final class MemcachedText {
  static final String END = "END\r\n";
  static final String STORED = "STORED\r\n";
  static final String DELETED = "DELETED\r\n";
  static final String NOT_FOUND = "NOT_FOUND\r\n";

  private static final int FRAME_HEADER_BYTES = 8;

  private MemcachedText() {}

  static String get(String key) {
    return "get " + key + "\r\n";
  }

  static String set(String key, String value) {
    return set(key, "0", "0", value);
  }

  static String set(String key, String flags, String exptime, String value) {
    return "set "
        + key
        + " "
        + flags
        + " "
        + exptime
        + " "
        + value.length()
        + "\r\n"
        + value
        + "\r\n";
  }

  static String setNoreply(String key, String value) {
    return "set " + key + " 0 0 " + value.length() + " noreply\r\n" + value + "\r\n";
  }

  static String delete(String key) {
    return "delete " + key + "\r\n";
  }

  /** The reply to a get that hits. */
  static String hit(String key, int flags, String value) {
    return "VALUE "
        + key
        + " "
        + Integer.toUnsignedString(flags)
        + " "
        + value.length()
        + "\r\n"
        + value
        + "\r\n"
        + END;
  }

  /** A value of that length in which no piece looks like another; all byte values occur. */
  static String value(int length) {
    StringBuilder value = new StringBuilder(length);
    for (int i = 0; i < length; i++) {
      value.append((char) ((i * 7 + i / 256 * 3 + length) & 0xff));
    }
    return value.toString();
  }

  /** A key of that length in which no piece looks like another. */
  static String key(int length) {
    StringBuilder key = new StringBuilder(length);
    for (int i = 0; i < length; i++) {
      key.append((char) ('!' + (i * 5 + length) % ('~' - '!' + 1)));
    }
    return key.toString();
  }

  /** The length of the longest value whose reply fits a datagram of that many payload bytes. */
  static int longestValue(String key, int flags, int datagramMax) {
    int length = datagramMax;
    while (FRAME_HEADER_BYTES + hit(key, flags, "x".repeat(length)).length() > datagramMax) {
      length--;
    }
    return length;
  }
}
