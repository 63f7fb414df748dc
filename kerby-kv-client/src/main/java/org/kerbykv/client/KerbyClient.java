package org.kerbykv.client;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;

/**
 * A client of Kerby-KV or memcached servers, for values of type {@code V}. Several servers share
 * the keys among them, see {@link Distribution}.
 *
 * <p><b>Forms.</b> Every operation has a blocking form and one that returns a {@link
 * CompletableFuture}; the blocking form throws what the future would complete with: a {@link
 * KerbyException}, or what a {@link Transcoder} threw. Every call ends within its timeout.
 * Cancelling a future does not stop the server from executing the request.
 *
 * <p><b>Keys</b> are 1 to 250 bytes of UTF-8 without blanks or control characters; others are
 * refused with {@link IllegalArgumentException}, as are values over the configured limit, by both
 * forms before anything is sent.
 *
 * <p><b>Threads.</b> A client and its views are thread-safe; one client serves a whole application.
 * Actions attached to a future run on the client's own threads: they must not block, and the
 * blocking forms refuse to be called from them.
 *
 * <p><b>Order.</b> Calls that overlap in time are executed in any order. A call made after an
 * earlier one has completed is executed after it. A repeated request (see {@link
 * KerbyClientConfig.Builder#udpAttempts}) may be executed more than once while its call lasts; of
 * delete, the result {@code false} after a repetition may mean that an earlier attempt of the same
 * call deleted the item.
 */
public final class KerbyClient<V> implements AutoCloseable {
  private static final int KEY_BYTES_MAX = 250;
  private static final int DELETE_CODE = 0x7F;

  private final ClientCore core;
  private final Transcoder<V> transcoder;
  private final long timeoutNanos;
  private final Call.Mapper<V> valueOrNull;
  private final Call.Mapper<CasValue<V>> casValueOrNull;

  private KerbyClient(ClientCore core, Transcoder<V> transcoder, long timeoutNanos) {
    this.core = core;
    this.transcoder = transcoder;
    this.timeoutNanos = timeoutNanos;
    this.valueOrNull =
        reply -> reply.value() == null ? null : transcoder.decode(reply.value(), reply.flags());
    this.casValueOrNull =
        reply ->
            reply.value() == null
                ? null
                : new CasValue<>(transcoder.decode(reply.value(), reply.flags()), reply.cas());
  }

  /**
   * Opens a client for values of raw bytes. No TCP connection is made before a call needs one.
   *
   * @throws KerbyConnectionException if a server's name is unknown or no socket can be had
   */
  public static KerbyClient<byte[]> open(KerbyClientConfig config) {
    return open(config, Transcoder.bytes());
  }

  /**
   * Opens a client for values that this transcoder knows.
   *
   * @throws KerbyConnectionException if a server's name is unknown or no socket can be had
   */
  public static <V> KerbyClient<V> open(KerbyClientConfig config, Transcoder<V> transcoder) {
    Objects.requireNonNull(transcoder, "transcoder");
    return new KerbyClient<>(ClientCore.open(config), transcoder, config.timeout().toNanos());
  }

  /** This client for values of another type: a view with the same connections. */
  public <U> KerbyClient<U> with(Transcoder<U> other) {
    return new KerbyClient<>(core, Objects.requireNonNull(other, "transcoder"), timeoutNanos);
  }

  /** This client with another timeout for each call, 1 ms to 1 day: a view likewise. */
  public KerbyClient<V> withTimeout(Duration timeout) {
    Duration checked = core.config().toBuilder().timeout(timeout).build().timeout();
    return new KerbyClient<>(core, transcoder, checked.toNanos());
  }

  ClientCore core() {
    return core;
  }

  public KerbyClientConfig config() {
    return core.config();
  }

  public ClientStats stats() {
    return core.counters().snapshot();
  }

  /** What is known of each server, in the order configured. */
  public List<ServerStatus> servers() {
    return core.servers();
  }

  // --- Reading ----------------------------------------------------------------------------------

  /** The value, or null if there is no such item. */
  public V get(String key) {
    return BlockingCall.await(blocking().getAsync(key));
  }

  /** Completes with the value, or null if there is no such item. */
  public CompletableFuture<V> getAsync(String key) {
    return submit(Command.GET, key, 0, 0, valueOrNull);
  }

  /** The value with its version for {@link #cas}, or null if there is no such item. */
  public CasValue<V> gets(String key) {
    return BlockingCall.await(blocking().getsAsync(key));
  }

  /** Completes with the value and its version, or null if there is no such item. */
  public CompletableFuture<CasValue<V>> getsAsync(String key) {
    return submit(Command.GETS, key, 0, 0, casValueOrNull);
  }

  /** The values of those keys that have one, in the order given. */
  public Map<String, V> getAll(Collection<String> keys) {
    return BlockingCall.await(blocking().getAllAsync(keys));
  }

  /**
   * Completes with the values of those keys that have one, in the order given; or, if one could not
   * be read, with its failure. Every server is asked for its keys at the same time. Over UDP each
   * key is a call of its own, so that a reply fits a datagram; over TCP a call asks for up to 64.
   */
  public CompletableFuture<Map<String, V>> getAllAsync(Collection<String> keys) {
    if (core.config().transport() == Transport.TCP) {
      return new MultiGet<>(core, transcoder, timeoutNanos, keys, KerbyClient::keyBytes).send();
    }
    Map<String, CompletableFuture<V>> calls = LinkedHashMap.newLinkedHashMap(keys.size());
    keys.forEach(key -> calls.computeIfAbsent(key, this::getAsync));
    return CompletableFuture.allOf(calls.values().toArray(CompletableFuture[]::new))
        .thenApply(done -> found(calls));
  }

  private static <V> Map<String, V> found(Map<String, CompletableFuture<V>> calls) {
    Map<String, V> found = LinkedHashMap.newLinkedHashMap(calls.size());
    calls.forEach(
        (key, call) -> {
          V value = call.join();
          if (value != null) {
            found.put(key, value);
          }
        });
    return found;
  }

  /** The value, or null; if there is an item, it now ends at {@code expiry}. */
  public V getAndTouch(String key, Expiry expiry) {
    return BlockingCall.await(blocking().getAndTouchAsync(key, expiry));
  }

  /** Completes with the value, or null; if there is an item, it now ends at {@code expiry}. */
  public CompletableFuture<V> getAndTouchAsync(String key, Expiry expiry) {
    return submit(Command.GAT, key, wire(expiry), 0, valueOrNull);
  }

  // --- Storing ----------------------------------------------------------------------------------

  /** Stores the value, whether there was one or not, until it is deleted or evicted. */
  public void set(String key, V value) {
    set(key, value, Expiry.never());
  }

  /** Stores the value, whether there was one or not. */
  public void set(String key, V value, Expiry expiry) {
    BlockingCall.await(blocking().setAsync(key, value, expiry));
  }

  /** Completes once the value is stored. */
  public CompletableFuture<Void> setAsync(String key, V value) {
    return setAsync(key, value, Expiry.never());
  }

  /** Completes once the value is stored. */
  public CompletableFuture<Void> setAsync(String key, V value, Expiry expiry) {
    return store(Command.SET, key, value, expiry, 0, reply -> null);
  }

  /** Stores the value if there is none; says whether it did. */
  public boolean add(String key, V value, Expiry expiry) {
    return BlockingCall.await(blocking().addAsync(key, value, expiry));
  }

  /** Completes with whether the value was stored, since there was none. */
  public CompletableFuture<Boolean> addAsync(String key, V value, Expiry expiry) {
    return store(Command.ADD, key, value, expiry, 0, KerbyClient::isStored);
  }

  /** Stores the value if there is one already; says whether it did. */
  public boolean replace(String key, V value, Expiry expiry) {
    return BlockingCall.await(blocking().replaceAsync(key, value, expiry));
  }

  /** Completes with whether the value was stored, since there was one already. */
  public CompletableFuture<Boolean> replaceAsync(String key, V value, Expiry expiry) {
    return store(Command.REPLACE, key, value, expiry, 0, KerbyClient::isStored);
  }

  /** Adds the value's bytes behind the stored ones, if there are any; says whether it did. */
  public boolean append(String key, V value) {
    return BlockingCall.await(blocking().appendAsync(key, value));
  }

  /** Completes with whether the bytes were added behind the stored ones. */
  public CompletableFuture<Boolean> appendAsync(String key, V value) {
    return store(Command.APPEND, key, value, Expiry.never(), 0, KerbyClient::isStored);
  }

  /** Adds the value's bytes before the stored ones, if there are any; says whether it did. */
  public boolean prepend(String key, V value) {
    return BlockingCall.await(blocking().prependAsync(key, value));
  }

  /** Completes with whether the bytes were added before the stored ones. */
  public CompletableFuture<Boolean> prependAsync(String key, V value) {
    return store(Command.PREPEND, key, value, Expiry.never(), 0, KerbyClient::isStored);
  }

  /**
   * Stores the value if the item still has the version that {@link #gets} gave.
   *
   * @param cas the version, {@link CasValue#cas()}
   */
  public CasResult cas(String key, V value, Expiry expiry, long cas) {
    return BlockingCall.await(blocking().casAsync(key, value, expiry, cas));
  }

  /** Completes with what became of storing the value for that version. */
  public CompletableFuture<CasResult> casAsync(String key, V value, Expiry expiry, long cas) {
    return store(Command.CAS, key, value, expiry, cas, KerbyClient::casResult);
  }

  // --- Changing ---------------------------------------------------------------------------------

  /**
   * Adds to a stored decimal number; it wraps at 2^64.
   *
   * @param by the amount, unsigned
   * @return the new number, unsigned; empty if there is no such item
   * @throws KerbyServerException if the value is no number
   */
  public OptionalLong incr(String key, long by) {
    return BlockingCall.await(blocking().incrAsync(key, by));
  }

  /** Completes with the new number, unsigned, or empty if there is no such item. */
  public CompletableFuture<OptionalLong> incrAsync(String key, long by) {
    return submit(Command.INCR, key, 0, by, KerbyClient::number);
  }

  /**
   * Subtracts from a stored decimal number; it stops at 0.
   *
   * @param by the amount, unsigned
   * @return the new number, unsigned; empty if there is no such item
   * @throws KerbyServerException if the value is no number
   */
  public OptionalLong decr(String key, long by) {
    return BlockingCall.await(blocking().decrAsync(key, by));
  }

  /** Completes with the new number, unsigned, or empty if there is no such item. */
  public CompletableFuture<OptionalLong> decrAsync(String key, long by) {
    return submit(Command.DECR, key, 0, by, KerbyClient::number);
  }

  /** Deletes the item; says whether there was one. */
  public boolean delete(String key) {
    return BlockingCall.await(blocking().deleteAsync(key));
  }

  /** Completes with whether there was an item to delete. */
  public CompletableFuture<Boolean> deleteAsync(String key) {
    return submit(Command.DELETE, key, 0, 0, reply -> reply.status() == Reply.Status.DELETED);
  }

  /** Lets the item end at {@code expiry}; says whether there is one. */
  public boolean touch(String key, Expiry expiry) {
    return BlockingCall.await(blocking().touchAsync(key, expiry));
  }

  /** Completes with whether there is an item, which now ends at {@code expiry}. */
  public CompletableFuture<Boolean> touchAsync(String key, Expiry expiry) {
    return submit(
        Command.TOUCH, key, wire(expiry), 0, reply -> reply.status() == Reply.Status.TOUCHED);
  }

  /**
   * Closes this client with all its views and ends every call that waits: with {@link
   * KerbyClosedException}, or {@link KerbyUnknownOutcomeException}. Calls made later end so at
   * once. Closing again does nothing.
   */
  @Override
  public void close() {
    core.close();
  }

  // --- Calls ------------------------------------------------------------------------------------

  private <R> CompletableFuture<R> submit(
      Command command, String key, long exptime, long argument, Call.Mapper<R> mapper) {
    return core.submit(
        new Call<>(command, keyBytes(key), null, 0, exptime, argument, timeoutNanos, mapper));
  }

  private <R> CompletableFuture<R> store(
      Command command, String key, V value, Expiry expiry, long cas, Call.Mapper<R> mapper) {
    byte[] bytes = transcoder.encode(Objects.requireNonNull(value, "value"));
    if (bytes.length > core.config().maxValueBytes()) {
      throw new IllegalArgumentException(
          "a value of "
              + bytes.length
              + " bytes; maxValueBytes is "
              + core.config().maxValueBytes());
    }
    return core.submit(
        new Call<>(
            command,
            keyBytes(key),
            bytes,
            transcoder.flags(value),
            wire(expiry),
            cas,
            timeoutNanos,
            mapper));
  }

  /** This client, for a call that will be waited for. */
  private KerbyClient<V> blocking() {
    BlockingCall.refuse(core.onEventLoop());
    return this;
  }

  private static byte[] keyBytes(String key) {
    byte[] bytes = key.getBytes(UTF_8);
    if (bytes.length == 0 || bytes.length > KEY_BYTES_MAX) {
      throw new IllegalArgumentException(
          "a key has 1 to " + KEY_BYTES_MAX + " bytes, not " + bytes.length);
    }
    for (byte b : bytes) {
      if ((b >= 0 && b <= ' ') || b == DELETE_CODE) {
        throw new IllegalArgumentException("a key has no blanks or control characters: " + key);
      }
    }
    return bytes;
  }

  private static long wire(Expiry expiry) {
    return expiry.wireSeconds(System.currentTimeMillis() / 1000);
  }

  private static boolean isStored(Reply reply) {
    return reply.status() == Reply.Status.STORED;
  }

  private static CasResult casResult(Reply reply) {
    return switch (reply.status()) {
      case STORED -> CasResult.STORED;
      case EXISTS -> CasResult.EXISTS;
      default -> CasResult.NOT_FOUND;
    };
  }

  private static OptionalLong number(Reply reply) {
    return reply.status() == Reply.Status.NUMBER
        ? OptionalLong.of(reply.number())
        : OptionalLong.empty();
  }
}
