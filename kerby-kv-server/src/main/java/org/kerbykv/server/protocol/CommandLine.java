package org.kerbykv.server.protocol;

import io.netty.buffer.ByteBuf;
import java.util.Arrays;
import org.kerbykv.server.store.AsciiNumber;

/**
 * A command line, cut into tokens as memcached cuts it: at spaces only, up to the first NUL byte.
 *
 * <p>Not thread-safe; one is used again and again, and allocates only for longer lines than before.
 */
final class CommandLine {
  /** Most tokens that are cut; what follows them is left uncut. */
  static final int TOKENS_MAX = 23;

  private static final int INITIAL_BYTES = 2048;

  private final int[] from = new int[TOKENS_MAX];
  private final int[] to = new int[TOKENS_MAX];
  private final AsciiNumber number = new AsciiNumber();
  private byte[] bytes = new byte[INITIAL_BYTES];
  private int end;
  private int count;

  /**
   * Takes a line.
   *
   * @param in holds the line; its indexes stay
   * @param start where the line starts
   * @param length of the line, without its end
   */
  void set(ByteBuf in, int start, int length) {
    if (bytes.length < length) {
      bytes = new byte[Integer.highestOneBit(length) << 1];
    }
    in.getBytes(start, bytes, 0, length);
    end = length;
    for (int i = 0; i < length; i++) {
      if (bytes[i] == 0) {
        end = i;
        break;
      }
    }
    count = 0;
    int at = 0;
    while (count < TOKENS_MAX && (at = skipSpaces(at)) < end) {
      from[count] = at;
      at = tokenEnd(at);
      to[count++] = at;
    }
  }

  byte[] bytes() {
    return bytes;
  }

  /** Returns the number of tokens cut. */
  int count() {
    return count;
  }

  int from(int token) {
    return from[token];
  }

  int length(int token) {
    return to[token] - from[token];
  }

  boolean is(int token, byte[] word) {
    return Arrays.equals(bytes, from[token], to[token], word, 0, word.length);
  }

  boolean startsWith(int token, byte[] prefix) {
    return length(token) >= prefix.length
        && Arrays.equals(bytes, from[token], from[token] + prefix.length, prefix, 0, prefix.length);
  }

  /** Returns the byte at an index of a token. */
  byte byteAt(int token, int index) {
    return bytes[from[token] + index];
  }

  boolean readUnsigned(int token) {
    return number.readUnsigned(bytes, from[token], to[token]);
  }

  boolean readSigned(int token) {
    return number.readSigned(bytes, from[token], to[token]);
  }

  /** Reads an unsigned number behind the first bytes of a token. */
  boolean readUnsigned(int token, int skipped) {
    return number.readUnsigned(bytes, from[token] + skipped, to[token]);
  }

  /** Reads a signed number behind the first bytes of a token. */
  boolean readSigned(int token, int skipped) {
    return number.readSigned(bytes, from[token] + skipped, to[token]);
  }

  /** Returns the number read last. */
  long number() {
    return number.value();
  }

  /** Returns where the next token at or after this place starts; {@link #end} if there is none. */
  int skipSpaces(int at) {
    int i = at;
    while (i < end && bytes[i] == ' ') {
      i++;
    }
    return i;
  }

  /** Returns where the token that is at this place ends. */
  int tokenEnd(int at) {
    int i = at;
    while (i < end && bytes[i] != ' ') {
      i++;
    }
    return i;
  }

  int end() {
    return end;
  }
}
