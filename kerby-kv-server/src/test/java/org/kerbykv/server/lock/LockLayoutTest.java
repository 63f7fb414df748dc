package org.kerbykv.server.lock;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BTFLayout;

/** The Java side's offsets and numbers against the BTF of the compiled programs. */
class LockLayoutTest {
  private final BTFLayout layout = BTFLayout.read(BPFLoader.class, LockDoors.RESOURCE);

  private void assertOffset(String struct, String member, long offset) {
    assertThat(layout.struct(struct).member(member).offset())
        .as(struct + "." + member)
        .isEqualTo(offset);
  }

  private void assertSize(String struct, long bytes) {
    assertThat(layout.struct(struct).size()).as(struct).isEqualTo(bytes);
  }

  @Test
  void whatTheMapsHold() {
    assertSize("lock_entry", LockEntry.BYTES);
    assertOffset("lock_entry", "word", LockEntry.WORD);
    assertOffset("lock_entry", "expires", LockEntry.EXPIRES);
    assertOffset("lock_entry", "head", LockEntry.HEAD);
    assertOffset("lock_entry", "more", LockEntry.MORE);
    assertOffset("lock_entry", "waiting", LockEntry.WAITING);
    assertOffset("lock_entry", "holders", LockEntry.HOLDERS);
    long first = layout.struct("lock_entry").member("first").offset();
    assertOffset("lock_holder", "sequence", LockEntry.FIRST_SEQUENCE - first);
    assertOffset("lock_entry", "watched", LockEntry.WATCHED);
    assertSize("lock_node", LockNode.BYTES);
    assertOffset("lock_node", "next", LockNode.NEXT);
    assertOffset("lock_node", "lock", LockNode.LOCK);
    assertOffset("lock_node", "held", LockNode.HELD);
    assertSize("lock_session", LockClient.BYTES);
    assertOffset("lock_session", "word", LockClient.WORD);
    assertOffset("lock_session", "seen", LockClient.SEEN);
    assertOffset("lock_ctl", "layout_version", LockDoors.LAYOUT_VERSION);
    assertOffset("lock_ctl", "token_base", LockDoors.TOKEN_BASE);
  }

  @Test
  void whatGoesThroughTheDoor() {
    assertSize("lock_slot", LockSlot.BYTES);
    assertOffset("lock_slot", "op", LockSlot.OP);
    assertOffset("lock_slot", "status", LockSlot.STATUS);
    assertOffset("lock_slot", "message", LockSlot.MESSAGE);
    assertOffset("lock_slot", "flow", LockSlot.FLOW);
    assertOffset("lock_slot", "ifindex", LockSlot.IFINDEX);
    assertOffset("lock_slot", "notices", LockSlot.NOTICES);
    assertOffset("lock_slot", "number", LockSlot.NUMBER);
    assertOffset("lock_slot", "since", LockSlot.SINCE);
    assertOffset("lock_slot", "due", LockSlot.DUE);
    assertOffset("lock_slot", "notice", LockSlot.NOTICE);
    assertThat(layout.enumerator("LOCK_SLOT_NOP")).isEqualTo(LockSlot.OP_NOP);
    assertThat(layout.enumerator("LOCK_SLOT_MESSAGE")).isEqualTo(LockSlot.OP_MESSAGE);
    assertThat(layout.enumerator("LOCK_SLOT_SWEEP")).isEqualTo(LockSlot.OP_SWEEP);
    assertThat(layout.enumerator("LOCK_SLOT_REAP_LOCK")).isEqualTo(LockSlot.OP_REAP_LOCK);
    assertThat(layout.enumerator("LOCK_SLOT_REAP_CLIENT")).isEqualTo(LockSlot.OP_REAP_CLIENT);
    assertThat(layout.enumerator("LOCK_SLOT_DONE")).isEqualTo(LockSlot.DONE);
    assertThat(layout.enumerator("LOCK_SLOT_AGAIN")).isEqualTo(LockSlot.AGAIN);
    assertThat(layout.enumerator("LOCK_SLOT_FULL")).isEqualTo(LockSlot.FULL);
  }

  @Test
  void whatIsSent() {
    assertSize("lock_message", LockMessage.BYTES);
    assertOffset("lock_message", "version", LockMessage.VERSION);
    assertOffset("lock_message", "status", LockMessage.STATUS);
    assertOffset("lock_message", "token", LockMessage.TOKEN);
    assertOffset("lock_message", "wait", LockMessage.WAIT);
    assertOffset("lock_message", "lease", LockMessage.LEASE);
    assertThat(layout.enumerator("LOCK_REQUEST")).isEqualTo(LockMessage.REQUEST);
    assertThat(layout.enumerator("LOCK_NO_ROOM")).isEqualTo(LockMessage.NO_ROOM);
    assertSize("lock_notice", LockNotice.BYTES);
    assertOffset("lock_notice", "message", LockNotice.MESSAGE);
    assertOffset("lock_notice", "flow", LockNotice.FLOW);
    assertSize("net_flow", LockFlow.BYTES);
    assertOffset("net_flow", "src", LockFlow.SRC);
    assertOffset("net_flow", "dst", LockFlow.DST);
    assertOffset("net_flow", "sport", LockFlow.SPORT);
    assertOffset("net_flow", "dport", LockFlow.DPORT);
    assertOffset("net_flow", "kind", LockFlow.KIND);
  }

  @Test
  void whatIsTold() {
    assertOffset("lock_event", "kind", LockKeeper.EVENT_KIND);
    assertOffset("lock_event", "number", LockKeeper.EVENT_NUMBER);
    assertOffset("lock_event", "due", LockKeeper.EVENT_DUE);
    assertOffset("lock_event", "notice", LockKeeper.EVENT_NOTICE);
    assertThat(layout.enumerator("LOCK_EVENT_WATCH")).isEqualTo(LockKeeper.EVENT_WATCH);
    assertSize("lock_stats", LockStats.BYTES);
    assertOffset("lock_stats", "held", (long) LockStats.HELD * Long.BYTES);
    assertOffset("lock_stats", "waiting", (LockStats.HELD + 1L) * Long.BYTES);
    assertOffset("lock_stats", "inconsistent", (LockStats.HELD + 2L) * Long.BYTES);
    assertThat(layout.enumerator("LOCK_PATH_MAX")).isEqualTo(LockStats.Path.values().length);
    assertThat(layout.enumerator("LOCK_STATUS_MAX")).isEqualTo(LockStats.Result.values().length);
    for (LockStats.Op op : LockStats.Op.values()) {
      if (op != LockStats.Op.OTHER) {
        assertThat(layout.enumerator("LOCK_" + op)).isEqualTo(number(op));
      }
    }
    for (LockStats.Result result : LockStats.Result.values()) {
      if (result != LockStats.Result.PASSED) {
        assertThat(layout.enumerator("LOCK_" + result)).isEqualTo(number(result));
      }
    }
  }

  @SuppressWarnings("EnumOrdinal") // that is what is checked
  private static long number(Enum<?> value) {
    return value.ordinal();
  }
}
