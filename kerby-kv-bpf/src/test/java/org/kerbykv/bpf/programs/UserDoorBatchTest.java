package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.programs.KvAbi.Op;
import org.kerbykv.bpf.programs.KvAbi.Status;

/** Several slots in one run of user space's door. */
@RequiresBPF
class UserDoorBatchTest {
  private static KvStore store;

  @BeforeAll
  static void load() {
    store = new KvStore(KvConfig.of(128));
  }

  @AfterAll
  static void unload() {
    store.close();
  }

  @BeforeEach
  void clear() {
    store.clear();
  }

  @Test
  void batchesOfEverySizeAnywhere() {
    for (int count = 1; count <= KvAbi.BATCH_MAX; count++) {
      for (int first : new int[] {0, 100, KvAbi.SLOTS - count}) {
        for (int i = 0; i < count; i++) {
          store.slot(first + i).request(Op.SET, "k" + i).value("value " + first + " of " + i);
        }
        assertThat(store.runDoor(first, count)).isEqualTo(count);
        for (int i = 0; i < count; i++) {
          assertThat(store.slot(first + i).status()).isEqualTo(Status.OK);
          store.slot(first + i).request(Op.GET, "k" + i);
        }
        assertThat(store.runDoor(first, count)).isEqualTo(count);
        for (int i = 0; i < count; i++) {
          assertThat(store.slot(first + i).value()).isEqualTo("value " + first + " of " + i);
        }
      }
    }
    StoreAudit.check(store);
  }

  @Test
  void slotsAroundTheBatchAreLeftAlone() {
    for (int i = 0; i < 10; i++) {
      store.slot(i).request(Op.SET, "k" + i).value("v");
    }
    byte[] before = store.slot(3).bytes();
    byte[] after = store.slot(6).bytes();
    assertThat(store.runDoor(4, 2)).isEqualTo(2);
    assertThat(store.index()).hasSize(2);
    assertThat(store.slot(3).bytes()).isEqualTo(before);
    assertThat(store.slot(6).bytes()).isEqualTo(after);
  }

  @Test
  void slotsAreHandledInOrder() {
    store.slot(0).request(Op.SET, "k").value("one");
    store.slot(1).request(Op.GET, "k");
    store.slot(2).request(Op.SET, "k").value("two");
    store.slot(3).request(Op.GET, "k");
    store.slot(4).request(Op.DELETE, "k");
    store.slot(5).request(Op.GET, "k");
    store.slot(6).request(Op.SET, "k").value("three");
    assertThat(store.runDoor(0, 7)).isEqualTo(7);
    assertThat(store.slot(1).value()).isEqualTo("one");
    assertThat(store.slot(3).value()).isEqualTo("two");
    assertThat(store.slot(4).status()).isEqualTo(Status.OK);
    assertThat(store.slot(5).status()).isEqualTo(Status.MISS);
    assertThat(store.slot(6).cas()).isGreaterThan(store.slot(2).cas());
    assertThat(store.get("k").value()).isEqualTo("three");
  }

  @Test
  void anEmptySlotIsHandledByNotTouchingIt() {
    KvSlot slot = store.slot(0).request(Op.NOP, "k").value("v").flags(5);
    byte[] before = slot.bytes();
    assertThat(store.runDoor(0, 1)).isEqualTo(1);
    assertThat(slot.bytes()).isEqualTo(before);
    assertThat(store.index()).isEmpty();
  }

  @Test
  void aMalformedSlotDoesNotStopTheBatch() {
    store.slot(0).request(Op.SET, "a").value("v");
    store.slot(1).request(Op.SET, "b").value("v").keyLength(0);
    store.slot(2).request(Op.SET, "c").value("v");
    assertThat(store.runDoor(0, 3)).isEqualTo(3);
    assertThat(store.slot(1).status()).isEqualTo(Status.INVALID);
    assertThat(store.slot(2).status()).isEqualTo(Status.OK);
    assertThat(store.index()).hasSize(2);
  }

  @Test
  void batchesThatAreTooLongOrNotThere() {
    for (int i = 0; i < KvAbi.SLOTS; i++) {
      store.slot(i).request(Op.SET, "k" + i).value("v");
    }
    assertThat(store.runDoor(0, 0)).isZero();
    assertThat(store.runDoor(KvAbi.SLOTS, 1)).isZero();
    assertThat(store.runDoor(-1, 2)).isZero();
    assertThat(store.index()).isEmpty();
    assertThat(store.runDoor(KvAbi.SLOTS - 2, 5)).isEqualTo(2);
    assertThat(store.runDoor(0, KvAbi.BATCH_MAX + 1)).isEqualTo(KvAbi.BATCH_MAX);
    assertThat(store.runDoor(100, -1)).isEqualTo(KvAbi.BATCH_MAX);
    assertThat(store.index()).hasSize(2 + 2 * KvAbi.BATCH_MAX);
  }
}
