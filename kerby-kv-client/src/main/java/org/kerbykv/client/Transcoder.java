package org.kerbykv.client;

import java.io.ObjectInputFilter;

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

  /**
   * Objects in Java's serialized form, with the flags that spymemcached and xmemcached give it.
   *
   * <p>Whoever can write to the server chooses which classes a reader of this form creates: no
   * other transcoder reads it, and this one creates only what its filter allows by name. A class
   * that the filter leaves undecided is rejected. A filter should also limit {@code maxbytes},
   * {@code maxdepth}, {@code maxrefs} and {@code maxarray}.
   *
   * @param type what every value is; another object is refused in both directions
   * @param filter which classes may be created, such as {@link
   *     ObjectInputFilter.Config#createFilter(String)} makes of {@code
   *     "com.example.Order;java.lang.Number;maxbytes=10000;maxdepth=5;maxrefs=500;maxarray=1000"}
   */
  static <T> Transcoder<T> serialized(Class<T> type, ObjectInputFilter filter) {
    return new SerializedTranscoder<>(type, filter);
  }
}
