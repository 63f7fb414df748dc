package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.kerbykv.bpf.RequiresBPF;

/**
 * The wall clock is set forward and back under a server, by a library that its process is made to
 * load: what is stored keeps the life it was given, and a time that a client names is taken by the
 * clock as it is then.
 */
@RequiresBPF
class ClockTest {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final long YEAR_SECONDS = 365L * 24 * 60 * 60;
  private static final int LIFE_SECONDS = 1000;
  private static final byte[] VALUE = Requests.value(300, 1);

  @TempDir private Path directory;

  @Test
  void itemsLiveAsLongAsTheyWereToAndNewTimesAreTheNewClocks() throws IOException {
    Path shift = Files.write(directory.resolve("shift"), new byte[Long.BYTES]);
    Path library = compile();
    List<String> shifted = List.of("env", "LD_PRELOAD=" + library, "CLOCK_SHIFT=" + shift);
    try (Topology topology = Topology.Kind.VETH_GENERIC.open();
        ServerProcess server = ServerProcess.startUnder(topology, shifted, List.of());
        UdpClient udp = new UdpClient(topology.client(), server.address());
        TcpClient tcp = new TcpClient(topology.client(), server.address())) {
      store(udp, "relative", LIFE_SECONDS);
      store(udp, "absolute", now(0) + LIFE_SECONDS);
      for (long ahead : new long[] {YEAR_SECONDS, -YEAR_SECONDS}) {
        set(shift, ahead);
        // The kernel hears of it within a second.
        await()
            .atMost(SOON)
            .untilAsserted(
                () -> {
                  store(udp, "new", now(ahead) + LIFE_SECONDS);
                  assertThat(life(tcp, "new")).isBetween(LIFE_SECONDS - 30L, LIFE_SECONDS + 2L);
                });
        store(udp, "past", now(ahead) - 5);
        assertThat(udp.exchange("get past\r\n")).isEqualTo("END\r\n");
        for (String key : List.of("relative", "absolute", "new")) {
          assertThat(udp.exchange(Requests.bytes("get " + key + "\r\n")))
              .as("%s, with the clock %d s ahead", key, ahead)
              .isEqualTo(Requests.hit(key, 0, VALUE));
          assertThat(life(tcp, key)).isBetween(LIFE_SECONDS - 60L, LIFE_SECONDS + 2L);
        }
      }
    }
  }

  private Path compile() {
    Path library = directory.resolve("shifted_clock.so");
    Path source = Path.of("src/test/c/shifted_clock.c");
    String clang = System.getProperty("bpf.clang", "clang-19");
    Commands.run(
        List.of(clang, "-shared", "-fPIC", "-O2", "-o", library.toString(), source.toString()));
    return library;
  }

  private static void set(Path shift, long seconds) throws IOException {
    // In place: the process has the file in its memory.
    byte[] bytes = ByteBuffer.allocate(8).order(ByteOrder.nativeOrder()).putLong(seconds).array();
    Files.write(shift, bytes, StandardOpenOption.WRITE);
  }

  private static long now(long ahead) {
    return System.currentTimeMillis() / 1000 + ahead;
  }

  private static void store(UdpClient udp, String key, long exptime) {
    assertThat(udp.exchange(Requests.set(key, 0, exptime, VALUE)))
        .isEqualTo(Requests.bytes("STORED\r\n"));
  }

  /** The seconds that an item has left. */
  private static long life(TcpClient tcp, String key) {
    String reply = tcp.line("mg " + key + " t\r\n");
    assertThat(reply).as(key).startsWith("HD t");
    return Long.parseLong(reply.substring("HD t".length()));
  }
}
