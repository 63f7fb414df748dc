package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;

/**
 * More connections than there are files, connections whose peers have vanished, and very many
 * connections: those that are served go on, and what is stored stays.
 */
@RequiresBPF
class ConnectionFaultsTest {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final int FILES = 400;
  private static final int MANY = 10_000;
  private static final long CONNECTION_BYTES_MAX = 32 << 10;
  private static final int KEEP_ALIVE_SECONDS = 2;

  private final Deque<AutoCloseable> opened = new ArrayDeque<>();

  private <T extends AutoCloseable> T opened(T resource) {
    opened.push(resource);
    return resource;
  }

  @AfterEach
  void close() throws Exception {
    while (!opened.isEmpty()) {
      opened.pop().close();
    }
  }

  /** Fewer files than -c needs: the server takes as many connections as it can serve. */
  @Test
  void connectionsForWhichThereAreNoFilesAreToldSo() {
    Topology topology = opened(Topology.Kind.LO_GENERIC.open());
    ServerProcess server =
        opened(
            ServerProcess.startUnder(
                topology,
                List.of("prlimit", "--nofile=%d:%d".formatted(FILES, FILES)),
                List.of("--xdp", "off", "-c", "1024")));
    assertThat(server.errors().lines())
        .singleElement()
        .asString()
        .startsWith("kerby: the limit of open files allows fewer connections: files=" + FILES);
    TcpClient first = new TcpClient(topology.client(), server.address());
    assertThat(first.line("set key 0 0 5\r\nvalue\r\n")).isEqualTo("STORED");
    int most = Integer.parseInt(stat(first, "max_connections"));
    assertThat(most).isBetween(100, FILES);
    List<TcpClient> others = new ArrayList<>();
    while (others.size() < most - 1) {
      others.add(opened(new TcpClient(topology.client(), server.address())));
      assertThat(others.getLast().line("get key2\r\n")).isEqualTo("END");
    }
    TcpClient refused = opened(new TcpClient(topology.client(), server.address()));
    assertThat(refused.line("")).isEqualTo("ERROR Too many open connections");
    assertThat(first.values("get key\r\n"))
        .isEqualTo(Requests.hit("key", 0, Requests.bytes("value")));
    first.close();
    await().atMost(SOON).ignoreExceptions().until(() -> isServed(topology, server));
  }

  private static boolean isServed(Topology topology, ServerProcess server) {
    try (TcpClient client = new TcpClient(topology.client(), server.address())) {
      return client.line("get key2\r\n").equals("END");
    }
  }

  /** Files that are gone although there are connections left, as when something else takes them. */
  @Test
  void withoutFilesItServesOnAndAcceptsAgainLater() {
    Topology topology = opened(Topology.Kind.LO_GENERIC.open());
    ServerProcess server = opened(ServerProcess.start(topology, List.of("--xdp", "off")));
    TcpClient first = opened(new TcpClient(topology.client(), server.address()));
    assertThat(first.line("set key 0 0 5\r\nvalue\r\n")).isEqualTo("STORED");
    // Here classes are files of their own, and not in a jar that is open.
    byte[] hit = Requests.hit("key", 0, Requests.bytes("value"));
    assertThat(first.values("get key\r\n")).isEqualTo(hit);
    assertThat(stat(first, "listen_disabled_num")).isEqualTo("0");
    long limit = openFiles(server) + 2;
    Commands.run(
        List.of(
            "prlimit",
            "--pid",
            Long.toString(server.handle().pid()),
            "--nofile=%d:%d".formatted(limit, limit)));

    List<TcpClient> others = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      others.add(opened(new TcpClient(topology.client(), server.address())));
    }
    await()
        .atMost(SOON)
        .untilAsserted(
            () ->
                assertThat(Integer.parseInt(stat(first, "listen_disabled_num"))).isGreaterThan(1));
    Duration before = cpuTime(server);
    await().pollDelay(Duration.ofSeconds(2)).until(() -> true);
    assertThat(cpuTime(server).minus(before))
        .as("CPU time of two seconds without files")
        .isLessThan(Duration.ofSeconds(1));
    assertThat(first.values("get key\r\n")).isEqualTo(hit);
    assertThat(server.errors().lines())
        .isNotEmpty()
        .hasSizeLessThanOrEqualTo(10)
        .allMatch(line -> line.startsWith("kerby: accepting no connections for a second: "))
        .allMatch(line -> line.contains("Too many open files"));

    others.removeFirst().close();
    others.removeFirst().close();
    // Two of the others have their files now.
    assertThat(others.getFirst().values("get key\r\n")).isEqualTo(hit);
  }

  /** Their address is taken away, so that nothing of the end of the connection is ever heard. */
  @Test
  void connectionsOfPeersThatHaveVanishedAreClosed() {
    Topology topology = opened(Topology.Kind.VETH_GENERIC.open());
    ServerProcess server =
        opened(
            ServerProcess.start(
                topology,
                List.of("--xdp", "off", "--tcp-keepalive", Integer.toString(KEEP_ALIVE_SECONDS))));
    TcpClient here = opened(new TcpClient(topology.server(), server.address()));
    TcpClient vanishing = opened(new TcpClient(topology.client(), server.address()));
    assertThat(vanishing.line("set key 0 0 5\r\nvalue\r\n")).isEqualTo("STORED");
    assertThat(stat(here, "curr_connections")).isEqualTo("2");

    String name = topology.interfaceName();
    topology.client().ip("address", "flush", "dev", name);
    await()
        .atMost(SOON)
        .untilAsserted(() -> assertThat(stat(here, "curr_connections")).isEqualTo("1"));
    topology.client().ip("address", "add", "198.18.77.2/24", "dev", name);
    assertThatThrownBy(() -> vanishing.line("get key\r\n"))
        .as("a client that comes back is told that its connection is gone")
        .isInstanceOf(UncheckedIOException.class);
    TcpClient again = opened(new TcpClient(topology.client(), server.address()));
    assertThat(again.values("get key\r\n"))
        .isEqualTo(Requests.hit("key", 0, Requests.bytes("value")));
  }

  @Test
  void tenThousandConnectionsAreServed() throws IOException {
    assumeThat(filesMax()).as("open files of this process").isGreaterThan(MANY + 500);
    Topology topology = opened(Topology.Kind.LO_GENERIC.open());
    ServerProcess server =
        opened(
            ServerProcess.start(
                topology, List.of("--xdp", "off", "-c", Integer.toString(MANY), "-t", "2")));
    assertThat(server.errors()).isEmpty();
    InetSocketAddress address = server.address();
    long residentBefore = residentBytes(server);
    List<SocketChannel> connections = topology.client().call(() -> connect(address, MANY));
    for (int i = 0; i < MANY; i++) {
      send(connections.get(i), "set key%d 0 0 5\r\n%05d\r\nget key%d\r\n".formatted(i, i, i));
    }
    for (int i = 0; i < MANY; i++) {
      String expected = "STORED\r\nVALUE key%d 0 5\r\n%05d\r\nEND\r\n".formatted(i, i);
      assertThat(receive(connections.get(i), expected.length())).isEqualTo(expected);
    }
    try (SocketChannel tooMany = topology.client().call(() -> connect(address, 1)).getFirst()) {
      String told = "ERROR Too many open connections\r\n";
      assertThat(receive(tooMany, told.length())).isEqualTo(told);
    }
    for (int i = 0; i < MANY; i++) {
      send(connections.get(i), "get key%d\r\n".formatted(i));
    }
    for (int i = 0; i < MANY; i++) {
      String expected = "VALUE key%d 0 5\r\n%05d\r\nEND\r\n".formatted(i, i);
      assertThat(receive(connections.get(i), expected.length())).isEqualTo(expected);
    }
    assertThat(residentBytes(server) - residentBefore)
        .as("memory of all connections")
        .isLessThan(MANY * CONNECTION_BYTES_MAX);
  }

  private List<SocketChannel> connect(InetSocketAddress address, int count) throws IOException {
    List<SocketChannel> connections = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      SocketChannel connection = opened(SocketChannel.open(StandardProtocolFamily.INET));
      connection.connect(address);
      connections.add(connection);
    }
    return connections;
  }

  private static void send(SocketChannel connection, String text) throws IOException {
    ByteBuffer bytes = StandardCharsets.US_ASCII.encode(text);
    while (bytes.hasRemaining()) {
      connection.write(bytes);
    }
  }

  private static String receive(SocketChannel connection, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    while (bytes.hasRemaining() && connection.read(bytes) >= 0) {
      // Until all is there.
    }
    return StandardCharsets.US_ASCII.decode(bytes.flip()).toString();
  }

  private static String stat(TcpClient client, String name) {
    return client.lines("stats\r\n").stream()
        .filter(line -> line.startsWith("STAT " + name + " "))
        .map(line -> line.substring(line.lastIndexOf(' ') + 1))
        .findFirst()
        .orElseThrow();
  }

  private static long openFiles(ServerProcess server) {
    try (Stream<Path> files = Files.list(proc(server, "fd"))) {
      return files.count();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Duration cpuTime(ServerProcess server) {
    return server.handle().info().totalCpuDuration().orElseThrow();
  }

  private static long residentBytes(ServerProcess server) throws IOException {
    return Files.readAllLines(proc(server, "status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
        .findFirst()
        .orElseThrow();
  }

  private static Path proc(ServerProcess server, String file) {
    return Path.of("/proc", Long.toString(server.handle().pid()), file);
  }

  private static long filesMax() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/limits")).stream()
        .filter(line -> line.startsWith("Max open files"))
        .mapToLong(line -> Long.parseLong(line.split(" +", -1)[3]))
        .findFirst()
        .orElseThrow();
  }
}
