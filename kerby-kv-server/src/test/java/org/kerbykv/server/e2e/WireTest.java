package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.kerbykv.bpf.RequiresBPF;

/** The replies of all doors on the wire, as tshark judges them. */
@RequiresBPF
class WireTest {
  private static final int KERNEL_REPLIES = 12;
  private static final int USER_SPACE_REPLIES = 13;
  private static final String CHECKSUM_GOOD = "1";

  /** What a kernel door sends: IPv4 allows it. */
  private static final String NO_UDP_CHECKSUM = "0x0000";

  private static final String[] FIELDS = {
    "frame.number",
    "frame.protocols",
    "frame.len",
    "eth.padding",
    "eth.trailer",
    "ip.src",
    "ip.len",
    "ip.ttl",
    "ip.flags.df",
    "ip.checksum.status",
    "udp.srcport",
    "udp.length",
    "udp.checksum",
    "udp.checksum.status",
    "tcp.srcport",
    "tcp.checksum.status",
    "_ws.expert.message"
  };

  @ParameterizedTest
  @EnumSource
  void repliesAreWellFormed(Topology.Kind kind) {
    try (ServerUnderTest server = ServerUnderTest.start(kind.open())) {
      try (Capture capture = new Capture(server.topology())) {
        converseWithTheKernel(server);
        converseWithUserSpace(server);
        capture.stop();
        List<Map<String, String>> packets = capture.decode(server.address().getPort(), FIELDS);
        assertThat(packets).noneMatch(packet -> packet.get("frame.protocols").contains("icmp"));
        checkUdp(packetsFrom(packets, "udp.srcport", server), kind);
        checkTcp(packetsFrom(packets, "tcp.srcport", server), kind);
      }
    }
  }

  private static List<Map<String, String>> packetsFrom(
      List<Map<String, String>> packets, String field, ServerUnderTest server) {
    String port = Integer.toString(server.address().getPort());
    return packets.stream().filter(packet -> packet.get(field).equals(port)).toList();
  }

  private static void checkUdp(List<Map<String, String>> replies, Topology.Kind kind) {
    assertThat(replies).hasSize(KERNEL_REPLIES + USER_SPACE_REPLIES);
    int kernelReplies = 0;
    for (Map<String, String> reply : replies) {
      assertThat(reply.get("frame.protocols"))
          .as("%s", reply)
          .startsWith("eth:ethertype:ip:udp:memcache")
          .doesNotContain("malformed");
      int ipLength = number(reply, "ip.len");
      assertThat(number(reply, "frame.len")).as("%s", reply).isEqualTo(14 + ipLength);
      assertThat(number(reply, "udp.length")).as("%s", reply).isEqualTo(ipLength - 20);
      assertThat(reply)
          .containsEntry("eth.padding", "")
          .containsEntry("eth.trailer", "")
          .containsEntry("ip.ttl", "64")
          .containsEntry("ip.flags.df", "1")
          .containsEntry("ip.checksum.status", CHECKSUM_GOOD);
      if (reply.get("udp.checksum").equals(NO_UDP_CHECKSUM)) {
        kernelReplies++;
        assertThat(reply).containsEntry("_ws.expert.message", "");
      } else if (hasWholeChecksums(kind)) {
        assertThat(reply)
            .containsEntry("udp.checksum.status", CHECKSUM_GOOD)
            .containsEntry("_ws.expert.message", "");
      }
    }
    assertThat(kernelReplies).as("replies without UDP checksum").isEqualTo(KERNEL_REPLIES);
  }

  private static void checkTcp(List<Map<String, String>> segments, Topology.Kind kind) {
    assertThat(segments).isNotEmpty();
    for (Map<String, String> segment : segments) {
      assertThat(segment.get("frame.protocols")).doesNotContain("malformed");
      assertThat(segment).containsEntry("ip.checksum.status", CHECKSUM_GOOD);
      if (hasWholeChecksums(kind)) {
        assertThat(segment).containsEntry("tcp.checksum.status", CHECKSUM_GOOD);
      }
    }
  }

  /** Elsewhere user space's checksums are left to an interface that has no wire to add them for. */
  private static boolean hasWholeChecksums(Topology.Kind kind) {
    return kind == Topology.Kind.VETH_NATIVE;
  }

  private static int number(Map<String, String> packet, String field) {
    return Integer.parseInt(packet.get(field));
  }

  /** Takes {@link #KERNEL_REPLIES} datagrams. */
  private static void converseWithTheKernel(ServerUnderTest server) {
    UdpClient udp = server.udp();
    ServerUnderTest.Counts before = server.counts();
    for (int length : new int[] {0, 1, 1000, 1360}) {
      udp.exchange(Requests.set("k", Requests.value(length, length)));
      udp.exchange("get k\r\n");
    }
    udp.exchange("delete k\r\n");
    udp.exchange("delete k\r\n");
    udp.exchange("get k\r\n");
    udp.exchange(Requests.set("k", 4_294_967_295L, 100, new byte[3]));
    assertThat(server.counts().since(before))
        .containsExactly(
            "tc get hit 2",
            "xdp delete deleted 1",
            "xdp delete not_found 1",
            "xdp get hit 2",
            "xdp get miss 1",
            "xdp get passed 2",
            "xdp set stored 5");
  }

  /** Takes {@link #USER_SPACE_REPLIES} datagrams, four of them for each value. */
  private static void converseWithUserSpace(ServerUnderTest server) {
    UdpClient udp = server.udp();
    byte[] large = Requests.value(5000, 1);
    udp.exchange(Requests.set("k", large));
    udp.exchange("get k\r\n");
    udp.exchange("gets k none\r\n");
    udp.exchange("nonsense\r\n");
    udp.exchange("set k 0 0 3\r\ntoo long\r\n");
    udp.exchange("version\r\n");
    udp.exchange("stats\r\n");
    TcpClient tcp = server.tcp();
    assertThat(tcp.values("get k\r\n")).isEqualTo(Requests.hit("k", 0, large));
    assertThat(tcp.line(Requests.set("k", Requests.value(20_000, 2)))).isEqualTo("STORED");
  }
}
