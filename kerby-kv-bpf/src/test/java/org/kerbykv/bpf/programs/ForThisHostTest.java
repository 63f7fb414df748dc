package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;

/**
 * What the doors of packets know of a packet besides its bytes. TC knows whom it is for, and how
 * many datagrams it stands for. XDP knows neither; its frames are as they came off the wire.
 */
@RequiresBPF
class ForThisHostTest {
  private static final long OTHER_MAC = 0x02_6b_65_72_62_01L;

  private static final Frame REQUEST = Frame.request(MemcachedText.get("k"));

  private static KvStore store;

  @BeforeAll
  static void load() {
    store = new KvStore(KvConfig.of(128));
    store.set("k", "value");
  }

  @AfterAll
  static void unload() {
    store.close();
  }

  @Test
  void xdpTakesAFrameToAnyAddressAndAnswersFromThere() {
    Frame request = REQUEST.set48(Frame.MAC_DESTINATION, OTHER_MAC);
    assertThat(store.send(PacketDoor.XDP, request))
        .isEqualTo(
            new KvSession.Outcome(
                PacketDoor.Verdict.REPLY, request.reply(MemcachedText.hit("k", 0, "value"))));
  }

  @Test
  void tcLeavesAFrameToAnotherHostAlone() {
    Frame request = REQUEST.set48(Frame.MAC_DESTINATION, OTHER_MAC);
    assertThat(store.send(PacketDoor.TC, request))
        .isEqualTo(new KvSession.Outcome(PacketDoor.Verdict.UP, request));
  }

  @Test
  void tcLeavesSeveralDatagramsInOneAlone() {
    assertThat(store.sendWithGso(0, REQUEST).verdict()).isEqualTo(PacketDoor.Verdict.REPLY);
    assertThat(store.sendWithGso(5, REQUEST))
        .isEqualTo(new KvSession.Outcome(PacketDoor.Verdict.UP, REQUEST));
  }
}
