package org.kerbykv.client;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;

enum Utf8Transcoder implements Transcoder<String> {
  INSTANCE;

  private static final char REPLACEMENT = '\uFFFD';

  @Override
  public byte[] encode(String value) {
    byte[] bytes = value.getBytes(UTF_8);
    // A lone surrogate becomes "?": only then can the text hold one, so only then look closer.
    if (bytes.length > 0 && hasSurrogate(value)) {
      try {
        UTF_8.newEncoder().encode(CharBuffer.wrap(value));
      } catch (CharacterCodingException e) {
        throw new IllegalArgumentException("text with half a surrogate pair is not UTF-8", e);
      }
    }
    return bytes;
  }

  private static boolean hasSurrogate(String value) {
    for (int i = 0; i < value.length(); i++) {
      if (Character.isSurrogate(value.charAt(i))) {
        return true;
      }
    }
    return false;
  }

  @Override
  public String decode(byte[] bytes, int flags) {
    String text = new String(bytes, UTF_8);
    if (text.indexOf(REPLACEMENT) >= 0) {
      // Either stored so, or put there for malformed bytes.
      try {
        return UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      } catch (CharacterCodingException e) {
        throw new IllegalArgumentException("the stored bytes are not UTF-8", e);
      }
    }
    return text;
  }
}
