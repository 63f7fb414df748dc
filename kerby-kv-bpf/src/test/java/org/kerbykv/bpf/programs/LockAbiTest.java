package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;

/** What {@link LockAbi} says in Java is what lock_abi.h says in C. */
@RequiresBPF
class LockAbiTest {
  @Test
  void numbersAreThoseOfTheEnumerations() {
    check("LOCK_", LockAbi.Op.values());
    check("LOCK_", LockAbi.Mode.values());
    check("LOCK_", LockAbi.Status.values());
    check("LOCK_SLOT_", LockAbi.SlotOp.values());
    check("LOCK_SLOT_", LockAbi.SlotStatus.values());
    check("LOCK_EVENT_", LockAbi.Event.values());
    assertThat(enumerator("LOCK_STATUS_MAX")).isEqualTo(LockAbi.Status.values().length);
  }

  @Test
  void lengthsAreThoseOfTheStructures() {
    assertThat(LockAbi.LAYOUT.struct("lock_message").size()).isEqualTo(LockMessage.BYTES);
    assertThat(LockAbi.SESSION.member("record").size())
        .isEqualTo(LockAbi.WINDOW * LockAbi.RECORD.size());
    assertThat(LockAbi.SLOT.member("notice").size())
        .isEqualTo(LockAbi.NOTICES_MAX * LockAbi.NOTICE.size());
  }

  /** An enumeration in C may begin with 1, where in Java it has a constant for "none". */
  private static void check(String prefix, Enum<?>[] constants) {
    for (Enum<?> constant : constants) {
      if (!Set.of("NONE").contains(constant.name())) {
        assertThat(enumerator(prefix + constant.name()))
            .as(prefix + constant.name())
            .isEqualTo(KvAbi.number(constant));
      }
    }
  }

  private static long enumerator(String name) {
    return LockAbi.LAYOUT.enumerator(name);
  }
}
