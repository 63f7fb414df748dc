package org.kerbykv.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.NetworkNamespace;
import org.kerbykv.bpf.RequiresBPF;

/** What clients are told when memory is full: with -M what memcached -M tells them. */
class FullMemoryTest {
  private static final int VALUE_BYTES = 5000;
  private static final long MIB = 1 << 20;
  private static final String REFUSED = "SERVER_ERROR out of memory storing object\r\n";

  /**
   * Requests after the first refusal, none of which frees memory but the last. No append: whether
   * memcached refuses it or does not store it depends on which of its slab classes is full.
   */
  private static final List<String> REQUESTS =
      List.of(
          store("set new 0 0 5000"),
          "get new\r\n",
          store("add new 0 0 5000"),
          store("replace k1 0 0 5000"),
          store("cas k1 0 0 5000 1"),
          store("set new 0 0 5000 noreply"),
          "get k1\r\n",
          store("set k5 0 0 5000"),
          "get k5\r\n",
          store("set k5 0 0 5000"),
          "get k5\r\n");

  @Test
  void withoutEvictionsClientsAreToldWhatMemcachedTells() throws Exception {
    ServerConfig config = TestServers.kernel("lo", XdpChoice.OFF, MIB, 4 * MIB, false);
    try (MemcachedProcess memcached = MemcachedProcess.startWith("-M", "-m", "2");
        AsciiClient reference = new AsciiClient(memcached.address());
        KerbyServer kerby = KerbyServer.start(config);
        AsciiClient client = new AsciiClient(kerby.tcpAddress().orElseThrow())) {
      assertThat(repliesWhenFull(client)).isEqualTo(repliesWhenFull(reference));
      assertThat(client.exchange("stats settings\r\n")).contains("STAT evictions off\r\n");
      assertThat(client.exchange("stats\r\n")).contains("STAT evictions 0\r\n");
    }
  }

  @Nested
  @RequiresBPF
  class InBothTiers {
    @Test
    void withoutEvictionsClientsAreToldWhatMemcachedTells() throws Exception {
      ServerConfig config = TestServers.kernel("lo", XdpChoice.GENERIC, MIB, 4 * MIB, false);
      try (MemcachedProcess memcached = MemcachedProcess.startWith("-M", "-m", "2");
          AsciiClient reference = new AsciiClient(memcached.address());
          NetworkNamespace namespace = NetworkNamespace.create("full");
          KerbyServer kerby = namespace.call(() -> KerbyServer.start(config));
          AsciiClient client =
              namespace.call(() -> new AsciiClient(kerby.tcpAddress().orElseThrow()));
          UdpClient udp = namespace.call(() -> new UdpClient(kerby.udpAddress().orElseThrow()))) {
        assertThat(repliesWhenFull(client)).isEqualTo(repliesWhenFull(reference));
        assertThat(client.exchange("stats\r\n")).contains("STAT evictions 0\r\n");
        fillTheKernel(udp);
      }
    }

    /** What the kernel has no room for goes up, and is refused there. */
    private void fillTheKernel(UdpClient udp) throws IOException {
      String reply;
      int stored = 0;
      do {
        reply = udp.exchange("set small%d 0 0 5\r\nvalue\r\n".formatted(stored));
        stored++;
      } while (reply.equals("STORED\r\n"));
      assertThat(reply).isEqualTo(REFUSED);
      assertThat(stored).isGreaterThan(500);
      for (int i = 0; i < stored - 1; i++) {
        assertThat(udp.exchange("get small%d\r\n".formatted(i)))
            .isEqualTo("VALUE small%d 0 5\r\nvalue\r\nEND\r\n".formatted(i));
      }
    }
  }

  private static List<String> repliesWhenFull(AsciiClient client) throws IOException {
    int count = 0;
    String reply;
    do {
      reply = client.exchange(store("set k%d 0 0 5000".formatted(count++)));
    } while (reply.equals("STORED\r\n"));
    assertThat(reply).isEqualTo(REFUSED);
    assertThat(count).isGreaterThan(100);
    List<String> replies = new ArrayList<>();
    for (String request : REQUESTS) {
      replies.add(request.split("\r\n", 2)[0] + ": " + client.exchange(request));
    }
    return replies;
  }

  private static String store(String line) {
    return line + "\r\n" + new String(new byte[VALUE_BYTES], ISO_8859_1) + "\r\n";
  }
}
