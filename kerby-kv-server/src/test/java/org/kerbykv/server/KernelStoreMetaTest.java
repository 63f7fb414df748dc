package org.kerbykv.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.Callable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.NetworkNamespace;
import org.kerbykv.bpf.RequiresBPF;

/** Meta commands, and stats, on the store in the kernel. */
@RequiresBPF
class KernelStoreMetaTest extends MetaTests {
  private NetworkNamespace namespace;
  private KerbyServer server;

  @BeforeAll
  void start() throws Exception {
    namespace = NetworkNamespace.create("meta");
    server = namespace.call(() -> KerbyServer.start(TestServers.kernel("lo", XdpChoice.GENERIC)));
  }

  @AfterAll
  void stop() {
    if (server != null) {
      server.close();
    }
    if (namespace != null) {
      namespace.close();
    }
  }

  @Override
  <T> T open(Callable<T> socket) {
    return namespace.call(socket);
  }

  @Override
  KerbyServer server() {
    return server;
  }

  @Test
  void statsCountWhatTheKernelAnswers() throws Exception {
    try (AsciiClient tcp = open(() -> new AsciiClient(server.tcpAddress().orElseThrow()));
        UdpClient udp = open(() -> new UdpClient(server.udpAddress().orElseThrow()))) {
      tcp.exchange("stats reset\r\n");
      assertThat(udp.exchange("set k 0 0 1\r\nx\r\n")).isEqualTo("STORED\r\n");
      assertThat(udp.exchange("get k\r\n")).contains("VALUE k 0 1\r\nx\r\n");
      assertThat(udp.exchange("get none\r\n")).isEqualTo("END\r\n");
      assertThat(udp.exchange("touch k 100\r\n")).isEqualTo("TOUCHED\r\n");
      assertThat(udp.exchange("touch none 100\r\n")).isEqualTo("NOT_FOUND\r\n");
      assertThat(udp.exchange("delete k\r\n")).isEqualTo("DELETED\r\n");
      String stats = tcp.exchange("stats\r\n");
      assertThat(stats)
          .contains("cmd_get 2\r\n", "get_hits 1\r\n", "get_misses 1\r\n", "cmd_set 1\r\n")
          .contains("cmd_touch 2\r\n", "touch_hits 1\r\n", "touch_misses 1\r\n")
          .contains("delete_hits 1\r\n", "delete_misses 0\r\n", "total_items 1\r\n")
          .containsPattern("kerby_requests_(xdp|tc)_get_hit ");
      assertThat(tcp.exchange("stats reset\r\nstats\r\n"))
          .contains("RESET\r\n", "cmd_get 0\r\n", "cmd_set 0\r\n", "cmd_touch 0\r\n")
          .contains("delete_hits 0\r\n", "total_items 0\r\n");
    }
  }

  @Test
  void statsTellTheTiersApart() throws Exception {
    try (AsciiClient tcp = open(() -> new AsciiClient(server.tcpAddress().orElseThrow()))) {
      tcp.exchange("ms small 3\r\nabc\r\nset large 0 0 20000\r\n" + "x".repeat(20_000) + "\r\n");
      assertThat(tcp.exchange("me small\r\nme large\r\n"))
          .matches("ME small .* cls=1 size=67\r\nME large .* cls=2 size=20064\r\n");
      assertThat(tcp.exchange("stats items\r\n"))
          .contains("STAT items:1:number ", "STAT items:2:mem_requested 20000\r\n");
      assertThat(tcp.exchange("stats slabs\r\n"))
          .contains("STAT 1:chunk_size 192\r\n", "STAT 2:total_pages 1\r\n")
          .contains("STAT active_slabs 2\r\n");
    }
  }
}
