package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.kerbykv.bpf.RequiresBPF;

/** The interface goes down and up, or gets another MTU, under a server. */
@RequiresBPF
class InterfaceFaultsTest {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final Duration SHORT = Duration.ofMillis(300);
  private static final String KEY = "key";
  private static final int LENGTH = 1200;

  private final byte[] get = Requests.bytes("get " + KEY + "\r\n");
  private final byte[] value = Requests.value(LENGTH, 1);

  @ParameterizedTest
  @EnumSource(names = {"VETH_NATIVE", "LO_GENERIC"})
  void whatWasStoredIsServedAfterTheInterfaceWasDown(Topology.Kind kind) {
    try (ServerUnderTest server = ServerUnderTest.start(kind.open())) {
      Topology topology = server.topology();
      UdpClient udp = server.udp();
      TcpClient tcp = server.tcp();
      assertThat(tcp.line(Requests.set(KEY, value))).isEqualTo("STORED");
      List<String> counted = counted(server, udp);

      topology.server().ip("link", "set", topology.interfaceName(), "down");
      assertThat(exchangeQuietly(udp)).as("with the interface down").isFalse();
      topology.server().ip("link", "set", topology.interfaceName(), "up");

      await().atMost(SOON).until(() -> exchangeQuietly(udp));
      assertThat(counted(server, udp)).as("who answers").isEqualTo(counted);
      assertThat(tcp.values("get " + KEY + "\r\n"))
          .as("over the connection from before")
          .isEqualTo(Requests.hit(KEY, 0, value));
    }
  }

  /** On a wire with a smaller MTU a reply of the kernel's would be lost: user space's is cut up. */
  @ParameterizedTest
  @EnumSource(names = {"VETH_NATIVE", "VETH_GENERIC"})
  void repliesFitAnMtuThatWasLoweredMeanwhile(Topology.Kind kind) {
    try (ServerUnderTest server = ServerUnderTest.start(kind.open())) {
      UdpClient udp = server.udp();
      assertThat(udp.exchange(Requests.set(KEY, value))).isEqualTo(Requests.bytes("STORED\r\n"));
      List<String> counted = counted(server, udp);
      assertThat(counted).noneMatch(line -> line.startsWith("user"));

      setMtu(server.topology(), LENGTH / 2);
      assertThat(counted(server, udp)).contains("user get hit 1");
      byte[] other = Requests.value(LENGTH, 2);
      assertThat(udp.exchange(Requests.set(KEY, other))).isEqualTo(Requests.bytes("STORED\r\n"));
      assertThat(udp.exchange(get)).isEqualTo(Requests.hit(KEY, 0, other));
      assertThat(udp.exchange(Requests.set(KEY, value))).isEqualTo(Requests.bytes("STORED\r\n"));

      setMtu(server.topology(), 1500);
      assertThat(counted(server, udp)).as("who answers").isEqualTo(counted);
    }
  }

  /** A native reply into a veth whose peer has no NAPI would be dropped without a word. */
  @Test
  void aPeerThatWouldLoseNativeRepliesGetsGenericOnesAndThatIsSaid() {
    try (Topology topology = Topology.Kind.VETH_GENERIC.open();
        ServerProcess server = ServerProcess.start(topology, List.of("--xdp", "auto"));
        UdpClient udp = new UdpClient(topology.client(), server.address())) {
      assertThat(server.readyLine()).endsWith(" xdp generic");
      assertThat(server.errors().lines())
          .singleElement()
          .asString()
          .startsWith("kerby: generic XDP on virtual interface veth0: ");
      assertThat(udp.exchange(Requests.set(KEY, value))).isEqualTo(Requests.bytes("STORED\r\n"));
      assertThat(udp.exchange(get)).isEqualTo(Requests.hit(KEY, 0, value));
    }
  }

  @Test
  void aServerWhoseInterfaceIsRemovedServesOnAndIsNotReady() {
    try (Topology topology = Topology.Kind.VETH_GENERIC.open();
        ServerProcess server =
            ServerProcess.start(topology, List.of("-l", "0.0.0.0", "--metrics-port", "-1"))) {
      assertThat(state(topology, server, "ready")).isEqualTo("200 ok\n");
      topology.server().ip("link", "delete", topology.interfaceName());
      await()
          .atMost(SOON)
          .untilAsserted(
              () ->
                  assertThat(state(topology, server, "ready"))
                      .isEqualTo("503 the programs are no longer on interface veth0\n"));
      assertThat(state(topology, server, "health")).isEqualTo("200 ok\n");
      InetSocketAddress here =
          new InetSocketAddress(InetAddress.getLoopbackAddress(), server.address().getPort());
      try (TcpClient tcp = new TcpClient(topology.server(), here)) {
        assertThat(tcp.line(Requests.set(KEY, value))).isEqualTo("STORED");
      }
    }
  }

  /** Returns the status and the text of a page beside the metrics. */
  private static String state(Topology topology, ServerProcess server, String page) {
    String port =
        server.readyLine().replaceFirst(".* metrics http://[^ ]*:(\\d+)/metrics .*", "$1");
    URI uri = URI.create("http://127.0.0.1:%s/%s".formatted(port, page));
    return topology
        .server()
        .call(
            () -> {
              HttpURLConnection http = (HttpURLConnection) uri.toURL().openConnection();
              int status = http.getResponseCode();
              try (InputStream in = status < 400 ? http.getInputStream() : http.getErrorStream()) {
                return status + " " + new String(in.readAllBytes(), StandardCharsets.US_ASCII);
              }
            });
  }

  private List<String> counted(ServerUnderTest server, UdpClient udp) {
    ServerUnderTest.Counts before = server.counts();
    assertThat(udp.exchange(get)).isEqualTo(Requests.hit(KEY, 0, value));
    return server.counts().since(before);
  }

  private static void setMtu(Topology topology, int mtu) {
    for (var namespace : List.of(topology.server(), topology.client())) {
      namespace.ip("link", "set", topology.interfaceName(), "mtu", Integer.toString(mtu));
    }
  }

  /** Returns whether it was answered; where there is no way to the server that is an error. */
  private boolean exchangeQuietly(UdpClient udp) {
    try {
      return udp.exchange(get, SHORT).isPresent();
    } catch (RuntimeException e) {
      return false;
    }
  }
}
