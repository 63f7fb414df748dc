package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.bpf.programs.LockAbi.Mode;
import org.kerbykv.bpf.programs.LockAbi.Status;
import org.kerbykv.bpf.programs.LockMessage;

/**
 * What a server sends for what it is sent: nothing to a stranger, whichever way his requests take,
 * and to others no more than it was told.
 */
@RequiresBPF
class AmplificationTest {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final String STRANGER = "198.19.1.1";
  private static final byte[] LARGE = new byte[20_000];
  private static final byte[] SMALL = new byte[1000];
  private static final LockMessage ACQUIRE =
      LockMessage.acquire(Mode.EXCLUSIVE, 1, 1, 1, 1000, 1000);
  private static final long RATE = 100 << 10;
  private static final Pattern METRICS = Pattern.compile("metrics (http://\\S+)");

  private Topology topology;

  static Stream<Arguments> ways() {
    return Stream.of(
        Arguments.of("XDP in the driver", Topology.Kind.VETH_NATIVE, List.of()),
        Arguments.of("XDP on loopback", Topology.Kind.LO_GENERIC, List.of()),
        Arguments.of("user space", Topology.Kind.VETH_GENERIC, List.of("--xdp", "off")));
  }

  @AfterEach
  void remove() {
    topology.close();
  }

  private ServerProcess start(Topology.Kind kind, List<String> options) {
    topology = kind.open();
    if (kind == Topology.Kind.LO_GENERIC) {
      // An address that is not the interface's: what lo has are no strangers'.
      topology.client().ip("link", "add", "other", "type", "veth", "peer", "name", "others");
      topology.client().ip("address", "add", STRANGER + "/32", "dev", "other");
    } else {
      topology.client().ip("address", "add", STRANGER + "/32", "dev", topology.interfaceName());
      // A reply would find its way.
      topology.server().ip("route", "add", STRANGER + "/32", "dev", topology.interfaceName());
    }
    List<String> all = new ArrayList<>(options);
    all.addAll(List.of("--metrics-port", "-1", "--lock-port", "-1"));
    all.addAll(List.of("--reply-rate", RATE / 1024 + "k"));
    return ServerProcess.start(topology, all);
  }

  private DatagramSocket socket(String address) {
    return topology
        .client()
        .call(() -> new DatagramSocket(new InetSocketAddress(InetAddress.ofLiteral(address), 0)));
  }

  private static int send(DatagramSocket socket, InetSocketAddress to, byte[] payload) {
    try {
      socket.send(new DatagramPacket(payload, payload.length, to));
      return payload.length;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] datagram(byte[] text) {
    byte[] datagram = new byte[UdpClient.HEADER + text.length];
    datagram[1] = 1;
    datagram[5] = 1;
    System.arraycopy(text, 0, datagram, UdpClient.HEADER, text.length);
    return datagram;
  }

  private static byte[] datagram(String text) {
    return datagram(Requests.bytes(text));
  }

  private long dropped(ServerProcess server, String service, String reason) {
    String name = "kerby_%s_dropped_total{reason=\"%s\"}".formatted(service, reason);
    Matcher url = METRICS.matcher(server.readyLine());
    assertThat(url.find()).as(server.readyLine()).isTrue();
    String text =
        topology
            .client()
            .call(
                () -> {
                  try (InputStream in = URI.create(url.group(1)).toURL().openStream()) {
                    return new String(in.readAllBytes(), StandardCharsets.UTF_8);
                  }
                });
    return text.lines()
        .filter(line -> line.startsWith(name + " "))
        .mapToLong(line -> (long) Double.parseDouble(line.substring(name.length() + 1)))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no " + name + " in " + text));
  }

  /** All that is worth asking for to whom the answer would go, and what nobody understands. */
  private static List<byte[]> strangersRequests() {
    return List.of(
        datagram("get large\r\n"),
        datagram("get k\r\n"),
        datagram("gets k large k large\r\n"),
        datagram("mg large v\r\n"),
        datagram("get nothing\r\n"),
        datagram("stats\r\n"),
        datagram("version\r\n"),
        datagram("set large 0 0 3\r\nbad\r\n"),
        datagram("delete k\r\n"),
        datagram("flush_all\r\n"),
        datagram("no such command\r\n"),
        // In fragments.
        datagram(Requests.set("large", new byte[4000])),
        new byte[] {0, 1, 0, 0, 0, 2, 0, 0, 'g'},
        new byte[0]);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("ways")
  void aStrangerGetsNotAByteAndOthersNoMoreThanTheRate(
      String name, Topology.Kind kind, List<String> options) throws Exception {
    try (ServerProcess server = start(kind, options);
        UdpClient known = new UdpClient(topology.client(), server.address());
        LockUdp knownLocker = new LockUdp(topology.client(), server.lockAddress(), 2);
        DatagramSocket stranger = socket(STRANGER);
        Capture capture = new Capture(topology)) {
      long start = System.nanoTime();
      assertThat(known.exchange(Requests.set("large", LARGE)))
          .isEqualTo(Requests.bytes("STORED\r\n"));
      assertThat(known.exchange(Requests.set("k", SMALL))).isEqualTo(Requests.bytes("STORED\r\n"));
      strangerAsks(server, stranger);

      assertThat(known.exchange(Requests.bytes("get large\r\n")))
          .as("what the stranger wanted to change")
          .isEqualTo(Requests.hit("large", 0, LARGE));
      assertThat(known.exchange(Requests.bytes("get k\r\n")))
          .isEqualTo(Requests.hit("k", 0, SMALL));
      assertThat(knownLocker.ask(knownLocker.acquire(Mode.EXCLUSIVE, 1, 1)).status())
          .isEqualTo(Status.GRANTED);
      capture.stop();
      for (int port : List.of(server.address().getPort(), server.lockAddress().getPort())) {
        List<Map<String, String>> packets = capture.decode(port, "ip.src", "ip.dst");
        assertThat(packets).anyMatch(packet -> packet.get("ip.src").equals(STRANGER));
        assertThat(packets).noneMatch(packet -> packet.get("ip.dst").equals(STRANGER));
      }
      knownAsks(name, server, start);
    }
  }

  private void strangerAsks(ServerProcess server, DatagramSocket stranger) {
    List<byte[]> requests = strangersRequests();
    requests.forEach(request -> send(stranger, server.address(), request));
    send(stranger, server.lockAddress(), ACQUIRE.bytes());
    send(stranger, server.lockAddress(), new byte[3]);
    await()
        .atMost(SOON)
        .untilAsserted(
            () -> {
              assertThat(dropped(server, "kv", "not_allowed")).isEqualTo(requests.size());
              assertThat(dropped(server, "lock", "not_allowed")).isEqualTo(2);
            });
  }

  /** The bytes of a second at the rate may come at once, and one more reply. */
  private void knownAsks(String name, ServerProcess server, long start) throws IOException {
    String host = topology.host();
    String client =
        topology.client().equals(topology.server()) ? host : host.replaceFirst("\\d+$", "2");
    try (DatagramSocket known = socket(client)) {
      int sent = 0;
      for (int i = 0; i < 300; i++) {
        String key = i % 5 == 0 ? "large" : "k";
        sent += send(known, server.address(), datagram("get " + key + "\r\n"));
      }
      long received = receiveAll(known);
      double seconds = (System.nanoTime() - start) / 1e9;
      System.out.printf(
          "AmplificationTest: %s: %d bytes asked, %d answered in %.1f s%n",
          name, sent, received, seconds);
      assertThat(received)
          .isPositive()
          .isLessThan((long) (RATE * (seconds + 1)) + LARGE.length + SMALL.length);
      assertThat(dropped(server, "kv", "rate")).isPositive();
    }
  }

  /** The bytes of all datagrams until none comes for a while. */
  private static long receiveAll(DatagramSocket socket) throws IOException {
    socket.setSoTimeout(500);
    DatagramPacket packet = new DatagramPacket(new byte[1 << 16], 1 << 16);
    long bytes = 0;
    try {
      while (true) {
        packet.setLength(1 << 16);
        socket.receive(packet);
        bytes += packet.getLength();
      }
    } catch (SocketTimeoutException _) {
      return bytes;
    }
  }
}
