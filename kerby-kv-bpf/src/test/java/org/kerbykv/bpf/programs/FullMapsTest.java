package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.MemcachedText.delete;
import static org.kerbykv.bpf.programs.MemcachedText.set;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;

/**
 * Maps that are full, the pool's before its allocator says so: nothing is lost, nothing leaks, and
 * the request goes up.
 */
@RequiresBPF
class FullMapsTest {
  private static final KvConfig CONFIG = KvConfig.of(32);

  private static void goesUp(KvStore store, PacketDoor door, String text) {
    Contents before = Contents.of(store);
    Frame request = Frame.request(text);
    assertThat(store.send(door, request))
        .isEqualTo(new KvSession.Outcome(PacketDoor.Verdict.UP, request));
    assertThat(Contents.of(store)).isEqualTo(before);
    StoreAudit.check(store);
  }

  private static void replies(KvStore store, PacketDoor door, String text, String reply) {
    Frame request = Frame.request(text);
    assertThat(store.send(door, request))
        .isEqualTo(new KvSession.Outcome(PacketDoor.Verdict.REPLY, request.reply(reply)));
    StoreAudit.check(store);
  }

  @Test
  void indexWithoutRoomForAnotherKey() {
    try (KvStore store = new KvStore(CONFIG.withEntries("kv_index", 2))) {
      for (PacketDoor door : PacketDoor.values()) {
        store.clear();
        store.set("a", "one");
        store.set("b", "two");
        goesUp(store, door, set("c", "three"));
        KvSlot slot = store.slot(0).request(KvAbi.Op.SET, "c").value("three");
        assertThat(store.run(slot)).isEqualTo(KvAbi.Status.NOSPC);
        StoreAudit.check(store);
        replies(store, door, set("b", "b".repeat(100)), MemcachedText.STORED);
        replies(store, door, delete("a"), MemcachedText.DELETED);
        replies(store, door, set("c", "three"), MemcachedText.STORED);
        assertThat(store.get("c").value()).isEqualTo("three");
      }
    }
  }

  /** The kernel refuses a block in the middle of a chain: those that were made go back. */
  @Test
  void blocksThatEndHalfWayThroughAChain() {
    String tooLong = "l".repeat(500);
    try (KvStore store = new KvStore(CONFIG.withEntries("kerby_pool", 8))) {
      for (PacketDoor door : PacketDoor.values()) {
        store.clear();
        store.set("a", "a".repeat(40));
        goesUp(store, door, set("k", tooLong));
        goesUp(store, door, set("a", tooLong));
        for (String key : new String[] {"k", "a"}) {
          KvSlot slot = store.slot(0).request(KvAbi.Op.SET, key).value(tooLong);
          assertThat(store.run(slot)).isEqualTo(KvAbi.Status.NOSPC);
          StoreAudit.check(store);
        }
        assertThat(store.get("a").value()).isEqualTo("a".repeat(40));
        replies(store, door, set("k", "k".repeat(150)), MemcachedText.STORED);
        assertThat(store.get("k").value()).isEqualTo("k".repeat(150));
      }
    }
  }

  /** A value of the user tier is not superseded when that cannot be told. */
  @Test
  void ringBufferWithoutRoomForAnotherToken() {
    try (KvStore store = new KvStore(CONFIG)) {
      for (PacketDoor door : PacketDoor.values()) {
        store.clear();
        List<Long> superseded = fillEvents(store);
        store.setUser("k", 1000, 5);
        goesUp(store, door, set("k", "v"));
        goesUp(store, door, delete("k"));
        replies(store, door, set("other", "v"), MemcachedText.STORED);
        userSpaceSupersedes(store);

        assertThat(store.drainEvents()).isEqualTo(superseded);
        replies(store, door, set("k", "v"), MemcachedText.STORED);
        assertThat(store.drainEvents()).containsExactly(1000L);
      }
    }
  }

  /** User space's door tells in the slot, and needs no room. */
  private static void userSpaceSupersedes(KvStore store) {
    store.setUser("u", 2000, 5);
    KvSlot slot = store.slot(0).request(KvAbi.Op.SET, "u").value("v");
    assertThat(store.run(slot)).isEqualTo(KvAbi.Status.OK);
    assertThat(slot.oldTier()).isEqualTo(KvAbi.TIER_USER);
    assertThat(slot.oldToken()).isEqualTo(2000);
    store.setUser("u", 2001, 5);
    slot.request(KvAbi.Op.DELETE, "u");
    assertThat(store.run(slot)).isEqualTo(KvAbi.Status.OK);
    assertThat(slot.oldToken()).isEqualTo(2001);
    StoreAudit.check(store);
  }

  /** Supersedes values of the user tier until that goes up; returns their tokens. */
  private static List<Long> fillEvents(KvStore store) {
    List<Long> tokens = new ArrayList<>();
    for (long token = 1; ; token++) {
      store.setUser("x", token, 5);
      KvSession.Outcome outcome = store.send(PacketDoor.XDP, Frame.request(set("x", "v")));
      if (outcome.verdict() == PacketDoor.Verdict.UP) {
        assertThat(tokens).hasSizeGreaterThan(100);
        return tokens;
      }
      tokens.add(token);
    }
  }
}
