package org.kerbykv.loadgen.workload;

import io.netty.buffer.ByteBuf;

/**
 * The items of a load, by number from 0 to {@link #keys()} - 1, and which are asked for how often.
 * Immutable and thread-safe; nothing here allocates.
 */
public sealed interface Workload permits SyntheticWorkload, ListedWorkload {
  /** How many items there are. */
  int keys();

  /**
   * The number of the next item to ask for.
   *
   * @param position of the request in its stream
   */
  int nextKey(Random64 random, long position);

  /** Appends the key of an item; returns its length in bytes. */
  int writeKey(int key, ByteBuf out);

  /** The length in bytes of this version of an item's value. */
  int valueLength(int key, int version);

  /** Appends this version of an item's value. */
  void writeValue(int key, int version, ByteBuf out);

  /** Whether these bytes are a value of the item, of any version, and whole. */
  boolean isValue(int key, ByteBuf bytes, int start, int length);

  /** The longest key in bytes. */
  int keyLengthMax();

  /** The most bytes that an item's key and value have together. */
  int itemLengthMax();
}
