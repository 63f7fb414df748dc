package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.TemporaryBPFFileSystem;
import org.kerbykv.server.e2e.KernelObjects.KernelObject;

/**
 * A server with {@code --pin}: what the kernel holds outlives it however it ends, goes on being
 * served, and is adopted by the next one.
 */
@RequiresBPF
class SurvivalTest {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final int ITEMS = 200;

  private TemporaryBPFFileSystem pins;
  private Topology topology;
  private String pinDirectory;
  private String port;

  @BeforeEach
  void prepare() {
    pins = TemporaryBPFFileSystem.create();
    topology = Topology.Kind.VETH_NATIVE.open();
    pinDirectory = pins.directory().resolve("kv").toString();
    port = Integer.toString(topology.freePort());
  }

  @AfterEach
  void remove() {
    try {
      pins.close();
    } finally {
      topology.close();
    }
  }

  private ServerProcess start() {
    return ServerProcess.start(topology, options());
  }

  private List<String> options(String... more) {
    return Stream.concat(Stream.of("-p", port, "--pin", pinDirectory), Stream.of(more)).toList();
  }

  @Test
  void theKernelServesOnAfterAKillAndTheNextServerAdoptsIt() {
    Set<KernelObject> objects;
    try (ServerProcess server = start();
        UdpClient udp = new UdpClient(topology.client(), server.address())) {
      try (TcpClient tcp = new TcpClient(topology.client(), server.address())) {
        IntStream.range(0, ITEMS).forEach(i -> assertStored(udp.exchange(request(i))));
        IntStream.range(0, 5)
            .forEach(i -> assertThat(tcp.line(largeRequest(i))).isEqualTo("STORED"));
        assertThat(tcp.values("get large0\r\n"))
            .isEqualTo(Requests.hit("large0", 0, Requests.value(50_000, 0)));
      }
      objects = server.kernelObjects();
      server.kill();

      IntStream.range(0, ITEMS).forEach(i -> assertHit(udp, i));
      assertThat(udp.exchange("delete key0\r\n")).isEqualTo("DELETED\r\n");
      assertThat(udp.exchange("get key0\r\n")).isEqualTo("END\r\n");
      assertStored(udp.exchange(request(0)));
      // With nobody there for the others, these are simply not answered.
      assertThat(udp.exchange(Requests.bytes("get large1\r\n"), Duration.ofMillis(300))).isEmpty();
    }
    assertThat(KernelObjects.remaining(objects)).as("what serves on").isNotEmpty();
    adopt();
    await()
        .atMost(SOON)
        .untilAsserted(() -> assertThat(KernelObjects.remaining(objects)).isNotEmpty());
    pins.close();
    await()
        .atMost(SOON)
        .untilAsserted(
            () -> assertThat(KernelObjects.remaining(objects)).as("without pins").isEmpty());
    pins = TemporaryBPFFileSystem.create();
  }

  /** A server with the same flags over what the killed one left. */
  private void adopt() {
    Set<KernelObject> objects;
    try (ServerProcess server = start();
        UdpClient udp = new UdpClient(topology.client(), server.address());
        TcpClient tcp = new TcpClient(topology.client(), server.address())) {
      assertThat(server.readyLine()).endsWith(" xdp native");
      for (int i = 0; i < ITEMS; i++) {
        assertHit(udp, i);
        assertThat(tcp.values("get key" + i + "\r\n"))
            .isEqualTo(Requests.hit("key" + i, i, value(i)));
      }
      // Their values were in the killed process: gone, which is a miss and not an error.
      assertThat(udp.exchange("get large0\r\n")).isEqualTo("END\r\n");
      assertThat(tcp.line("get large1\r\n")).isEqualTo("END");
      assertThat(tcp.line("append large2 0 0 1\r\nx\r\n")).isEqualTo("NOT_STORED");
      assertThat(udp.exchange(Requests.set("large3", Requests.bytes("small"))))
          .isEqualTo(Requests.bytes("STORED\r\n"));
      assertThat(tcp.line(largeRequest(4))).isEqualTo("STORED");
      assertThat(udp.exchange(Requests.bytes("get large4\r\n")))
          .isEqualTo(Requests.hit("large4", 0, Requests.value(50_000, 4)));
      assertAuditOk(ITEMS + 2);
      // The other two were written before anybody missed them, or found by the server itself.
      assertThat(tcp.lines("stats kerby\r\n"))
          .anyMatch(line -> line.matches("STAT kerby_lost_user_items [345]"))
          // Five large ones before the kill, and one after.
          .contains("STAT kerby_requests_user_set_stored 6");
      objects = server.kernelObjects();
      assertThat(server.stop()).as("exit code after SIGTERM").isEqualTo(143);
      assertHit(udp, 1);
    }
    assertThat(KernelObjects.remaining(objects)).isNotEmpty();
  }

  @Test
  void pinnedMapsOfAnotherShapeAreRefusedInALine() {
    try (ServerProcess server = start();
        UdpClient udp = new UdpClient(topology.client(), server.address())) {
      assertStored(udp.exchange(request(1)));
      server.kill();
      assertRefused("--block-size", "448");
      assertHit(udp, 1);
      assertRefused("--memory-limit", "32");
      assertHit(udp, 1);
      assertAuditOk(1);
    }
    try (ServerProcess server = start();
        UdpClient udp = new UdpClient(topology.client(), server.address())) {
      assertHit(udp, 1);
    }
  }

  /** Under auto it may do without the kernel, but not beside programs that answer its port. */
  @Test
  void noServerMakesASecondStoreBesideThePinnedOne() {
    try (ServerProcess server = start()) {
      server.kill();
    }
    Commands.Result otherShape =
        ServerProcess.runServer(topology, options("--xdp", "auto", "--block-size", "448"));
    assertThat(otherShape.exitCode()).as(otherShape.all()).isEqualTo(1);
    Commands.Result withoutPins =
        ServerProcess.runServer(topology, List.of("-p", port, "--xdp", "auto"));
    assertThat(withoutPins.exitCode()).as(withoutPins.all()).isEqualTo(1);
  }

  private void assertRefused(String... options) {
    Commands.Result result = ServerProcess.runServer(topology, options(options));
    assertThat(result.exitCode()).as("exit code with %s", options[0]).isEqualTo(1);
    assertThat(result.output()).isEmpty();
    assertThat(result.errors().lines())
        .as("what it says with %s", options[0])
        .singleElement()
        .asString()
        .startsWith("kerby: ")
        .contains(pinDirectory);
  }

  /** Audits from outside. */
  private void assertAuditOk(int items) {
    Commands.Result audit =
        ServerProcess.run(topology, List.of("audit", "--pin", pinDirectory, "--json"));
    assertThat(audit.exitCode()).as(audit.all()).isZero();
    assertThat(audit.output().lines())
        .singleElement()
        .asString()
        .contains("\"blocks_leaked\":0,")
        .contains("\"ok\":true");
    assertThat(audit.output()).contains("\"items\":" + items + ",");
  }

  private static byte[] value(int i) {
    return Requests.value(i % ITEMS * 5, i);
  }

  private static byte[] request(int i) {
    return Requests.set("key" + i, i, 0, value(i));
  }

  private static byte[] largeRequest(int i) {
    return Requests.set("large" + i, Requests.value(50_000, i));
  }

  private static void assertStored(byte[] reply) {
    assertThat(reply).isEqualTo(Requests.bytes("STORED\r\n"));
  }

  private static void assertHit(UdpClient udp, int i) {
    assertThat(udp.exchange(Requests.bytes("get key" + i + "\r\n")))
        .as("key%d", i)
        .isEqualTo(Requests.hit("key" + i, i, value(i)));
  }
}
