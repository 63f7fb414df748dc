package org.kerbykv.server.protocol;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;

/** memcached's authfile: a line "user:password" for each who may come. Immutable. */
public final class AuthFile {
  private final List<byte[]> tokens = new ArrayList<>();

  private AuthFile(List<String> lines) {
    for (String line : lines) {
      int colon = line.indexOf(':');
      if (colon < 0 || colon == line.length() - 1) {
        throw new IllegalArgumentException(
            "line %d is not user:password".formatted(tokens.size() + 1));
      }
      tokens.add((line.substring(0, colon) + " " + line.substring(colon + 1)).getBytes(ISO_8859_1));
    }
  }

  /**
   * Reads a file.
   *
   * @throws IllegalArgumentException if a line is something else
   */
  public static AuthFile read(Path file) throws IOException {
    return new AuthFile(Files.readAllLines(file, ISO_8859_1));
  }

  /** Returns whether "user password" is in the file; how long that takes does not say where. */
  boolean has(byte[] token) {
    boolean found = false;
    for (byte[] one : tokens) {
      found |= MessageDigest.isEqual(one, token);
    }
    return found;
  }

  /** Returns whether it has the form of user and password at all. */
  static boolean isToken(byte[] token) {
    return new String(token, US_ASCII).indexOf(' ') >= 0;
  }
}
