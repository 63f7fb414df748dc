package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;

/** What a server's process says on standard error, and that it does not depend on being heard. */
@RequiresBPF
class LogTest {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final int LOST_CONNECTIONS = 300;

  private Topology topology;

  @BeforeEach
  void open() {
    topology = Topology.Kind.LO_GENERIC.open();
  }

  @AfterEach
  void close() {
    topology.close();
  }

  @Test
  void whatHappensAgainAndAgainIsSaidSeldom() throws IOException {
    List<String> options = List.of("--xdp", "off", "-vv", "--log-format", "json");
    try (ServerProcess server = ServerProcess.start(topology, options)) {
      loseConnections(server);
      await()
          .atMost(SOON)
          .untilAsserted(
              () ->
                  assertThat(server.errors().lines())
                      .filteredOn(line -> line.contains("\"msg\":\"connection lost\""))
                      .hasSizeBetween(100, LOST_CONNECTIONS - 50));
      assertThat(server.errors().lines()).allMatch(line -> line.matches("\\{\"time\":\".*\\}"));
    }
  }

  @Test
  void quietUnlessToldOtherwise() throws IOException {
    try (ServerProcess server = ServerProcess.start(topology, List.of("--xdp", "off"))) {
      loseConnections(server);
      assertServes(server);
      assertThat(server.errors()).isEmpty();
    }
  }

  /** Every write to /dev/full fails, as on a disk without room. */
  @Test
  void aLogOnAFullDiskKeepsNobodyFromBeingServed() throws IOException {
    List<String> fullDisk = List.of("sh", "-c", "exec \"$@\" 2>/dev/full", "sh");
    List<String> options = List.of("--xdp", "off", "-vv", "-c", "1000000");
    try (ServerProcess server = ServerProcess.startUnder(topology, fullDisk, options)) {
      loseConnections(server);
      assertServes(server);
      assertThat(server.stop()).as("exit code after SIGTERM").isEqualTo(143);
    }
  }

  private void assertServes(ServerProcess server) {
    try (UdpClient udp = new UdpClient(topology.client(), server.address());
        TcpClient tcp = new TcpClient(topology.client(), server.address())) {
      assertThat(tcp.line("set key 0 0 5\r\nvalue\r\n")).isEqualTo("STORED");
      assertThat(udp.exchange(Requests.bytes("get key\r\n")))
          .isEqualTo(Requests.hit("key", 0, Requests.bytes("value")));
    }
  }

  /** Each by a reset, which the server hears of as an error. */
  private void loseConnections(ServerProcess server) {
    for (int i = 0; i < LOST_CONNECTIONS; i++) {
      topology
          .client()
          .call(
              () -> {
                try (Socket socket =
                    new Socket(server.address().getAddress(), server.address().getPort())) {
                  socket.getOutputStream().write(Requests.bytes("mn\r\n"));
                  assertThat(socket.getInputStream().readNBytes(4)).hasSize(4);
                  socket.setSoLinger(true, 0);
                }
                return null;
              });
    }
  }
}
