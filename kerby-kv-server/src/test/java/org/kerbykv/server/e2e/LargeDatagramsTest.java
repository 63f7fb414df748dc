package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.kerbykv.bpf.RequiresBPF;

/** Other networks than one address on Ethernet: jumbo frames, several addresses. */
@RequiresBPF
class LargeDatagramsTest {
  private static final String KEY = "jumbo";
  private static final int DATAGRAM_MAX = 8000;

  /** The value whose reply is as long as a datagram may be. */
  private static final int KERNEL_VALUE_MAX =
      DATAGRAM_MAX - UdpClient.HEADER - ("VALUE " + KEY + " 0 1234\r\n\r\nEND\r\n").length();

  @ParameterizedTest
  @EnumSource(names = {"VETH_GENERIC", "LO_GENERIC"})
  void theKernelServesWhatFitsALargeDatagram(Topology.Kind kind) {
    Topology topology = kind.open(9000);
    try (ServerUnderTest server =
        ServerUnderTest.start(topology, topology.address(), DATAGRAM_MAX)) {
      UdpClient udp = server.udp();
      for (int length : new int[] {0, 1400, 1401, 4000, 4096, KERNEL_VALUE_MAX}) {
        byte[] value = Requests.value(length, length);
        ServerUnderTest.Counts before = server.counts();
        assertThat(udp.exchange(Requests.set(KEY, value))).isEqualTo(Requests.bytes("STORED\r\n"));
        assertThat(udp.exchange(Requests.bytes("get " + KEY + "\r\n")))
            .as("%d bytes", length)
            .isEqualTo(Requests.hit(KEY, 0, value));
        assertThat(server.counts().since(before))
            .as("who answered %d bytes", length)
            .contains("xdp set stored 1")
            .noneMatch(count -> count.startsWith("user"));
      }
      aByteMoreIsUserSpacesAndTakesTwoDatagrams(server, udp);
    }
  }

  private static void aByteMoreIsUserSpacesAndTakesTwoDatagrams(
      ServerUnderTest server, UdpClient udp) {
    ServerUnderTest.Counts before = server.counts();
    byte[] value = Requests.value(KERNEL_VALUE_MAX + 1, 1);
    udp.exchange(Requests.set(KEY, value));
    int id = udp.send(Requests.bytes("get " + KEY + "\r\n"));
    UdpClient.Datagram first = udp.receive(UdpClient.PATIENCE).orElseThrow();
    assertThat(first.id()).isEqualTo(id);
    assertThat(first.total()).isEqualTo(2);
    assertThat(first.text()).hasSize(DATAGRAM_MAX - UdpClient.HEADER);
    assertThat(udp.receive(UdpClient.PATIENCE).orElseThrow().text()).hasSize(1);
    assertThat(server.counts().since(before)).contains("user set stored 1", "user get hit 1");
  }

  /** Longer frames than a page has room for are beyond native XDP, if they are not in parts. */
  @Test
  void nativeModeIsRefusedInALineWhereFramesAreTooLongForIt() {
    try (Topology topology = Topology.Kind.VETH_GENERIC.open(9000)) {
      Commands.Result result =
          ServerProcess.runServer(topology, List.of("--xdp", "native", "--max-datagram", "8000"));
      assertThat(result.exitCode()).isEqualTo(1);
      assertThat(result.errors().lines())
          .singleElement()
          .asString()
          .startsWith("kerby: attach program kv_xdp to interface veth0 in native XDP mode: ");
    }
  }

  @Test
  void nativeModeServesAsLongAFrameAsItCanHave() {
    int mtu = 3000;
    int datagramMax = mtu - 28;
    Topology topology = Topology.Kind.VETH_NATIVE.open(mtu);
    try (ServerUnderTest server =
        ServerUnderTest.start(topology, topology.address(), datagramMax)) {
      UdpClient udp = server.udp();
      byte[] value = Requests.value(KERNEL_VALUE_MAX - DATAGRAM_MAX + datagramMax, 1);
      udp.exchange(Requests.set(KEY, value));
      assertThat(udp.exchange(Requests.bytes("get " + KEY + "\r\n")))
          .isEqualTo(Requests.hit(KEY, 0, value));
      assertThat(server.counts().get("xdp set stored")).isEqualTo(1);
      assertThat(server.counts().get("tc get hit")).isEqualTo(1);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"VETH_NATIVE", "LO_GENERIC"})
  void allAddressesOfTheInterfaceAreServedAndNoOthers(Topology.Kind kind) throws Exception {
    Topology topology = kind.open();
    boolean lo = kind == Topology.Kind.LO_GENERIC;
    String other = lo ? "198.18.77.9" : "198.18.77.3";
    // On lo it is where requests come from as well: those of its network may ask.
    String prefix = lo ? "/24" : "/32";
    topology.server().ip("address", "add", other + prefix, "dev", topology.interfaceName());
    try (ServerUnderTest server =
        ServerUnderTest.start(topology, InetAddress.getByName("0.0.0.0"), 1400)) {
      byte[] value = Requests.value(1000, 1);
      for (String host : List.of(topology.host(), other)) {
        try (UdpClient udp = client(server, host)) {
          ServerUnderTest.Counts before = server.counts();
          // The client takes replies from no other address than this.
          assertThat(udp.exchange(Requests.set(KEY, value)))
              .isEqualTo(Requests.bytes("STORED\r\n"));
          assertThat(udp.exchange(Requests.bytes("get " + KEY + "\r\n")))
              .isEqualTo(Requests.hit(KEY, 0, value));
          assertThat(server.counts().since(before))
              .as("who answered at %s", host)
              .contains("xdp set stored 1", "tc get hit 1");
          assertThat(udp.exchange("version\r\n")).startsWith("VERSION");
          assertThat(udp.exchange("gets none\r\n")).isEqualTo("END\r\n");
        }
      }
      otherAddressesAreUserSpaces(server);
    }
  }

  /** An address that came after the start: user space answers, from that address. */
  private static void otherAddressesAreUserSpaces(ServerUnderTest server)
      throws UnknownHostException {
    Topology topology = server.topology();
    String late = "198.18.77.7";
    topology.server().ip("address", "add", late + "/32", "dev", topology.interfaceName());
    try (UdpClient udp = client(server, late)) {
      ServerUnderTest.Counts before = server.counts();
      byte[] value = Requests.value(1000, 1);
      assertThat(udp.exchange(Requests.bytes("get " + KEY + "\r\n")))
          .isEqualTo(Requests.hit(KEY, 0, value));
      assertThat(udp.exchange(Requests.bytes("get " + KEY + "\r\n")))
          .isEqualTo(Requests.hit(KEY, 0, value));
      assertThat(server.counts().since(before)).containsExactly("user get hit 2");
    }
  }

  private static UdpClient client(ServerUnderTest server, String host) throws UnknownHostException {
    return new UdpClient(
        server.topology().client(),
        new InetSocketAddress(InetAddress.getByName(host), server.address().getPort()));
  }
}
