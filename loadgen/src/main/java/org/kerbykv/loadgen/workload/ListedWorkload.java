package org.kerbykv.loadgen.workload;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;

/** Given items, each with one value, all asked for equally often. */
public final class ListedWorkload implements Workload {
  private final ByteBuf[] keys;
  private final ByteBuf[] values;
  private final int keyLengthMax;
  private final int itemLengthMax;

  private ListedWorkload(List<ByteBuf> keys, List<ByteBuf> values) {
    this.keys = keys.toArray(ByteBuf[]::new);
    this.values = values.toArray(ByteBuf[]::new);
    int keyMax = 0;
    int itemMax = 0;
    for (int i = 0; i < this.keys.length; i++) {
      int keyLength = this.keys[i].writerIndex();
      keyMax = Math.max(keyMax, keyLength);
      itemMax = Math.max(itemMax, keyLength + this.values[i].writerIndex());
    }
    keyLengthMax = keyMax;
    itemLengthMax = itemMax;
  }

  public static Builder builder() {
    return new Builder();
  }

  /** Collects items; not thread-safe. */
  public static final class Builder {
    private final List<ByteBuf> keys = new ArrayList<>();
    private final List<ByteBuf> values = new ArrayList<>();

    private Builder() {}

    /** Adds an item: its key as it goes on the wire, and its value. Neither is copied. */
    public Builder add(byte[] key, byte[] value) {
      keys.add(Unpooled.unreleasableBuffer(Unpooled.wrappedBuffer(key)));
      values.add(Unpooled.unreleasableBuffer(Unpooled.wrappedBuffer(value)));
      return this;
    }

    public int size() {
      return keys.size();
    }

    /**
     * The workload.
     *
     * @throws IllegalStateException if there is no item
     */
    public ListedWorkload build() {
      if (keys.isEmpty()) {
        throw new IllegalStateException("no items");
      }
      return new ListedWorkload(keys, values);
    }
  }

  @Override
  public int keys() {
    return keys.length;
  }

  @Override
  public int nextKey(Random64 random, long position) {
    return random.nextInt(keys.length);
  }

  @Override
  public int writeKey(int key, ByteBuf out) {
    return write(keys[key], out);
  }

  @Override
  public int valueLength(int key, int version) {
    return values[key].writerIndex();
  }

  @Override
  public void writeValue(int key, int version, ByteBuf out) {
    write(values[key], out);
  }

  /** Appends without moving the reader index, so that threads may share the bytes. */
  private static int write(ByteBuf bytes, ByteBuf out) {
    out.writeBytes(bytes, 0, bytes.writerIndex());
    return bytes.writerIndex();
  }

  @Override
  public boolean isValue(int key, ByteBuf bytes, int start, int length) {
    return length == values[key].writerIndex()
        && ByteBufUtil.equals(values[key], 0, bytes, start, length);
  }

  @Override
  public int keyLengthMax() {
    return keyLengthMax;
  }

  @Override
  public int itemLengthMax() {
    return itemLengthMax;
  }
}
