package org.kerbykv.server.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.kerbykv.bpf.NetworkNamespace;

/** Packets as they are on an interface: taken by tcpdump, judged by tshark. */
final class Capture implements AutoCloseable {
  private static final long SECONDS_MAX = 30;

  private final Path file;
  private final Process tcpdump;

  /** Begins; what is sent from now on is captured. */
  Capture(NetworkNamespace namespace, String interfaceName) {
    try {
      file = Files.createTempFile("kerby-e2e", ".pcap");
      List<String> command =
          namespace.command(
              "tcpdump",
              "--immediate-mode",
              "-U",
              "-Z",
              "root",
              "-i",
              interfaceName,
              "-w",
              file.toString(),
              "ip");
      tcpdump = new ProcessBuilder(command).redirectErrorStream(true).start();
      awaitListening();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void awaitListening() throws IOException {
    BufferedReader said =
        new BufferedReader(new InputStreamReader(tcpdump.getInputStream(), UTF_8));
    String line;
    do {
      line = said.readLine();
    } while (line != null && !line.contains("listening on"));
    if (line == null) {
      close();
      throw new AssertionError("tcpdump ended");
    }
  }

  /** Ends the capture, when nothing has been added for a while. */
  void stop() {
    AtomicLong seen = new AtomicLong(-1);
    await()
        .pollInterval(Duration.ofMillis(200))
        .atMost(Duration.ofSeconds(SECONDS_MAX))
        .until(() -> seen.getAndSet(Files.size(file)) == Files.size(file));
    tcpdump.destroy();
    try {
      if (!tcpdump.waitFor(SECONDS_MAX, TimeUnit.SECONDS)) {
        throw new AssertionError("tcpdump does not end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
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
