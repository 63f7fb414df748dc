package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;

/** The address and port that the programs were told to serve. */
@RequiresBPF
class ListenTest {
  private static final int LISTEN_IP = 0xc6120a0b; // 198.18.10.11
  private static final int PORT = 0x1234;

  /** The store has {@link Frame#SERVER_IP} for an address of the interface. */
  @Test
  void oneAddressAndPortAlone() {
    KvConfig config =
        KvConfig.of(128)
            .withConstant("kv_listen_ip4", KvAbi.networkOrder(LISTEN_IP))
            .withConstant("kv_udp_port", PORT);
    try (KvStore store = new KvStore(config)) {
      for (PacketDoor door : PacketDoor.values()) {
        assertThat(verdict(store, door, LISTEN_IP, PORT)).isEqualTo(PacketDoor.Verdict.REPLY);
        assertThat(verdict(store, door, Frame.SERVER_IP, PORT)).isEqualTo(PacketDoor.Verdict.UP);
        assertThat(verdict(store, door, Integer.reverseBytes(LISTEN_IP), PORT))
            .isEqualTo(PacketDoor.Verdict.UP);
        assertThat(verdict(store, door, LISTEN_IP, Frame.SERVER_PORT))
            .isEqualTo(PacketDoor.Verdict.UP);
        assertThat(verdict(store, door, LISTEN_IP, 0x3412)).isEqualTo(PacketDoor.Verdict.UP);
      }
    }
  }

  private static PacketDoor.Verdict verdict(KvStore store, PacketDoor door, int address, int port) {
    Frame request =
        Frame.request(MemcachedText.get("k"))
            .set32(Frame.IP_DESTINATION, address)
            .set16(Frame.UDP_DESTINATION, port)
            .withIpChecksum();
    KvSession.Outcome outcome = store.send(door, request);
    if (outcome.verdict() == PacketDoor.Verdict.REPLY) {
      assertThat(outcome.frame()).isEqualTo(request.reply(MemcachedText.END));
    }
    return outcome.verdict();
  }
}
