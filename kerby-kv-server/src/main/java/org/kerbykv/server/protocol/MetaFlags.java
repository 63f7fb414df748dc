package org.kerbykv.server.protocol;

import org.kerbykv.server.store.BootClock;

/**
 * The flags of a meta command's line. One is used again and again by its owner.
 *
 * <p>As in memcached 1.6.18, the flags of all commands are read alike, and what makes no sense for
 * one of them is passed over. Flag E, a cas chosen by the client, is of later versions.
 */
final class MetaFlags {
  /** Most bytes of the reply's flags: each of those below, and an opaque. */
  static final int REPLY_BYTES_MAX = 48;

  /** Most tokens of a line, the command and the key included. */
  private static final int TOKENS_MAX = 19;

  private static final int KEY_MAX = 250;
  private static final int KEY_TOKEN = 1;
  private static final int OPAQUE_BYTES_MAX = 32;
  private static final int FLAG_CHARS = 127;
  private static final int WORD_BITS = 64;

  private final long[] seen = new long[2];

  /** The item's key, read from base64 if that was asked for. */
  final byte[] key = new byte[KEY_MAX];

  int keyLength;

  /** The flags that the reply answers, in their order; an opaque is 'O', its length, its bytes. */
  final byte[] reply = new byte[REPLY_BYTES_MAX];

  int replyLength;
  boolean base64;
  boolean quiet;
  boolean value;
  boolean unseen;
  boolean invalidate;
  boolean touches;
  boolean vivifies;

  /** Whether T comes before R, so that R judges by it. */
  boolean recachesTouched;

  /** Whether T comes after N, so that an item that was made has it. */
  boolean vivifiesTouched;

  /** T, N, R as boot seconds. */
  int expiry;

  int vivifiedExpiry;

  /** 0 without R, and for R0, which nothing expires before. */
  int recacheBefore;

  int clientFlags;
  boolean hasCas;
  long cas;
  long newCas;
  byte mode;
  long delta;
  long initial;

  /** What is wrong with the opaque, if that is all. */
  boolean opaqueTooLong;

  /** Returns whether the line has more tokens than memcached takes. */
  static boolean isTooLong(CommandLine line) {
    return line.count() > TOKENS_MAX;
  }

  /**
   * Reads the key, which must not be too long, and the flags of a line.
   *
   * @param first the token that is the first flag
   * @return the error to reply, or null
   */
  MetaError read(CommandLine line, int first) {
    clear();
    keyLength = line.length(KEY_TOKEN);
    System.arraycopy(line.bytes(), line.from(KEY_TOKEN), key, 0, keyLength);
    int now = BootClock.seconds();
    MetaError error = null;
    for (int token = first; token < line.count(); token++) {
      int flag = line.byteAt(token, 0) & 0xff;
      if (flag >= FLAG_CHARS || !isNew(flag)) {
        return MetaError.DUPLICATE_FLAG;
      }
      MetaError wrong =
          isReplied(flag) ? readReplied(line, token, flag) : read(line, token, flag, now);
      if (wrong == MetaError.UNKNOWN_FLAG) {
        return wrong;
      }
      // As in memcached, the last one that says something is told.
      if (wrong != null && (error == null || wrong != MetaError.CLIENT_FLAGS)) {
        error = wrong;
      }
    }
    return error;
  }

  /** Reads the key of an me, and whether it is in base64; returns whether that is so. */
  boolean readDebug(CommandLine line) {
    int from = line.from(KEY_TOKEN);
    keyLength = line.length(KEY_TOKEN);
    System.arraycopy(line.bytes(), from, key, 0, keyLength);
    if (line.count() > 2 && line.length(2) == 1 && line.byteAt(2, 0) == 'b') {
      keyLength = Base64Key.decode(line.bytes(), from, from + keyLength, key);
    }
    return keyLength > 0;
  }

  private void clear() {
    seen[0] = 0;
    seen[1] = 0;
    replyLength = 0;
    base64 = false;
    quiet = false;
    value = false;
    unseen = false;
    invalidate = false;
    touches = false;
    vivifies = false;
    recachesTouched = false;
    vivifiesTouched = false;
    recacheBefore = 0;
    clientFlags = 0;
    hasCas = false;
    newCas = 0;
    mode = 0;
    delta = 1;
    initial = 0;
    opaqueTooLong = false;
  }

  private boolean isNew(int flag) {
    long bit = 1L << flag;
    int word = flag / WORD_BITS;
    boolean isNew = (seen[word] & bit) == 0;
    seen[word] |= bit;
    return isNew;
  }

  private static boolean isReplied(int flag) {
    return switch (flag) {
      case 'c', 'f', 'h', 'k', 'l', 's', 't', 'O' -> true;
      default -> false;
    };
  }

  private MetaError readReplied(CommandLine line, int token, int flag) {
    reply[replyLength++] = (byte) flag;
    if (flag == 'O') {
      int length = line.length(token);
      opaqueTooLong = length > OPAQUE_BYTES_MAX;
      int copied = opaqueTooLong ? 0 : length;
      reply[replyLength++] = (byte) copied;
      System.arraycopy(line.bytes(), line.from(token), reply, replyLength, copied);
      replyLength += copied;
    }
    return null;
  }

  /** Reads a flag that the reply does not answer; returns what is wrong with it, or null. */
  private MetaError read(CommandLine line, int token, int flag, int now) {
    switch (flag) {
      case 'b' -> {
        base64 = true;
        int from = line.from(KEY_TOKEN);
        keyLength = Base64Key.decode(line.bytes(), from, from + line.length(KEY_TOKEN), key);
        return keyLength == 0 ? MetaError.KEY : null;
      }
      case 'q' -> quiet = true;
      case 'v' -> value = true;
      case 'u' -> unseen = true;
      case 'I' -> invalidate = true;
      case 'L', 'P' -> {
        // For proxies.
      }
      case 'T', 'N', 'R' -> {
        return readTime(line, token, flag, now);
      }
      default -> {
        return readNumber(line, token, flag);
      }
    }
    return null;
  }

  private MetaError readTime(CommandLine line, int token, int flag, int now) {
    if (!line.readSigned(token, 1)) {
      return MetaError.TOKEN;
    }
    int time = BootClock.expiry((int) line.number(), now);
    switch (flag) {
      case 'T' -> {
        touches = true;
        vivifiesTouched = vivifies;
        expiry = time;
        reply[replyLength++] = 'T';
      }
      case 'N' -> {
        vivifies = true;
        vivifiedExpiry = time;
        reply[replyLength++] = 'N';
      }
      default -> {
        recachesTouched = touches;
        recacheBefore = time;
      }
    }
    return null;
  }

  private MetaError readNumber(CommandLine line, int token, int flag) {
    if (flag == 'M') {
      mode = line.length(token) == 2 ? line.byteAt(token, 1) : 0;
      return line.length(token) == 2 ? null : MetaError.MODE_LENGTH;
    }
    MetaError wrong = errorOfNumber(flag);
    if (wrong == MetaError.UNKNOWN_FLAG || !line.readUnsigned(token, 1)) {
      return wrong;
    }
    long number = line.number();
    switch (flag) {
      case 'F' -> clientFlags = (int) number;
      case 'C' -> {
        hasCas = true;
        cas = number;
      }
      case 'E' -> newCas = number;
      case 'D' -> delta = number;
      default -> initial = number;
    }
    return null;
  }

  private static MetaError errorOfNumber(int flag) {
    return switch (flag) {
      case 'F' -> MetaError.CLIENT_FLAGS;
      case 'C', 'E' -> MetaError.TOKEN;
      case 'D' -> MetaError.DELTA;
      case 'J' -> MetaError.INITIAL;
      default -> MetaError.UNKNOWN_FLAG;
    };
  }
}
