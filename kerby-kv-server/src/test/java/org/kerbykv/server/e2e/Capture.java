package org.kerbykv.server.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * Packets as they are on the clients' interface: taken by tcpdump, judged by tshark.
 *
 * <p>Complete whatever tcpdump's share of the processor is: the kernel queues packets for it in
 * their order, so that all are in the file when a marker sent behind them is; and none may have
 * been dropped because the queue was full.
 */
final class Capture implements AutoCloseable {
  private static final long SECONDS_MAX = 60;

  /** On loopback a packet takes 64 KiB of the queue, however short it is. */
  private static final int QUEUE_KIB = 64 << 10;

  private static final String NONE_DROPPED = "0 packets dropped by kernel";

  private final Topology topology;
  private final Path file;
  private final Process tcpdump;
  private final BufferedReader said;

  /** Begins; what is sent from now on is captured. */
  Capture(Topology topology) {
    this.topology = topology;
    try {
      file = Files.createTempFile("kerby-e2e", ".pcap");
      List<String> command =
          topology
              .client()
              .command(
                  "tcpdump",
                  "--immediate-mode",
                  "-U",
                  "-B",
                  Integer.toString(QUEUE_KIB),
                  "-Z",
                  "root",
                  "-i",
                  topology.interfaceName(),
                  "-w",
                  file.toString(),
                  // Not how neighbours find each other.
                  "ip or ip6 and not icmp6");
      tcpdump = new ProcessBuilder(command).redirectErrorStream(true).start();
      said = new BufferedReader(new InputStreamReader(tcpdump.getInputStream(), UTF_8));
      awaitListening();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void awaitListening() throws IOException {
    String line;
    do {
      line = said.readLine();
    } while (line != null && !line.contains("listening on"));
    if (line == null) {
      close();
      throw new AssertionError("tcpdump ended");
    }
  }

  /** Ends the capture, when all packets that clients have sent or received are in it. */
  void stop() {
    String marker = "end of capture " + UUID.randomUUID();
    sendToNobody(marker);
    await()
        .pollInterval(Duration.ofMillis(50))
        .atMost(Duration.ofSeconds(SECONDS_MAX))
        .until(() -> Files.readString(file, ISO_8859_1).contains(marker));
    tcpdump.toHandle().destroy(); // the process's own would close what it says, too
    try {
      String summary = said.lines().collect(Collectors.joining("\n"));
      if (!summary.contains(NONE_DROPPED)) {
        throw new AssertionError("tcpdump: " + summary);
      }
      if (!tcpdump.waitFor(SECONDS_MAX, TimeUnit.SECONDS)) {
        throw new AssertionError("tcpdump does not end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  /** Sends a datagram to the server's side, to a socket, lest an ICMP error comes back. */
  private void sendToNobody(String text) {
    try (DatagramSocket to =
            topology.server().call(() -> new DatagramSocket(0, topology.address()));
        DatagramSocket from = topology.client().call(() -> new DatagramSocket())) {
      byte[] bytes = text.getBytes(ISO_8859_1);
      from.send(new DatagramPacket(bytes, bytes.length, to.getLocalSocketAddress()));
      to.setSoTimeout((int) Duration.ofSeconds(SECONDS_MAX).toMillis());
      to.receive(new DatagramPacket(new byte[bytes.length], bytes.length));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Decodes the packets: for each a map from the names of fields to the first value of each, ""
   * where the packet has none.
   *
   * @param port whose packets are memcached's
   */
  List<Map<String, String>> decode(int port, String... fields) {
    List<String> command =
        new ArrayList<>(List.of("tshark", "-n", "-r", file.toString(), "-T", "fields"));
    for (String check : List.of("ip.check_checksum", "udp.check_checksum", "tcp.check_checksum")) {
      command.addAll(List.of("-o", check + ":TRUE"));
    }
    for (String protocol : List.of("udp", "tcp")) {
      command.addAll(List.of("-d", "%s.port==%d,memcache".formatted(protocol, port)));
    }
    command.addAll(List.of("-E", "occurrence=f"));
    for (String field : fields) {
      command.addAll(List.of("-e", field));
    }
    return Commands.run(command).lines().map(line -> packet(fields, line)).toList();
  }

  private static Map<String, String> packet(String[] fields, String line) {
    String[] values = line.split("\t", -1);
    Map<String, String> packet = new LinkedHashMap<>();
    for (int i = 0; i < fields.length; i++) {
      packet.put(fields[i], values[i]);
    }
    return packet;
  }

  @Override
  public void close() {
    Commands.end(tcpdump);
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
