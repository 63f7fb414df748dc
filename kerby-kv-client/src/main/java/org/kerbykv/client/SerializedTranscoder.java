package org.kerbykv.client;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputFilter;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.Objects;

final class SerializedTranscoder<V> implements Transcoder<V> {
  /** What spymemcached and xmemcached store with serialized objects. */
  private static final int SERIALIZED = 1;

  private final Class<V> type;
  private final ObjectInputFilter filter;

  SerializedTranscoder(Class<V> type, ObjectInputFilter filter) {
    this.type = Objects.requireNonNull(type, "type");
    this.filter = ObjectInputFilter.rejectUndecidedClass(Objects.requireNonNull(filter, "filter"));
  }

  @Override
  public byte[] encode(V value) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(type.cast(value));
    } catch (IOException | ClassCastException e) {
      throw new IllegalArgumentException("not a serializable " + type.getName() + ": " + e, e);
    }
    return bytes.toByteArray();
  }

  @Override
  public int flags(V value) {
    return SERIALIZED;
  }

  @Override
  public V decode(byte[] bytes, int flags) {
    if (flags != SERIALIZED) {
      throw new IllegalArgumentException(
          "the stored value is no serialized object: its flags are "
              + Integer.toUnsignedString(flags));
    }
    ByteArrayInputStream rest = new ByteArrayInputStream(bytes);
    try (ObjectInputStream in = new ObjectInputStream(rest)) {
      in.setObjectInputFilter(filter);
      V value = type.cast(in.readObject());
      if (rest.available() > 0) {
        throw new IllegalArgumentException("bytes behind the stored object");
      }
      return value;
    } catch (IOException | ClassNotFoundException | ClassCastException e) {
      throw new IllegalArgumentException("not the stored form of " + type.getName() + ": " + e, e);
    }
  }
}
