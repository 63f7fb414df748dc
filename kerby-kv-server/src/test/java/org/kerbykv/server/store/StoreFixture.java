package org.kerbykv.server.store;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;

/** Runs single operations on a store, for tests: one door, one thread. */
final class StoreFixture implements AutoCloseable {
  private final Batch batch;

  StoreFixture(Store store, int itemSizeMax) {
    batch = new Batch(store.openDoor(), itemSizeMax);
  }

  /** What a GET found. */
  record Found(String text, int flags, long cas) {
    byte[] value() {
      return text.getBytes(ISO_8859_1);
    }
  }

  Batch batch() {
    return batch;
  }

  Outcome store(Operation operation, String key, byte[] value, int flags, int expiry, long cas) {
    int index = add(operation, key);
    batch.setMetadata(index, flags, expiry);
    batch.setCas(index, cas);
    setValue(index, key, value);
    return execute(index);
  }

  Outcome store(Operation operation, String key, String value) {
    return store(operation, key, value.getBytes(ISO_8859_1), 0, 0, 0);
  }

  Found get(String key) {
    int index = add(Operation.GET, key);
    batch.execute();
    try {
      return found(index);
    } finally {
      batch.clear();
    }
  }

  /** Returns when an item that is there expires. */
  int exptime(String key) {
    int index = add(Operation.GET, key);
    batch.execute();
    try {
      return batch.door().getInt(index, KvSlot.EXPTIME);
    } finally {
      batch.clear();
    }
  }

  String text(String key) {
    Found found = get(key);
    return found == null ? null : found.text();
  }

  Outcome delete(String key) {
    return execute(add(Operation.DELETE, key));
  }

  Outcome touch(String key, int expiry) {
    int index = add(Operation.TOUCH, key);
    batch.setExpiry(index, expiry);
    return execute(index);
  }

  /** Returns the number, or null when the outcome is another than COUNTED. */
  Long count(Operation operation, String key, long delta) {
    int index = add(operation, key);
    batch.setDelta(index, delta);
    batch.execute();
    try {
      return batch.outcome(index) == Outcome.COUNTED ? batch.number(index) : null;
    } finally {
      batch.clear();
    }
  }

  int add(Operation operation, String key) {
    byte[] bytes = key.getBytes(ISO_8859_1);
    return batch.add(operation, bytes, 0, bytes.length);
  }

  void setValue(int index, String key, byte[] value) {
    byte[] keyBytes = key.getBytes(ISO_8859_1);
    ByteBuf source = Unpooled.wrappedBuffer(value);
    if (value.length <= batch.door().inlineMax(keyBytes.length)) {
      batch.setValue(index, source, value.length);
      return;
    }
    long separate = batch.door().newValue(keyBytes, 0, keyBytes.length, value.length);
    if (separate == 0) {
      throw new IllegalStateException("no memory for " + value.length + " bytes");
    }
    batch.door().writeValue(separate, 0, source, value.length);
    batch.setSeparateValue(index, separate, value.length);
  }

  Found found(int index) {
    if (batch.outcome(index) != Outcome.HIT) {
      return null;
    }
    byte[] value = new byte[batch.valueLength(index)];
    ByteBuf target = Unpooled.directBuffer(value.length + 1);
    batch.readValue(index, 0, target, value.length);
    target.readBytes(value);
    target.release();
    return new Found(new String(value, ISO_8859_1), batch.flags(index), batch.cas(index));
  }

  private Outcome execute(int index) {
    batch.execute();
    Outcome outcome = batch.outcome(index);
    batch.clear();
    return outcome;
  }

  @Override
  public void close() {
    batch.door().close();
  }
}
