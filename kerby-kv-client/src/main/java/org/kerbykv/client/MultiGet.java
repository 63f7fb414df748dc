package org.kerbykv.client;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/**
 * A read of many keys over TCP: split by server and connection, and there into requests of several
 * keys each. Confined to the thread that makes it until {@link #send}.
 */
final class MultiGet<V> {
  /** So that one request neither keeps others on its connection waiting nor outgrows a server. */
  private static final int KEYS_MAX = 64;

  /** Servers read request lines of up to 2048 bytes without further ado. */
  private static final int KEY_BYTES_MAX = 2000;

  /** The next request on one link. */
  private static final class Batch {
    final ServerNode node;

    /** The keys as they are sent, and as the caller wrote them. */
    final List<byte[]> keys = new ArrayList<>();

    final List<String> texts = new ArrayList<>();
    int bytes;

    Batch(ServerNode node) {
      this.node = node;
    }

    boolean hasRoomFor(byte[] key) {
      return keys.size() < KEYS_MAX && bytes + 1 + key.length <= KEY_BYTES_MAX;
    }

    void add(byte[] key, String text) {
      keys.add(key);
      texts.add(text);
      bytes += 1 + key.length;
    }
  }

  private final ClientCore core;
  private final Transcoder<V> transcoder;
  private final long timeoutNanos;
  private final List<Batch> full = new ArrayList<>();
  private final Map<ServerLink, Batch> open = new LinkedHashMap<>();

  /** In the order given, each once; null where nothing was found. */
  private final Map<String, V> found;

  MultiGet(
      ClientCore core,
      Transcoder<V> transcoder,
      long timeoutNanos,
      Collection<String> keys,
      Function<String, byte[]> toBytes) {
    this.core = core;
    this.transcoder = transcoder;
    this.timeoutNanos = timeoutNanos;
    this.found = LinkedHashMap.newLinkedHashMap(keys.size());
    for (String text : keys) {
      if (!found.containsKey(text)) {
        found.put(text, null);
        place(toBytes.apply(text), text);
      }
    }
  }

  private void place(byte[] key, String text) {
    ServerNode node = core.node(key);
    ServerLink link = node.link(key);
    Batch batch = open.computeIfAbsent(link, none -> new Batch(node));
    if (!batch.hasRoomFor(key)) {
      full.add(batch);
      batch = new Batch(node);
      open.put(link, batch);
    }
    batch.add(key, text);
  }

  /** Sends every request; completes with what was found, or with the failure of one of them. */
  CompletableFuture<Map<String, V>> send() {
    full.addAll(open.values());
    List<CompletableFuture<List<V>>> calls = full.stream().map(this::send).toList();
    return CompletableFuture.allOf(calls.toArray(CompletableFuture[]::new))
        .thenApply(done -> gather(calls));
  }

  private CompletableFuture<List<V>> send(Batch batch) {
    byte[][] keys = batch.keys.toArray(byte[][]::new);
    return core.submit(
        Call.ofKeys(keys, timeoutNanos, reply -> decode(reply, keys.length)), batch.node);
  }

  private List<V> decode(Reply reply, int count) {
    List<V> values = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      byte[] value = reply.value(i);
      values.add(value == null ? null : transcoder.decode(value, reply.flags(i)));
    }
    return values;
  }

  private Map<String, V> gather(List<CompletableFuture<List<V>>> calls) {
    for (int i = 0; i < calls.size(); i++) {
      List<String> texts = full.get(i).texts;
      List<V> values = calls.get(i).join();
      for (int k = 0; k < texts.size(); k++) {
        found.put(texts.get(k), values.get(k));
      }
    }
    found.values().removeIf(value -> value == null);
    return found;
  }
}
