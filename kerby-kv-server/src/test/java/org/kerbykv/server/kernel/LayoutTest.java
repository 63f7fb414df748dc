package org.kerbykv.server.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BTFLayout;

/** The Java side's offsets against the BTF of the compiled programs. */
class LayoutTest {
  private final BTFLayout layout = BTFLayout.read(BPFLoader.class, KernelDoors.RESOURCE);

  @Test
  void indexEntry() {
    BTFLayout.Struct entry = layout.struct("kv_entry");
    assertThat(entry.size()).isEqualTo(KvEntry.BYTES);
    assertOffset(entry, "word", KvEntry.WORD);
    assertOffset(entry, "identity", KvEntry.IDENTITY);
    assertOffset(entry, "first", KvEntry.FIRST);
    assertOffset(entry, "token", KvEntry.TOKEN);
    assertOffset(entry, "flags", KvEntry.FLAGS);
    assertOffset(entry, "exptime", KvEntry.EXPTIME);
    assertOffset(entry, "value_len", KvEntry.VALUE_LEN);
    assertOffset(entry, "last_access", KvEntry.LAST_ACCESS);
    assertOffset(entry, "blocks", KvEntry.BLOCKS);
    assertOffset(entry, "key_len", KvEntry.KEY_LEN);
    assertOffset(entry, "tier", KvEntry.TIER);
    assertOffset(entry, "state", KvEntry.STATE);
    assertOffset(entry, "fetched", KvEntry.FETCHED);
    assertOffset(entry, "cas", KvEntry.CAS);
    assertOffset(entry, "large", KvEntry.LARGE);
    assertOffset(entry, "head", KvEntry.HEAD);
    assertThat(layout.enumerator("KV_TIER_KERNEL")).isEqualTo(KvEntry.TIER_KERNEL);
    assertThat(layout.enumerator("KV_TIER_USER")).isEqualTo(KvEntry.TIER_USER);
  }

  @Test
  void control() {
    BTFLayout.Struct ctl = layout.struct("kv_ctl");
    assertThat(ctl.size()).isEqualTo(KvCtl.BYTES);
    assertOffset(ctl, "layout_version", KvCtl.LAYOUT_VERSION);
    assertOffset(ctl, "hash_key", KvCtl.HASH_KEY);
    assertOffset(ctl, "flush_version", KvCtl.FLUSH_VERSION);
    assertOffset(ctl, "unix_minus_boot", KvCtl.UNIX_MINUS_BOOT);
    assertOffset(ctl, "epoch", KvCtl.EPOCH);
    assertOffset(ctl, "next_version", KvCtl.NEXT_VERSION);
  }

  @Test
  void counters() {
    BTFLayout.Struct stats = layout.struct("kv_stats");
    assertThat(stats.size()).isEqualTo(KvStats.BYTES);
    assertOffset(stats, "items", KvStats.PATHS * KvStats.OPERATIONS * KvStats.RESULTS * 8);
    assertThat(layout.enumerator("KV_PATH_MAX")).isEqualTo(KvStats.PATHS);
    assertThat(layout.enumerator("KV_OP_MAX")).isEqualTo(KvStats.OPERATIONS);
    assertThat(layout.enumerator("KV_RESULT_MAX")).isEqualTo(KvStats.RESULTS);
  }

  @Test
  void allocator() {
    assertOffset(layout.struct("kerby_state"), "blocks_in_use", KernelDoors.BLOCKS_IN_USE);
    assertOffset(layout.struct("kerby_state"), "next_index", KernelDoors.NEXT_INDEX);
  }

  private static void assertOffset(BTFLayout.Struct struct, String member, long offset) {
    assertThat(struct.member(member).offset()).as(struct.name() + "." + member).isEqualTo(offset);
  }
}
