package org.kerbykv.bpf.programs;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.lang.foreign.MemorySegment;
import org.kerbykv.bpf.BPFType;

/**
 * struct kv_entry, a value of kv_index; the members are explained in kv_abi.h.
 *
 * @param head one character for each byte
 */
record KvEntry(
    long word,
    long identity,
    long first,
    long token,
    int flags,
    int exptime,
    int valueLength,
    int lastAccess,
    int blocks,
    int keyLength,
    int tier,
    int state,
    int fetched,
    int large,
    long cas,
    String head) {

  /** How it looks in the map. */
  static final BPFType<KvEntry> TYPE =
      new BPFType<>() {
        @Override
        public long byteSize() {
          return KvAbi.ENTRY.size();
        }

        @Override
        public KvEntry read(MemorySegment segment, long offset) {
          MemorySegment entry = segment.asSlice(offset, byteSize());
          return new KvEntry(
              entry.get(JAVA_LONG, at("word")),
              entry.get(JAVA_LONG, at("identity")),
              entry.get(JAVA_LONG, at("first")),
              entry.get(JAVA_LONG, at("token")),
              entry.get(JAVA_INT, at("flags")),
              entry.get(JAVA_INT, at("exptime")),
              entry.get(JAVA_INT, at("value_len")),
              entry.get(JAVA_INT, at("last_access")),
              Short.toUnsignedInt(entry.get(JAVA_SHORT, at("blocks"))),
              Byte.toUnsignedInt(entry.get(JAVA_BYTE, at("key_len"))),
              entry.get(JAVA_BYTE, at("tier")),
              entry.get(JAVA_BYTE, at("state")),
              entry.get(JAVA_BYTE, at("fetched")),
              entry.get(JAVA_BYTE, at("large")),
              entry.get(JAVA_LONG, at("cas")),
              new String(
                  entry.asSlice(at("head"), KvAbi.HEAD_BYTES).toArray(JAVA_BYTE), ISO_8859_1));
        }

        @Override
        public void write(MemorySegment segment, long offset, KvEntry value) {
          MemorySegment entry = segment.asSlice(offset, byteSize());
          entry.set(JAVA_LONG, at("word"), value.word);
          entry.set(JAVA_LONG, at("identity"), value.identity);
          entry.set(JAVA_LONG, at("first"), value.first);
          entry.set(JAVA_LONG, at("token"), value.token);
          entry.set(JAVA_INT, at("flags"), value.flags);
          entry.set(JAVA_INT, at("exptime"), value.exptime);
          entry.set(JAVA_INT, at("value_len"), value.valueLength);
          entry.set(JAVA_INT, at("last_access"), value.lastAccess);
          entry.set(JAVA_SHORT, at("blocks"), (short) value.blocks);
          entry.set(JAVA_BYTE, at("key_len"), (byte) value.keyLength);
          entry.set(JAVA_BYTE, at("tier"), (byte) value.tier);
          entry.set(JAVA_BYTE, at("state"), (byte) value.state);
          entry.set(JAVA_BYTE, at("fetched"), (byte) value.fetched);
          entry.set(JAVA_BYTE, at("large"), (byte) value.large);
          entry.set(JAVA_LONG, at("cas"), value.cas);
          entry
              .asSlice(at("head"), KvAbi.HEAD_BYTES)
              .copyFrom(MemorySegment.ofArray(value.head.getBytes(ISO_8859_1)));
        }
      };

  /** The number of the version. */
  long version() {
    return word >>> 1;
  }

  KvEntry withWord(long newWord) {
    return with(newWord, exptime, lastAccess, fetched);
  }

  /** The same without an exptime. */
  KvEntry untimed() {
    return with(word, KvAbi.EXPTIME_NEVER, lastAccess, fetched);
  }

  /** The same as if nobody had read it. */
  KvEntry unfetched() {
    return with(word, exptime, lastAccess, 0);
  }

  /** The same without the time of the last access. */
  KvEntry unaccessed() {
    return with(word, exptime, 0, fetched);
  }

  private KvEntry with(long newWord, int newExptime, int newLastAccess, int newFetched) {
    return new KvEntry(
        newWord,
        identity,
        first,
        token,
        flags,
        newExptime,
        valueLength,
        newLastAccess,
        blocks,
        keyLength,
        tier,
        state,
        newFetched,
        large,
        cas,
        head);
  }

  private static long at(String member) {
    return KvAbi.ENTRY.member(member).offset();
  }
}
