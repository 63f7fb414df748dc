package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.MemcachedText.value;

import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.programs.KvAbi.Cond;
import org.kerbykv.bpf.programs.KvAbi.Op;
import org.kerbykv.bpf.programs.KvAbi.Status;

/** User space's door in stores that are not as a server's: colliding keys, jumbo datagrams. */
@RequiresBPF
class UserDoorLimitsTest {
  private static final long TOKEN = 77;

  @Test
  void aKeyWithTheIdentityOfAnother() {
    try (KvStore store = new KvStore(CollisionFixtures.config(64))) {
      for (String key : new String[] {"k", MemcachedText.key(250)}) {
        String other = key.substring(1) + "~";
        store.clear();
        store.set(key, value(300));
        changesNothing(store, other);
        store.setUser(key, TOKEN, 300);
        changesNothing(store, other);
        store.slot(0).request(Op.TOUCH, key).exptime(KvAbi.EXPTIME_PAST);
        store.runDoor(0, 1);
        changesNothing(store, other);
      }
    }
  }

  private static void changesNothing(KvStore store, String key) {
    Contents before = Contents.of(store);
    KvSlot slot = store.slot(0);
    assertThat(store.run(slot.request(Op.GET, key))).isEqualTo(Status.MISS);
    assertThat(store.run(slot.request(Op.TOUCH, key).exptime(5))).isEqualTo(Status.MISS);
    for (int length : new int[] {300, 1000}) {
      slot.request(Op.SET, key).value(value(length));
      assertThat(store.run(slot)).isEqualTo(Status.COLLISION);
      assertThat(slot.oldTier()).isZero();
    }
    slot.request(Op.SET, key).userValue(TOKEN + 1, 5);
    assertThat(store.run(slot)).isEqualTo(Status.COLLISION);
    assertThat(slot.oldTier()).isZero();
    for (Cond condition : Cond.values()) {
      slot.request(Op.SET, key).value("v").condition(condition);
      assertThat(store.run(slot)).as("SET if %s", condition).isEqualTo(Status.COLLISION);
      slot.request(Op.DELETE, key).condition(condition);
      assertThat(store.run(slot)).as("DELETE if %s", condition).isEqualTo(Status.MISS);
      assertThat(slot.oldTier()).as("old_tier of a delete that removed nothing").isZero();
    }
    assertThat(Contents.of(store)).isEqualTo(before);
    StoreAudit.check(store);
  }

  @Test
  void theLongestValueThereIs() {
    KvConfig jumbo = KvConfig.of(32).withCapacity(1024).withConstant("kv_datagram_max", 65_000);
    try (KvStore store = new KvStore(jumbo)) {
      String key = MemcachedText.key(250);
      store.set(key, value(KvAbi.VALUE_MAX));
      assertThat(store.get(key).value()).isEqualTo(value(KvAbi.VALUE_MAX));
      KvSlot slot = store.slot(0).request(Op.SET, key).value("v");
      assertThat(store.run(slot.valueLength(KvAbi.VALUE_MAX + 1))).isEqualTo(Status.INVALID);
      StoreAudit.check(store);
    }
  }
}
