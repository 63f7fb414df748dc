package org.kerbykv.client;

/**
 * Turns values into bytes and back. Implementations are thread-safe: {@link #encode} runs on the
 * calling thread, {@link #decode} on the client's own, which it must not block.
 */
public interface Transcoder<V> {
  /**
   * The bytes to store, not null. The client reads the array until the call ends and does not copy
   * it.
   *
   * @throws IllegalArgumentException if the value cannot be encoded; the call then throws it
   */
  byte[] encode(V value);

  /** Flags to store with the value: 32 bits that the server keeps and does not read. */
  default int flags(V value) {
    return 0;
  }

  /**
   * The value of these bytes, which the transcoder may keep.
   *
   * @throws RuntimeException if they are no such value; the call then fails with it
   */
  V decode(byte[] bytes, int flags);

  /** Bytes as they are. */
  static Transcoder<byte[]> bytes() {
    return BytesTranscoder.INSTANCE;
  }

  /** Text as UTF-8; malformed text is refused in both directions, never replaced. */
  static Transcoder<String> utf8() {
    return Utf8Transcoder.INSTANCE;
  }
}
