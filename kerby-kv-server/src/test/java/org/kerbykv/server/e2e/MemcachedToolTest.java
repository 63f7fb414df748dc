package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;

/** memcached's own memcached-tool, as Debian's package memcached has it. */
@RequiresBPF
class MemcachedToolTest {
  private static final String TOOL = "/usr/share/memcached/scripts/memcached-tool";
  private static final int SMALL = 7;
  private static final int LARGE = 3;

  private static ServerUnderTest server;

  @BeforeAll
  static void start() {
    server = ServerUnderTest.start(Topology.Kind.VETH_GENERIC.open());
    UdpClient udp = server.udp();
    for (int i = 0; i < SMALL; i++) {
      udp.exchange(Requests.set("small" + i, Requests.value(100, i)));
    }
    for (int i = 0; i < LARGE; i++) {
      udp.exchange(Requests.set("large" + i, Requests.value(5000, i)));
    }
    udp.exchange("get small0\r\n");
    udp.exchange("get none\r\n");
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static String tool(String mode) {
    String address = server.topology().host() + ":" + server.address().getPort();
    Commands.Result result =
        Commands.execute(server.topology().client().command(TOOL, address, mode));
    assertThat(result.exitCode()).as(result.all()).isZero();
    assertThat(result.errors()).as("warnings of " + mode).isEmpty();
    return result.output();
  }

  private static String figure(String output, String name) {
    Matcher figure = Pattern.compile("(?m)^ *" + name + " +(\\S+) *\\r?$").matcher(output);
    assertThat(figure.find()).as(name + " in " + output).isTrue();
    return figure.group(1);
  }

  @Test
  void statsAreOfBothTiers() {
    String stats = tool("stats");
    assertThat(figure(stats, "curr_items")).isEqualTo(Integer.toString(SMALL + LARGE));
    assertThat(figure(stats, "get_hits")).isEqualTo("1");
    assertThat(figure(stats, "get_misses")).isEqualTo("1");
    assertThat(figure(stats, "cmd_set")).isEqualTo(Integer.toString(SMALL + LARGE));
    assertThat(figure(stats, "version")).matches("[0-9].*");
  }

  @Test
  void settingsAreTheServers() {
    String settings = tool("settings");
    assertThat(figure(settings, "udpport")).isEqualTo(Integer.toString(server.address().getPort()));
    assertThat(figure(settings, "item_size_max")).isEqualTo(Integer.toString(1 << 20));
  }

  /** Every item is in one of the classes that it shows. */
  @Test
  void theDisplayHasAllItems() {
    String display = tool("display");
    int items =
        display
            .lines()
            .skip(1)
            .map(line -> line.strip().split(" +", -1))
            .peek(columns -> assertThat(columns).as(display).hasSize(9))
            .mapToInt(columns -> Integer.parseInt(columns[4]))
            .sum();
    assertThat(items).as(display).isEqualTo(SMALL + LARGE);
  }

  /** memcached's own default: sizes are not followed unless asked for. */
  @Test
  void sizesAreToldOf() {
    assertThat(tool("sizes")).contains("Size", "Count");
  }
}
