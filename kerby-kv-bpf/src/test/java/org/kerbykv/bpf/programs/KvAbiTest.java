package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;

/** What {@link KvAbi} says in Java is what kv_abi.h says in C. */
@RequiresBPF
class KvAbiTest {
  @Test
  void numbersAreThoseOfTheEnumerations() {
    check("KV_SLOT_", KvAbi.Op.values());
    check("KV_IF_", KvAbi.Cond.values());
    check("KV_", KvAbi.Status.values());
    check("KV_PATH_", KvAbi.Path.values());
    check("KV_OP_", KvAbi.CountedOp.values());
    check("KV_RESULT_", KvAbi.CountedResult.values());
    check("NET_DROP_", Sources.Drop.values());
    assertThat(enumerator("NET_DROP_MAX")).isEqualTo(Sources.Drop.values().length);
    assertThat(enumerator("KV_PATH_MAX")).isEqualTo(KvAbi.Path.values().length);
    assertThat(enumerator("KV_OP_MAX")).isEqualTo(KvAbi.CountedOp.values().length);
    assertThat(enumerator("KV_RESULT_MAX")).isEqualTo(KvAbi.CountedResult.values().length);
    assertThat(enumerator("KV_TIER_KERNEL")).isEqualTo(KvAbi.TIER_KERNEL);
    assertThat(enumerator("KV_TIER_USER")).isEqualTo(KvAbi.TIER_USER);
  }

  @Test
  void lengthsAreThoseOfTheStructures() {
    assertThat(KvAbi.SLOT.member("value").size()).isEqualTo(KvAbi.VALUE_MAX);
    assertThat(KvAbi.ENTRY.member("head").size()).isEqualTo(KvAbi.HEAD_BYTES);
    assertThat(KvAbi.SLOT.member("key").size()).isBetween(KvAbi.KEY_MAX + 0L, KvAbi.KEY_MAX + 7L);
    assertThat(KvAbi.ENTRY.size()).isEqualTo(192);
  }

  private static void check(String prefix, Enum<?>[] constants) {
    for (Enum<?> constant : constants) {
      assertThat(enumerator(prefix + constant.name()))
          .as(prefix + constant.name())
          .isEqualTo(KvAbi.number(constant));
    }
  }

  private static long enumerator(String name) {
    return KvAbi.LAYOUT.enumerator(name);
  }
}
