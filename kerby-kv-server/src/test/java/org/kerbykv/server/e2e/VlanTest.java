package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.kerbykv.bpf.NetworkNamespace;
import org.kerbykv.bpf.RequiresBPF;

/**
 * A request in a frame with an 802.1Q tag is answered by the kernel, in a frame with the same tag.
 * The frames are made by hand: not every kernel has VLAN interfaces.
 */
@RequiresBPF
class VlanTest {
  private static final String SCRIPT = "send_tagged.py";
  private static final int VLAN = 5;
  private static final int CLIENT_PORT = 40_000;
  private static final String CLIENT = "198.18.77.2";

  private static final String[] FIELDS = {
    "frame.number", "frame.protocols", "vlan.id", "udp.srcport", "udp.dstport", "udp.length"
  };

  @TempDir private Path directory;

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "LO_GENERIC")
  void repliesHaveTheTagOfTheirRequests(Topology.Kind kind) throws Exception {
    Path script = directory.resolve(SCRIPT);
    try (InputStream resource = VlanTest.class.getResourceAsStream(SCRIPT)) {
      Files.copy(resource, script);
    }
    try (ServerUnderTest server = ServerUnderTest.start(kind.open());
        Capture capture = new Capture(server.topology())) {
      UdpClient udp = server.udp();
      udp.exchange(Requests.set("small", Requests.value(3, 1)));
      udp.exchange(Requests.set("large", Requests.value(1000, 1)));
      ServerUnderTest.Counts before = server.counts();
      for (String line : List.of("get small", "get large", "touch small 100", "delete small")) {
        send(server, script, line);
      }
      capture.stop();
      assertThat(server.counts().since(before))
          .contains("tc get hit 1", "xdp get hit 1", "xdp touch hit 1", "xdp delete deleted 1")
          .noneMatch(count -> count.startsWith("user "));
      List<Map<String, String>> replies =
          capture.decode(server.address().getPort(), FIELDS).stream()
              .filter(packet -> packet.get("udp.dstport").equals("" + CLIENT_PORT))
              .toList();
      assertThat(replies)
          .hasSize(4)
          .allSatisfy(
              packet ->
                  assertThat(packet)
                      .containsEntry("vlan.id", "" + VLAN)
                      .containsEntry("udp.srcport", "" + server.address().getPort()))
          .allSatisfy(
              packet ->
                  assertThat(packet.get("frame.protocols"))
                      .startsWith("eth:ethertype:vlan:ethertype:ip:udp:memcache"));
      assertThat(replies)
          .map(packet -> Integer.parseInt(packet.get("udp.length")) - 16)
          .containsExactly(
              Requests.hit("small", 0, Requests.value(3, 1)).length,
              Requests.hit("large", 0, Requests.value(1000, 1)).length,
              "TOUCHED\r\n".length(),
              "DELETED\r\n".length());
    }
  }

  private static void send(ServerUnderTest server, Path script, String line) {
    Topology topology = server.topology();
    String name = topology.interfaceName();
    Commands.run(
        topology
            .client()
            .command(
                "/usr/bin/python3",
                script.toString(),
                name,
                mac(topology.client(), name),
                CLIENT,
                mac(topology.server(), name),
                topology.host(),
                "" + CLIENT_PORT,
                "" + server.address().getPort(),
                "" + VLAN,
                line));
  }

  private static String mac(NetworkNamespace namespace, String name) {
    Matcher mac =
        Pattern.compile("link/ether ([0-9a-f:]+)").matcher(namespace.ip("link", "show", name));
    assertThat(mac.find()).isTrue();
    return mac.group(1);
  }
}
