package org.kerbykv.loadgen.soak;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.nio.charset.StandardCharsets.US_ASCII;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFPinnedMaps;
import org.kerbykv.bpf.BPFType;
import org.kerbykv.bpf.BTFLayout;

/** The index that a server has pinned, as the compiler of its programs laid it out. */
final class PinnedIndex {
  private static final BTFLayout LAYOUT = BTFLayout.read(BPFLoader.class, "kv.bpf.o");
  private static final BTFLayout.Struct ENTRY = LAYOUT.struct("kv_entry");
  private static final long USER_TIER = LAYOUT.enumerator("KV_TIER_USER");
  private static final long TIER = ENTRY.member("tier").offset();
  private static final long KEY_LENGTH = ENTRY.member("key_len").offset();
  private static final BTFLayout.Member HEAD = ENTRY.member("head");

  private PinnedIndex() {}

  /** The keys, of those that stand in their entries, whose values are in user space. */
  static List<String> keysOfUserTier(Path pins) {
    List<String> keys = new ArrayList<>();
    try (BPFPinnedMaps maps = BPFPinnedMaps.open(pins)) {
      maps.getHashMap("kv_index", BPFType.INT64, BPFType.bytes((int) ENTRY.size()))
          .walk(
              (_, entry) -> {
                int length = Byte.toUnsignedInt(entry.get(JAVA_BYTE, KEY_LENGTH));
                if (entry.get(JAVA_BYTE, TIER) == USER_TIER && length <= HEAD.size()) {
                  keys.add(key(entry, length));
                }
              });
    }
    return keys;
  }

  private static String key(MemorySegment entry, int length) {
    return new String(entry.asSlice(HEAD.offset(), length).toArray(JAVA_BYTE), US_ASCII);
  }
}
