package org.kerbykv.bpf.programs;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.kerbykv.bpf.BPFMaps;
import org.kerbykv.bpf.BPFType;
import org.kerbykv.bpf.BTFLayout;

/**
 * What the maps of Kerby-Lock hold, as it is.
 *
 * @param entries by the number of the lock
 * @param nodes by pool index
 * @param sessions by the number of the client
 */
record LockState(Map<Long, Entry> entries, Map<Long, Node> nodes, Map<Long, Session> sessions) {

  /** struct lock_entry. */
  record Entry(
      long word,
      long lock,
      long token,
      long expires,
      long deadline,
      long head,
      long tail,
      long more,
      int waiting,
      int holders,
      int mode,
      boolean behind,
      Holder first) {}

  /** struct lock_holder. */
  record Holder(long client, long sequence, long token, long until) {}

  /** struct lock_node, but for how it is reached. */
  record Node(
      long next,
      long prev,
      long lock,
      long client,
      long sequence,
      long token,
      long until,
      int mode,
      boolean held) {}

  /**
   * struct lock_session.
   *
   * @param records states by sequence
   */
  record Session(long word, long client, long seen, Map<Long, Long> records) {
    /** How many acquisitions are not over. */
    long live() {
      return records.values().stream().filter(state -> (state & 0xff) == 0).count();
    }
  }

  /** Reads the maps, which nobody changes meanwhile. */
  static LockState read(BPFMaps maps) {
    Map<Long, Entry> entries = new TreeMap<>();
    maps.getHashMap("lock_table", BPFType.INT64, BPFType.bytes((int) LockAbi.ENTRY.size()))
        .walk((key, value) -> entries.put(key.get(JAVA_LONG, 0), entry(value)));
    Map<Long, Node> nodes = new HashMap<>();
    maps.getHashMap("kerby_pool", BPFType.INT64, BPFType.bytes((int) LockAbi.NODE.size()))
        .walk((key, value) -> nodes.put(key.get(JAVA_LONG, 0), node(value)));
    Map<Long, Session> sessions = new HashMap<>();
    maps.getHashMap("lock_sessions", BPFType.INT64, BPFType.bytes((int) LockAbi.SESSION.size()))
        .walk((key, value) -> sessions.put(key.get(JAVA_LONG, 0), session(value)));
    return new LockState(entries, nodes, sessions);
  }

  private static Entry entry(MemorySegment at) {
    BTFLayout.Struct entry = LockAbi.ENTRY;
    long first = entry.member("first").offset();
    return new Entry(
        u64(at, entry, "word"),
        u64(at, entry, "lock"),
        u64(at, entry, "token"),
        u64(at, entry, "expires"),
        u64(at, entry, "deadline"),
        u64(at, entry, "head"),
        u64(at, entry, "tail"),
        u64(at, entry, "more"),
        at.get(JAVA_INT, entry.member("waiting").offset()),
        at.get(JAVA_INT, entry.member("holders").offset()),
        u8(at, entry, "mode"),
        u8(at, entry, "behind") != 0,
        holder(at.asSlice(first, LockAbi.HOLDER.size())));
  }

  private static Holder holder(MemorySegment at) {
    BTFLayout.Struct holder = LockAbi.HOLDER;
    return new Holder(
        u64(at, holder, "client"),
        u64(at, holder, "sequence"),
        u64(at, holder, "token"),
        u64(at, holder, "until"));
  }

  private static Node node(MemorySegment at) {
    BTFLayout.Struct node = LockAbi.NODE;
    return new Node(
        u64(at, node, "next"),
        u64(at, node, "prev"),
        u64(at, node, "lock"),
        u64(at, node, "client"),
        u64(at, node, "sequence"),
        u64(at, node, "token"),
        u64(at, node, "until"),
        u8(at, node, "mode"),
        u8(at, node, "held") != 0);
  }

  private static Session session(MemorySegment at) {
    BTFLayout.Struct session = LockAbi.SESSION;
    Map<Long, Long> records = new HashMap<>();
    for (int i = 0; i < LockAbi.WINDOW; i++) {
      MemorySegment record =
          at.asSlice(
              session.member("record").offset() + i * LockAbi.RECORD.size(), LockAbi.RECORD.size());
      long sequence = u64(record, LockAbi.RECORD, "sequence");
      if (sequence != 0) {
        records.put(sequence, u64(record, LockAbi.RECORD, "state"));
      }
    }
    return new Session(
        u64(at, session, "word"), u64(at, session, "client"), u64(at, session, "seen"), records);
  }

  private static long u64(MemorySegment at, BTFLayout.Struct struct, String member) {
    return at.get(JAVA_LONG, struct.member(member).offset());
  }

  private static int u8(MemorySegment at, BTFLayout.Struct struct, String member) {
    return at.get(JAVA_BYTE, struct.member(member).offset());
  }
}
