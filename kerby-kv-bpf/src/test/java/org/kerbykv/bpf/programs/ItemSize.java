package org.kerbykv.bpf.programs;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Lengths of a key and a value at which programs go wrong if they do. */
record ItemSize(int keyLength, int valueLength) {

  /** Those for one block size and reply size. */
  static List<ItemSize> around(KvConfig config) {
    int block = config.blockBytes();
    Set<ItemSize> sizes = new LinkedHashSet<>();
    for (int digits : new int[] {0, 1, 9, 10, 99, 100, 999, 1000}) {
      sizes.add(new ItemSize(3, digits));
    }
    for (int keyLength : new int[] {1, 7, 8, 9, 15, 16, 17, 63, 64, 65, 249, 250}) {
      sizes.add(new ItemSize(keyLength, 0));
      sizes.add(new ItemSize(keyLength, 50));
    }
    for (int blocks = 1; blocks <= 3; blocks++) {
      for (int off = -1; off <= 1; off++) {
        int bytes = config.room(blocks) + off;
        sizes.add(new ItemSize(10, bytes - 10)); // the value ends there
        sizes.add(new ItemSize(bytes, 0)); // the key ends there
        sizes.add(new ItemSize(bytes, 1));
        sizes.add(new ItemSize(bytes, block - 1));
        sizes.add(new ItemSize(bytes, block));
        sizes.add(new ItemSize(bytes, block + 1));
      }
    }
    for (int keyLength : new int[] {1, 250}) {
      String key = MemcachedText.key(keyLength);
      int longest = MemcachedText.longestValue(key, 0, config.datagramMax());
      sizes.add(new ItemSize(keyLength, longest - 1));
      sizes.add(new ItemSize(keyLength, longest));
    }
    return new ArrayList<>(sizes).stream().filter(size -> size.isStorable(config)).toList();
  }

  String key() {
    return MemcachedText.key(keyLength);
  }

  String value() {
    return MemcachedText.value(valueLength);
  }

  private boolean isStorable(KvConfig config) {
    return keyLength <= KvAbi.KEY_MAX
        && valueLength >= 0
        && valueLength <= MemcachedText.longestValue(key(), 0, config.datagramMax());
  }

  @Override
  public String toString() {
    return valueLength + " bytes under a key of " + keyLength;
  }
}
