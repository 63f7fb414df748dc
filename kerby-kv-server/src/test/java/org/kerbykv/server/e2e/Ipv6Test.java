package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.kerbykv.bpf.NetworkNamespace;
import org.kerbykv.bpf.RequiresBPF;

/** Over IPv6 the kernel answers what it answers over IPv4, with checksums as they have to be. */
@RequiresBPF
class Ipv6Test {
  private static final String CHECKSUM_GOOD = "1";
  private static final String SERVER6 = "fd00:77::1";
  private static final String CLIENT6 = "fd00:77::2";

  private static final String[] FIELDS = {
    "frame.number",
    "frame.protocols",
    "ipv6.src",
    "ipv6.plen",
    "udp.srcport",
    "udp.length",
    "udp.checksum",
    "udp.checksum.status",
    "_ws.expert.message"
  };

  @ParameterizedTest
  @EnumSource
  void theKernelAnswersWithRightChecksums(Topology.Kind kind) throws Exception {
    Topology topology = kind.open();
    String address = kind == Topology.Kind.LO_GENERIC ? "::1" : SERVER6;
    if (kind != Topology.Kind.LO_GENERIC) {
      addAddress(topology.server(), topology.interfaceName(), SERVER6 + "/64");
      addAddress(topology.client(), topology.interfaceName(), CLIENT6 + "/64");
    }
    InetAddress listen = InetAddress.getByName(address);
    try (ServerUnderTest server =
            ServerUnderTest.start(topology, listen, ServerUnderTest.DATAGRAM_MAX);
        Capture capture = new Capture(topology)) {
      int replies = converse(server);
      capture.stop();
      String port = Integer.toString(server.address().getPort());
      List<Map<String, String>> packets =
          capture.decode(server.address().getPort(), FIELDS).stream()
              .filter(packet -> packet.get("udp.srcport").equals(port))
              .toList();
      assertThat(packets).hasSize(replies);
      for (Map<String, String> packet : packets) {
        assertThat(packet)
            .containsEntry("udp.checksum.status", CHECKSUM_GOOD)
            .containsEntry("ipv6.src", address)
            .containsEntry("udp.length", packet.get("ipv6.plen"))
            .containsEntry("_ws.expert.message", "");
        assertThat(packet.get("frame.protocols"))
            .startsWith("eth:ethertype:ipv6:udp:memcache")
            .doesNotContain("malformed");
        assertThat(packet.get("udp.checksum")).isNotEqualTo("0x0000");
      }
    }
  }

  private static void addAddress(NetworkNamespace namespace, String name, String address) {
    namespace.ip("address", "add", address, "dev", name, "nodad");
  }

  /** Says everything that the kernel answers; returns the number of datagrams of the replies. */
  private static int converse(ServerUnderTest server) {
    UdpClient udp = server.udp();
    ServerUnderTest.Counts before = server.counts();
    int exchanges = 0;
    for (int length : new int[] {0, 1, 500, 1000, 1340}) {
      byte[] value = Requests.value(length, length);
      assertThat(udp.exchange(Requests.set("k" + length, value)))
          .isEqualTo(Requests.bytes("STORED\r\n"));
      assertThat(udp.exchange(Requests.bytes("get k" + length + "\r\n")))
          .isEqualTo(Requests.hit("k" + length, 0, value));
      exchanges += 2;
    }
    String[][] more = {
      {"get k1 none k0\r\n", null},
      {"touch k1 100\r\n", "TOUCHED\r\n"},
      {"gat 100 k0\r\n", "VALUE k0 0 0\r\n\r\nEND\r\n"},
      {"ms m 5\r\nhello\r\n", "HD\r\n"},
      {"mg m v\r\n", "VA 5\r\nhello\r\n"},
      {"mg none v\r\n", "EN\r\n"},
      {"md m\r\n", "HD\r\n"},
      {"delete k1\r\n", "DELETED\r\n"},
      {"get k1\r\n", "END\r\n"}
    };
    for (String[] exchange : more) {
      String reply = udp.exchange(exchange[0]);
      if (exchange[1] == null) {
        assertThat(reply).startsWith("VALUE k1 0 1\r\n").endsWith("VALUE k0 0 0\r\n\r\nEND\r\n");
      } else {
        assertThat(reply).as(exchange[0]).isEqualTo(exchange[1]);
      }
      exchanges++;
    }
    assertThat(server.counts().since(before))
        .as("by kernel and user space")
        .noneMatch(count -> count.startsWith("user "));
    TcpClient tcp = server.tcp();
    assertThat(tcp.values("get k500\r\n"))
        .isEqualTo(Requests.hit("k500", 0, Requests.value(500, 500)));
    return exchanges;
  }
}
