package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.MemcachedText.delete;
import static org.kerbykv.bpf.programs.MemcachedText.get;
import static org.kerbykv.bpf.programs.MemcachedText.set;
import static org.kerbykv.bpf.programs.MemcachedText.value;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.kerbykv.bpf.RequiresBPF;

/**
 * An item of which a block is gone, which no program of ours brings about. Nobody is told that
 * anything is well that is not, and a delete gets rid of it.
 */
@RequiresBPF
class DamagedChainTest {
  private static final int BLOCK = 64;
  private static final int LENGTH = 10 * BLOCK;

  /** Ends in the chain's second block: the first, the head, is never gone. */
  private static final String KEY = MemcachedText.key(150);

  private static final int KEY_BLOCK = 1;
  private static final int MIDDLE_BLOCK = 5;

  private static KvStore store;

  @BeforeAll
  static void load() {
    store = new KvStore(KvConfig.of(BLOCK));
  }

  @AfterAll
  static void unload() {
    store.close();
  }

  @BeforeEach
  void clear() {
    store.clear();
    store.set("other", value(LENGTH));
    store.set(KEY, value(LENGTH));
  }

  private static void damage(int block) {
    store.removeBlock(store.entry(KEY).first() + block);
  }

  private static long complaints() {
    return store.stats()[KvStore.statsWord("inconsistent")];
  }

  private static void goesUp(PacketDoor door, String text) {
    Frame request = Frame.request(text);
    assertThat(store.send(door, request))
        .isEqualTo(new KvSession.Outcome(PacketDoor.Verdict.UP, request));
  }

  private static void replies(PacketDoor door, String text, String reply) {
    Frame request = Frame.request(text);
    assertThat(store.send(door, request))
        .isEqualTo(new KvSession.Outcome(PacketDoor.Verdict.REPLY, request.reply(reply)));
  }

  private static void mended() {
    assertThat(store.get("other").value()).isEqualTo(value(LENGTH));
    StoreAudit.checkMended(store);
  }

  @ParameterizedTest
  @EnumSource(PacketDoor.class)
  void setOfAsManyBlocksIsNotAnsweredAsStored(PacketDoor door) {
    damage(MIDDLE_BLOCK);
    goesUp(door, set(KEY, value(LENGTH + 1)));
    assertThat(complaints()).isPositive();
    goesUp(door, get(KEY));
    KvSlot slot = store.slot(0).request(KvAbi.Op.SET, KEY).value(value(LENGTH + 1));
    assertThat(store.run(slot)).isNotEqualTo(KvAbi.Status.OK);
    replies(door, delete(KEY), MemcachedText.DELETED);
    mended();
  }

  @ParameterizedTest
  @EnumSource(PacketDoor.class)
  void setOfMoreOrFewerBlocksPutsAWholeItemInItsPlace(PacketDoor door) {
    damage(MIDDLE_BLOCK);
    replies(door, set(KEY, value(3 * BLOCK)), MemcachedText.STORED);
    replies(door, get(KEY), MemcachedText.hit(KEY, 0, value(3 * BLOCK)));
    mended();
  }

  @ParameterizedTest
  @EnumSource(PacketDoor.class)
  void deleteRemovesWhatIsLeft(PacketDoor door) {
    damage(KEY_BLOCK);
    goesUp(door, get(KEY));
    replies(door, delete(KEY), MemcachedText.DELETED);
    assertThat(complaints()).isPositive();
    mended();
    replies(door, get(KEY), MemcachedText.END);
    replies(door, set(KEY, "v"), MemcachedText.STORED);
    mended();
  }

  @Test
  void userSpacesDoorIsBusyWithItUntilItIsDeleted() {
    damage(KEY_BLOCK);
    KvSlot slot = store.slot(0);
    assertThat(store.run(slot.request(KvAbi.Op.GET, KEY))).isEqualTo(KvAbi.Status.BUSY);
    assertThat(store.run(slot.request(KvAbi.Op.TOUCH, KEY))).isEqualTo(KvAbi.Status.BUSY);
    assertThat(store.run(slot.request(KvAbi.Op.SET, KEY).value(value(1))))
        .isEqualTo(KvAbi.Status.BUSY);
    assertThat(store.run(slot.request(KvAbi.Op.DELETE, KEY))).isEqualTo(KvAbi.Status.OK);
    assertThat(slot.oldTier()).isEqualTo(KvAbi.TIER_KERNEL);
    mended();
  }
}
