package org.kerbykv.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.BindException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Framing, replies of several datagrams, and where they come from. */
class UdpTest {
  private static final int MIB = 1 << 20;
  private static final int SILENCE_MILLIS = 100;

  private static KerbyServer server;

  @BeforeAll
  static void start() throws Exception {
    server = KerbyServer.start(TestServers.userSpace());
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @Test
  void aReplyIsCutIntoFullDatagramsWithNumbers() throws Exception {
    String value = "0123456789".repeat(1000);
    store(server, "cut", value);
    try (UdpClient client = client()) {
      List<byte[]> datagrams = client.exchangeDatagrams("get cut\r\n".getBytes(ISO_8859_1));
      String reply = "VALUE cut 0 10000\r\n" + value + "\r\nEND\r\n";
      assertThat(UdpClient.text(datagrams)).isEqualTo(reply);
      assertThat(datagrams).hasSize((reply.length() + 1391) / 1392);
      assertThat(datagrams.subList(0, datagrams.size() - 1))
          .allSatisfy(datagram -> assertThat(datagram).hasSize(1400));
    }
  }

  @Test
  void theLargestItemsReplyIsHundredsOfDatagrams() throws Exception {
    String value = "x".repeat(MIB - 100);
    store(server, "largest", value);
    try (UdpClient client = client()) {
      assertThat(client.exchange("get largest\r\n"))
          .isEqualTo("VALUE largest 0 %d\r\n%s\r\nEND\r\n".formatted(value.length(), value));
      assertThat(client.exchange("get largest largest\r\n"))
          .as("more than one such item is too much for a datagram to ask for")
          .isEqualTo("SERVER_ERROR out of memory writing get response\r\n");
      assertThat(client.exchange("get absent\r\n")).isEqualTo("END\r\n");
    }
  }

  @Test
  void theDatagramsOfAReplyMayBeOfAnotherSize() throws Exception {
    try (KerbyServer other = KerbyServer.start(TestServers.userSpace(1, 9000))) {
      String value = "y".repeat(20_000);
      store(other, "k", value);
      try (UdpClient client = new UdpClient(other.udpAddress().orElseThrow())) {
        List<byte[]> datagrams = client.exchangeDatagrams("get k\r\n".getBytes(ISO_8859_1));
        assertThat(datagrams).hasSize(3);
        assertThat(datagrams.getFirst()).hasSize(9000);
        assertThat(UdpClient.text(datagrams)).contains(value);
      }
    }
  }

  @Test
  void allCommandsOfADatagramAreAnsweredInOneMessage() throws Exception {
    try (UdpClient client = client()) {
      List<byte[]> datagrams =
          client.exchangeDatagrams(
              "set one 0 0 3\r\nabc\r\nset two 0 0 1 noreply\r\nx\r\nget one two\r\nfoo\r\n"
                  .getBytes(ISO_8859_1));
      assertThat(datagrams).hasSize(1);
      assertThat(UdpClient.text(datagrams))
          .isEqualTo("STORED\r\nVALUE one 0 3\r\nabc\r\nVALUE two 0 1\r\nx\r\nEND\r\nERROR\r\n");
    }
  }

  @Test
  void aLongRequestInOneDatagram() throws Exception {
    String value = "z".repeat(60_000);
    try (UdpClient client = client()) {
      assertThat(client.exchange("set long 0 0 60000\r\n" + value + "\r\n"))
          .isEqualTo("STORED\r\n");
      assertThat(client.exchange("get long\r\n")).contains(value);
    }
  }

  @Test
  void aRequestThatIsCutShortIsRefusedOrGetsNoReply() throws Exception {
    try (UdpClient client = client()) {
      assertThat(client.exchange("set cutshort 0 0 10\r\nabc"))
          .isEqualTo("CLIENT_ERROR bad data chunk\r\n");
      assertThat(client.exchange("set cutshort 0 0 10000\r\nabc\r\n"))
          .isEqualTo("CLIENT_ERROR bad data chunk\r\n");
      assertThat(client.exchange("set cutshort 0 0 3000000\r\nabc\r\n"))
          .isEqualTo("SERVER_ERROR object too large for cache\r\n");
      client.send(UdpClient.frame(1, "get cutsho".getBytes(ISO_8859_1)));
      assertThat(client.receive(SILENCE_MILLIS)).isNull();
      assertThat(client.exchange("get cutshort\r\n")).isEqualTo("END\r\n");
    }
  }

  @Test
  void whatIsNotARequestGetsNoReply() throws Exception {
    byte[] get = "get a\r\n".getBytes(ISO_8859_1);
    byte[] second = UdpClient.frame(7, get);
    second[5] = 2;
    byte[] ofNone = UdpClient.frame(7, get);
    ofNone[5] = 0;
    long before = dropped("no_header") + dropped("multi_datagram");
    try (UdpClient client = client()) {
      for (byte[] datagram : List.of(new byte[1], new byte[7], second, ofNone, frameOf(""))) {
        client.send(datagram);
      }
      client.send(UdpClient.frame(9, "quit\r\n".getBytes(ISO_8859_1)));
      client.send(UdpClient.frame(9, "GET / HTTP/1.1\r\n".getBytes(ISO_8859_1)));
      assertThat(client.receive(SILENCE_MILLIS)).isNull();
      assertThat(client.exchange("get a\r\n")).isEqualTo("END\r\n");
    }
    assertThat(dropped("no_header") + dropped("multi_datagram")).isEqualTo(before + 4);
  }

  @Test
  void headerFieldsThatMemcachedIgnoresAreIgnored() throws Exception {
    byte[] odd = UdpClient.frame(0xfffe, "get a\r\n".getBytes(ISO_8859_1));
    odd[3] = 5;
    odd[6] = 1;
    try (UdpClient client = client()) {
      client.send(odd);
      assertThat(UdpClient.text(client.receiveReply(0xfffe))).isEqualTo("END\r\n");
    }
  }

  @Test
  void statsAreNotServed() throws Exception {
    try (UdpClient client = client()) {
      assertThat(client.exchange("stats\r\n"))
          .isEqualTo("CLIENT_ERROR stats not allowed over UDP\r\n");
      assertThat(client.exchange("stats reset\r\n"))
          .isEqualTo("CLIENT_ERROR stats not allowed over UDP\r\n");
    }
  }

  @Test
  void aServicesPortIsNotAnswered() throws Exception {
    InetSocketAddress address = server.udpAddress().orElseThrow();
    try (DatagramSocket service = servicePort()) {
      byte[] request = UdpClient.frame(1, "get a\r\n".getBytes(ISO_8859_1));
      long before = dropped("source");
      service.send(new DatagramPacket(request, request.length, address));
      try (UdpClient client = client()) {
        // On the same event loop or not, the first request is done long before this returns.
        for (int i = 0; i < 100 && dropped("source") == before; i++) {
          client.exchange("get a\r\n");
        }
      }
      assertThat(dropped("source")).isEqualTo(before + 1);
    }
  }

  @Test
  void repliesComeFromTheAddressThatWasAsked() throws Exception {
    ServerConfig config =
        TestServers.config(InetAddress.ofLiteral("0.0.0.0"), 2, 1400, 64L * MIB, 10);
    try (KerbyServer wildcard = KerbyServer.start(config)) {
      int port = wildcard.udpAddress().orElseThrow().getPort();
      for (String address : List.of("127.0.0.1", "127.0.0.2", "127.77.3.9", "127.0.0.2")) {
        // Several clients, so that all event loops are asked.
        for (int i = 0; i < 8; i++) {
          try (UdpClient client =
              new UdpClient(new InetSocketAddress(InetAddress.ofLiteral(address), port))) {
            assertThat(client.exchange("get a\r\n")).as(address).isEqualTo("END\r\n");
            assertThat(client.exchange("get a\r\n")).as(address).isEqualTo("END\r\n");
          }
        }
      }
    }
  }

  @Test
  void manyClientsAtOnceGetTheirOwnReplies() throws Exception {
    int clients = 8;
    try (ExecutorService executor = Executors.newFixedThreadPool(clients)) {
      List<Future<?>> running = new ArrayList<>();
      for (int c = 0; c < clients; c++) {
        String key = "client" + c;
        running.add(
            executor.submit(
                () -> {
                  try (UdpClient client = client()) {
                    for (int i = 0; i < 2000; i++) {
                      String value = key + "-" + i;
                      assertThat(
                              client.exchange(
                                  "set %s 0 0 %d\r\n%s\r\n".formatted(key, value.length(), value)))
                          .isEqualTo("STORED\r\n");
                      assertThat(client.exchange("get " + key + "\r\n")).contains("\n" + value);
                    }
                  }
                  return null;
                }));
      }
      for (Future<?> each : running) {
        each.get();
      }
    }
  }

  private static byte[] frameOf(String request) {
    return UdpClient.frame(1, request.getBytes(ISO_8859_1));
  }

  private static DatagramSocket servicePort() throws Exception {
    for (int port = 700; port < 1024; port++) {
      try {
        return new DatagramSocket(port, InetAddress.getLoopbackAddress());
      } catch (BindException e) {
        // In use, or not ours to use; then none of them is.
      }
    }
    return Assumptions.abort("needs the right to bind a port below 1024");
  }

  private static long dropped(String reason) throws Exception {
    try (AsciiClient client = new AsciiClient(server.tcpAddress().orElseThrow())) {
      String name = "STAT kerby_dropped_" + reason + " ";
      String stats = client.exchange("stats\r\n");
      int at = stats.indexOf(name) + name.length();
      return Long.parseLong(stats.substring(at, stats.indexOf('\r', at)));
    }
  }

  private static void store(KerbyServer server, String key, String value) throws Exception {
    try (AsciiClient client = new AsciiClient(server.tcpAddress().orElseThrow())) {
      assertThat(client.exchange("set %s 0 0 %d\r\n%s\r\n".formatted(key, value.length(), value)))
          .isEqualTo("STORED\r\n");
    }
  }

  private static UdpClient client() throws Exception {
    return new UdpClient(server.udpAddress().orElseThrow());
  }
}
