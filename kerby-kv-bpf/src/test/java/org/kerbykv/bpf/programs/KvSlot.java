package org.kerbykv.bpf.programs;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.lang.foreign.MemorySegment;
import org.kerbykv.bpf.BTFLayout;

/**
 * One struct kv_slot in the memory shared with user space's door. The setters put a request
 * together; the getters read what the program answered.
 */
final class KvSlot {
  private static final long KEY = KvAbi.SLOT.member("key").offset();
  private static final long VALUE = KvAbi.SLOT.member("value").offset();

  private final int index;
  private final MemorySegment memory;

  KvSlot(int index, MemorySegment memory) {
    this.index = index;
    this.memory = memory;
  }

  /** Which one it is. */
  int index() {
    return index;
  }

  /**
   * A request on {@code key}; all else that the program may read is zero, the rest is as it was.
   */
  KvSlot request(KvAbi.Op op, String key) {
    memory.asSlice(0, KEY).fill((byte) 0);
    set8("op", KvAbi.number(op));
    return key(key);
  }

  /** A request to remove the entry of an identity if it is expired. */
  KvSlot reap(long identity) {
    memory.asSlice(0, KEY).fill((byte) 0);
    memory.set(JAVA_LONG, at("token"), identity);
    return op(KvAbi.number(KvAbi.Op.REAP));
  }

  KvSlot op(int op) {
    return set8("op", op);
  }

  KvSlot key(String key) {
    byte[] bytes = key.getBytes(ISO_8859_1);
    set8("key_len", bytes.length);
    MemorySegment.copy(bytes, 0, memory, JAVA_BYTE, KEY, bytes.length);
    return this;
  }

  /** Only the length, whatever key is there. */
  KvSlot keyLength(int length) {
    return set8("key_len", length);
  }

  /** A value in the kernel. */
  KvSlot value(byte[] value) {
    MemorySegment.copy(value, 0, memory, JAVA_BYTE, VALUE, value.length);
    return tier(KvAbi.TIER_KERNEL).valueLength(value.length);
  }

  KvSlot value(String value) {
    return value(value.getBytes(ISO_8859_1));
  }

  /** A value that user space has, {@code length} bytes long, under {@code token}. */
  KvSlot userValue(long token, int length) {
    memory.set(JAVA_LONG, at("token"), token);
    return tier(KvAbi.TIER_USER).valueLength(length);
  }

  KvSlot valueLength(int length) {
    return set32("value_len", length);
  }

  KvSlot tier(int tier) {
    return set8("tier", tier);
  }

  KvSlot flags(int flags) {
    return set32("flags", flags);
  }

  /** In seconds since boot, or one of EXPTIME_*. */
  KvSlot exptime(int exptime) {
    return set32("exptime", exptime);
  }

  KvSlot condition(KvAbi.Cond condition) {
    return set8("cond", KvAbi.number(condition));
  }

  KvSlot condition(int condition) {
    return set8("cond", condition);
  }

  /** Only if the item's cas is still this one. */
  KvSlot ifCas(long cas) {
    memory.set(JAVA_LONG, at("cas"), cas);
    return condition(KvAbi.Cond.CAS);
  }

  /** Only if the version is still this one. */
  KvSlot ifVersion(long version) {
    memory.set(JAVA_LONG, at("version"), version);
    return condition(KvAbi.Cond.VERSION);
  }

  /** What stays as it is: bits of enum kv_keep. */
  KvSlot keep(int bits) {
    return set8("keep", bits);
  }

  /** State bits that the item gets, and those that it loses. */
  KvSlot state(int set, int clear) {
    set8("clear", clear);
    return set8("state", set);
  }

  KvSlot newCas(long cas) {
    memory.set(JAVA_LONG, at("new_cas"), cas);
    return this;
  }

  /** A get by identity. */
  KvSlot getByIdentity(long identity) {
    memory.asSlice(0, KEY).fill((byte) 0);
    memory.set(JAVA_LONG, at("token"), identity);
    return op(KvAbi.number(KvAbi.Op.GET));
  }

  /** Fills all that is the program's own with rubbish. */
  KvSlot spoilScratch() {
    BTFLayout.Member scratch = KvAbi.SLOT.member("scratch");
    memory.asSlice(scratch.offset(), scratch.size()).fill((byte) 0xa5);
    return this;
  }

  /** All of the slot's memory, to compare. */
  byte[] bytes() {
    return memory.toArray(JAVA_BYTE);
  }

  KvAbi.Status status() {
    return KvAbi.status(get32("status"));
  }

  int flags() {
    return get32("flags");
  }

  int exptime() {
    return get32("exptime");
  }

  int valueLength() {
    return get32("value_len");
  }

  int tier() {
    return memory.get(JAVA_BYTE, at("tier"));
  }

  int oldTier() {
    return get32("old_tier");
  }

  long version() {
    return memory.get(JAVA_LONG, at("version"));
  }

  int state() {
    return memory.get(JAVA_BYTE, at("state"));
  }

  int lastAccess() {
    return get32("last_access");
  }

  String key() {
    int length = Byte.toUnsignedInt(memory.get(JAVA_BYTE, at("key_len")));
    return new String(memory.asSlice(KEY, length).toArray(JAVA_BYTE), ISO_8859_1);
  }

  long cas() {
    return memory.get(JAVA_LONG, at("cas"));
  }

  long token() {
    return memory.get(JAVA_LONG, at("token"));
  }

  long oldToken() {
    return memory.get(JAVA_LONG, at("old_token"));
  }

  /** The value of as many bytes as the slot says, one character for each. */
  String value() {
    return new String(memory.asSlice(VALUE, valueLength()).toArray(JAVA_BYTE), ISO_8859_1);
  }

  private int get32(String member) {
    return memory.get(JAVA_INT, at(member));
  }

  private KvSlot set32(String member, int value) {
    memory.set(JAVA_INT, at(member), value);
    return this;
  }

  private KvSlot set8(String member, int value) {
    memory.set(JAVA_BYTE, at(member), (byte) value);
    return this;
  }

  private static long at(String member) {
    return KvAbi.SLOT.member(member).offset();
  }
}
