package org.kerbykv.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What stats answers; the counts are those that memcached 1.6.18 has after the same commands. */
class StatsTest {
  private static KerbyServer server;

  private AsciiClient client;

  @BeforeAll
  static void start() throws Exception {
    server = KerbyServer.start(TestServers.userSpace());
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @BeforeEach
  void connect() throws IOException {
    client = new AsciiClient(server.tcpAddress().orElseThrow());
    client.exchange("flush_all\r\nstats reset\r\n");
  }

  private void assertCounts(String requests, String... counts) throws IOException {
    client.exchange("stats reset\r\n");
    client.exchange(requests);
    String stats = client.exchange("stats\r\n");
    for (String count : counts) {
      assertThat(stats).contains("STAT " + count + "\r\n");
    }
  }

  @Test
  void metaCommandsCountAsTheClassicOnes() throws IOException {
    assertCounts("ms a 1\r\n1\r\n", "cmd_set 1", "total_items 1", "cmd_meta 0");
    assertCounts("mg a v\r\nmg b v\r\n", "cmd_get 2", "get_hits 1", "get_misses 1");
    assertCounts("mg a T0\r\n", "cmd_get 0", "cmd_touch 1", "touch_hits 1");
    assertCounts("mg b T0\r\n", "cmd_get 1", "get_misses 1", "cmd_touch 0");
    assertCounts("mg c N0\r\n", "cmd_get 1", "get_hits 1", "total_items 1");
    assertCounts("me a\r\n", "cmd_meta 1", "cmd_get 0");
    assertCounts("ms a 1 C999\r\nx\r\n", "cmd_set 1", "cas_badval 1", "total_items 0");
    assertCounts("ms d 1 C1\r\nx\r\n", "cmd_set 1", "cas_misses 1");
    assertCounts("ms a 1 ME\r\nx\r\n", "cmd_set 1", "total_items 0");
    assertCounts("ma a\r\nma a MD\r\n", "incr_hits 1", "decr_hits 1");
    assertCounts("ma d\r\nma d MD\r\n", "incr_misses 1", "decr_misses 1");
    assertCounts("ma d N0\r\n", "incr_hits 0", "incr_misses 0", "total_items 1");
    assertCounts("md a I\r\n", "delete_hits 0", "delete_misses 0");
    assertCounts("md a C999\r\nmd e\r\n", "delete_hits 0", "delete_misses 2");
    assertCounts("md a\r\n", "delete_hits 1", "delete_misses 0");
    assertCounts("gat 0 c\r\ngat 0 e\r\n", "cmd_touch 2", "touch_hits 1", "touch_misses 1");
  }

  @Test
  void connectionsAreListed() throws IOException {
    try (AsciiClient idle = new AsciiClient(server.tcpAddress().orElseThrow())) {
      idle.exchange("version\r\n");
      idle.send("set half 0 0 10\r\nabc");
      String port = ":" + idle.socket().getLocalPort() + "\r\n";
      String conns;
      do {
        conns = client.exchange("stats conns\r\n");
      } while (!conns.contains("conn_nread"));
      assertThat(conns)
          .contains(":state conn_listening\r\n", ":UDP UDP\r\n", ":state conn_parse_cmd\r\n")
          .containsPattern("STAT (\\d+):addr tcp:127.0.0.1" + port + "STAT \\1:listen_addr tcp:")
          .endsWith("END\r\n");
    }
  }

  @Test
  void whatThereIsNotIsSwitchedOff() throws IOException {
    assertThat(client.exchange("stats sizes\r\n"))
        .isEqualTo("STAT sizes_status disabled\r\nEND\r\n");
    assertThat(client.exchange("stats cachedump 1 1\r\n"))
        .isEqualTo("CLIENT_ERROR stats cachedump not allowed\r\n");
    assertThat(client.exchange("stats none\r\n")).isEqualTo("ERROR\r\n");
    assertRefused("watch fetchers", "CLIENT_ERROR watch commands not allowed");
    assertRefused("slabs reassign 1 2", "CLIENT_ERROR slab reassignment disabled");
    assertRefused("lru_crawler crawl all", "CLIENT_ERROR lru crawler disabled");
    assertRefused("lru tune 1", "ERROR");
    assertRefused("cache_memlimit 1", "MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m");
    assertRefused("cache_memlimit 64", "MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust");
    assertThat(client.exchange("cache_memlimit 64 noreply\r\n")).isEmpty();
  }

  private void assertRefused(String command, String reply) throws IOException {
    assertThat(client.exchange(command + "\r\n")).isEqualTo(reply + "\r\n");
  }
}
