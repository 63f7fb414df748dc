package org.kerbykv.server.store;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BTFLayout;

/** {@link KvSlot} against the BTF of the compiled programs. */
class KvSlotTest {
  private final BTFLayout layout = BTFLayout.read(BPFLoader.class, "kv.bpf.o");

  @Test
  void offsets() {
    BTFLayout.Struct slot = layout.struct("kv_slot");
    assertThat(slot.size()).isEqualTo(KvSlot.BYTES);
    assertThat(slot.member("op").offset()).isEqualTo(KvSlot.OP);
    assertThat(slot.member("cond").offset()).isEqualTo(KvSlot.COND);
    assertThat(slot.member("key_len").offset()).isEqualTo(KvSlot.KEY_LEN);
    assertThat(slot.member("tier").offset()).isEqualTo(KvSlot.TIER);
    assertThat(slot.member("status").offset()).isEqualTo(KvSlot.STATUS);
    assertThat(slot.member("flags").offset()).isEqualTo(KvSlot.FLAGS);
    assertThat(slot.member("exptime").offset()).isEqualTo(KvSlot.EXPTIME);
    assertThat(slot.member("value_len").offset()).isEqualTo(KvSlot.VALUE_LEN);
    assertThat(slot.member("old_tier").offset()).isEqualTo(KvSlot.OLD_TIER);
    assertThat(slot.member("cas").offset()).isEqualTo(KvSlot.CAS);
    assertThat(slot.member("token").offset()).isEqualTo(KvSlot.TOKEN);
    assertThat(slot.member("old_token").offset()).isEqualTo(KvSlot.OLD_TOKEN);
    assertThat(slot.member("version").offset()).isEqualTo(KvSlot.VERSION);
    assertThat(slot.member("new_cas").offset()).isEqualTo(KvSlot.NEW_CAS);
    assertThat(slot.member("last_access").offset()).isEqualTo(KvSlot.LAST_ACCESS);
    assertThat(slot.member("keep").offset()).isEqualTo(KvSlot.KEEP);
    assertThat(slot.member("state").offset()).isEqualTo(KvSlot.STATE);
    assertThat(slot.member("clear").offset()).isEqualTo(KvSlot.CLEAR);
    assertThat(slot.member("key").offset()).isEqualTo(KvSlot.KEY);
    assertThat(slot.member("scratch").offset()).isEqualTo(KvSlot.SCRATCH);
    assertThat(slot.member("value").offset()).isEqualTo(KvSlot.VALUE);
    assertThat(slot.member("value").size()).isEqualTo(KvSlot.VALUE_MAX);
  }

  @Test
  void numbers() {
    assertThat(layout.enumerator("KV_SLOT_NOP")).isEqualTo(KvSlot.NOP);
    assertThat(layout.enumerator("KV_SLOT_GET")).isEqualTo(KvSlot.GET);
    assertThat(layout.enumerator("KV_SLOT_SET")).isEqualTo(KvSlot.SET);
    assertThat(layout.enumerator("KV_SLOT_DELETE")).isEqualTo(KvSlot.DELETE);
    assertThat(layout.enumerator("KV_SLOT_TOUCH")).isEqualTo(KvSlot.TOUCH);
    assertThat(layout.enumerator("KV_SLOT_REAP")).isEqualTo(KvSlot.REAP);
    assertThat(layout.enumerator("KV_SLOT_FLUSH")).isEqualTo(KvSlot.FLUSH);
    assertThat(layout.enumerator("KV_IF_ANY")).isEqualTo(KvSlot.IF_ANY);
    assertThat(layout.enumerator("KV_IF_ABSENT")).isEqualTo(KvSlot.IF_ABSENT);
    assertThat(layout.enumerator("KV_IF_PRESENT")).isEqualTo(KvSlot.IF_PRESENT);
    assertThat(layout.enumerator("KV_IF_CAS")).isEqualTo(KvSlot.IF_CAS);
    assertThat(layout.enumerator("KV_IF_VERSION")).isEqualTo(KvSlot.IF_VERSION);
    assertThat(layout.enumerator("KV_KEEP_EXPTIME")).isEqualTo(KvSlot.KEEP_EXPTIME);
    assertThat(layout.enumerator("KV_KEEP_ITEM")).isEqualTo(KvSlot.KEEP_ITEM);
    assertThat(layout.enumerator("KV_KEEP_ACCESS")).isEqualTo(KvSlot.KEEP_ACCESS);
    assertThat(layout.enumerator("KV_STATE_STALE")).isEqualTo(KvSlot.STALE);
    assertThat(layout.enumerator("KV_STATE_WON")).isEqualTo(KvSlot.WON);
    assertThat(layout.enumerator("KV_STATE_FETCHED")).isEqualTo(KvSlot.FETCHED);
    assertThat(layout.enumerator("KV_OK")).isEqualTo(KvSlot.OK);
    assertThat(layout.enumerator("KV_MISS")).isEqualTo(KvSlot.MISS);
    assertThat(layout.enumerator("KV_EXISTS")).isEqualTo(KvSlot.EXISTS);
    assertThat(layout.enumerator("KV_BUSY")).isEqualTo(KvSlot.BUSY);
    assertThat(layout.enumerator("KV_NOSPC")).isEqualTo(KvSlot.NOSPC);
    assertThat(layout.enumerator("KV_TOO_BIG")).isEqualTo(KvSlot.TOO_BIG);
    assertThat(layout.enumerator("KV_COLLISION")).isEqualTo(KvSlot.COLLISION);
    assertThat(layout.enumerator("KV_INVALID")).isEqualTo(KvSlot.INVALID);
    assertThat(layout.enumerator("KV_USER")).isEqualTo(KvSlot.USER);
    assertThat(layout.enumerator("KV_TIER_KERNEL")).isEqualTo(KvSlot.TIER_KERNEL);
    assertThat(layout.enumerator("KV_TIER_USER")).isEqualTo(KvSlot.TIER_USER);
  }
}
