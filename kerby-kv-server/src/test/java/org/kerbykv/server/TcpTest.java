package org.kerbykv.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufAllocatorMetricProvider;
import java.io.DataInputStream;
import java.io.EOFException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.kerbykv.server.net.ConnectionLimits;

/** What connections do with input in pieces, long input, slow readers and all kinds of ends. */
class TcpTest {
  private static final int MIB = 1 << 20;
  private static final int CONNECTIONS_MAX = 20;

  private static KerbyServer server;

  @BeforeAll
  static void start() throws Exception {
    server =
        KerbyServer.start(
            TestServers.config(
                InetAddress.getLoopbackAddress(), 2, 1400, 64L * MIB, CONNECTIONS_MAX));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @Test
  void inputMayComeByteByByte() throws Exception {
    String script =
        "set a 5 0 3\r\nabc\r\nget a\r\nset b 0 0 0\r\n\r\nget  b a \r\nset c 0 0 3 noreply\r\nxyz"
            + "\r\nappend c 0 0 1\r\n!\r\nget c\r\nset d 0 0 3\r\nabcd\r\n\r\ndelete a\r\nfoo\r\n"
            + "set e 0 0 9001\r\n"
            + "e".repeat(9001)
            + "\r\nget e\r\nset f 0 0 1100000 noreply\r\n"
            + "f".repeat(1_100_000)
            + "\r\nset g 0 0 9001\r\n"
            + "g".repeat(9001)
            + "!!incr never 1\r\nflush_all\r\n";
    try (AsciiClient whole = client();
        AsciiClient pieces = client()) {
      String expected = whole.exchange(script);
      assertThat(expected)
          .startsWith("STORED\r\nVALUE a 5 3\r\nabc\r\nEND\r\nSTORED\r\nVALUE b 0 0\r\n\r\nVALUE a")
          .contains("e".repeat(9001), "bad data chunk")
          .endsWith("NOT_FOUND\r\nOK\r\n");
      byte[] bytes = script.getBytes(ISO_8859_1);
      int bulk = script.indexOf("ffffffff") + 100;
      for (int i = 0; i < bulk; i++) {
        pieces.send(Arrays.copyOfRange(bytes, i, i + 1));
      }
      pieces.send(Arrays.copyOfRange(bytes, bulk, bulk + 1_099_000));
      for (int i = bulk + 1_099_000; i < bytes.length; i++) {
        pieces.send(Arrays.copyOfRange(bytes, i, i + 1));
      }
      assertThat(pieces.exchange("")).isEqualTo(expected);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 1391, 8959, 8960, 8961, 16_384, 65_535, 65_536, 65_537, 1_048_500})
  void valuesOfAnyLengthInAnyPieces(int length) throws Exception {
    byte[] value = new byte[length];
    new Random(length).nextBytes(value);
    String request =
        "set k 1 0 " + length + "\r\n" + new String(value, ISO_8859_1) + "\r\nget k\r\n";
    byte[] bytes = request.getBytes(ISO_8859_1);
    Random cuts = new Random(length);
    try (AsciiClient client = client()) {
      for (int at = 0; at < bytes.length; ) {
        int end = Math.min(bytes.length, at + 1 + cuts.nextInt(40_000));
        client.send(Arrays.copyOfRange(bytes, at, end));
        at = end;
      }
      assertThat(client.exchange("").equals("STORED\r\n" + value(1, value))).isTrue();
    }
  }

  @Test
  void thousandsOfPipelinedRequestsAreAnsweredInOrder() throws Exception {
    StringBuilder requests = new StringBuilder();
    StringBuilder replies = new StringBuilder();
    for (int i = 0; i < 5000; i++) {
      requests.append("set p 0 0 4\r\n%04d\r\nget p absent p\r\nincr p 1\r\n".formatted(i));
      String value = "VALUE p 0 4\r\n%04d\r\n".formatted(i);
      replies.append("STORED\r\n").append(value).append(value).append("END\r\n").append(i + 1);
      replies.append("\r\n");
    }
    try (AsciiClient client = client()) {
      assertThat(client.exchange(requests.toString())).isEqualTo(replies.toString());
    }
  }

  @Test
  void aGetOfVeryManyKeysInOneLine() throws Exception {
    StringBuilder line = new StringBuilder("get");
    StringBuilder values = new StringBuilder();
    try (AsciiClient client = client()) {
      for (int i = 0; i < 20_000; i++) {
        line.append(" key-number-").append(i);
        if (i % 100 == 0) {
          client.exchange("set key-number-" + i + " 0 0 5\r\nvalue\r\n");
          values.append("VALUE key-number-").append(i).append(" 0 5\r\nvalue\r\n");
        }
      }
      assertThat(client.exchange(line + "\r\n")).isEqualTo(values + "END\r\n");
    }
  }

  @Test
  void aSlowReaderHoldsNoMoreThanItsShareOfMemory() throws Exception {
    int values = 300;
    try (AsciiClient slow = client();
        AsciiClient other = client()) {
      String value = "s".repeat(MIB - 1000);
      other.exchange("set slow 0 0 " + value.length() + "\r\n" + value + "\r\n");
      // One line of many keys, then many lines.
      slow.send(
          "get" + " slow".repeat(values) + "\r\n" + "get slow\r\n".repeat(values) + "quit\r\n");
      String one = "VALUE slow 0 " + value.length() + "\r\n" + value + "\r\n";
      assertThat(slow.receive(10)).isEqualTo(one.substring(0, 10));
      for (int i = 0; i < 100; i++) {
        assertThat(other.exchange("set x 0 0 1\r\nx\r\n")).isEqualTo("STORED\r\n");
        assertThat(usedDirectMemory()).as("while %d MiB wait", values).isLessThan(150L * MIB);
      }
      long expected = (long) one.length() * values * 2 + "END\r\n".length() * (values + 1L);
      long received = 10;
      byte[] buffer = new byte[MIB];
      for (int n; (n = slow.socket().getInputStream().read(buffer)) > 0; ) {
        received += n;
      }
      assertThat(received).isEqualTo(expected);
      other.exchange("delete slow\r\n");
    }
  }

  /** What waits for them is the store's: each holds a share, however long what it asks for. */
  @Test
  void manySlowReadersHoldAShareEach() throws Exception {
    int each = 64;
    int length = MIB - 1000;
    List<AsciiClient> readers = new ArrayList<>();
    try (AsciiClient other = client()) {
      for (char version = 'a'; version < 'a' + CONNECTIONS_MAX - 2; version++) {
        String value = String.valueOf(version).repeat(length);
        assertThat(other.exchange("set many 0 0 " + length + "\r\n" + value + "\r\n"))
            .isEqualTo("STORED\r\n");
        AsciiClient reader = client();
        readers.add(reader);
        reader.send("get" + " many".repeat(each) + "\r\nquit\r\n");
        // It has begun to wait before the value changes.
        reader.receive(1);
      }
      assertThat(usedDirectMemory())
          .as("while %d MiB wait", each * readers.size())
          .isLessThan(100L * MIB);
      char version = 'a';
      for (AsciiClient reader : readers) {
        assertWholeValues(reader, each, length, version++);
      }
      other.exchange("delete many\r\n");
    } finally {
      for (AsciiClient reader : readers) {
        reader.close();
      }
    }
  }

  /** Each value is that of one version, none of an earlier one than the first. */
  private static void assertWholeValues(AsciiClient reader, int count, int length, char first)
      throws Exception {
    DataInputStream in = new DataInputStream(reader.socket().getInputStream());
    byte[] header = ("VALUE many 0 " + length + "\r\n").getBytes(ISO_8859_1);
    byte[] value = new byte[length];
    int skipped = 1; // what was received before
    char least = first;
    for (int i = 0; i < count; i++) {
      assertThat(in.readNBytes(header.length - skipped))
          .isEqualTo(Arrays.copyOfRange(header, skipped, header.length));
      skipped = 0;
      in.readFully(value);
      byte[] expected = new byte[length];
      Arrays.fill(expected, value[0]);
      assertThat(Arrays.equals(value, expected)).as("one version in value %d", i).isTrue();
      assertThat((char) value[0]).isGreaterThanOrEqualTo(least);
      least = (char) value[0];
      assertThat(in.readNBytes(2)).asString().isEqualTo("\r\n");
    }
    assertThat(in.readAllBytes()).asString().isEqualTo("END\r\n");
  }

  @Test
  void idleConnectionsAreClosedIfTheyAreToBe() throws Exception {
    ServerConfig config = TestServers.withConnections(new ConnectionLimits(10, 2, 60));
    try (KerbyServer idleServer = KerbyServer.start(config);
        AsciiClient idle = new AsciiClient(idleServer.tcpAddress().orElseThrow());
        AsciiClient busy = new AsciiClient(idleServer.tcpAddress().orElseThrow())) {
      assertThat(idle.exchange("set i 0 0 1\r\ni\r\n")).isEqualTo("STORED\r\n");
      await()
          .untilAsserted(
              () ->
                  assertThat(busy.exchange("stats\r\n"))
                      .contains("STAT idle_kicks 1\r\n", "STAT curr_connections 1\r\n"));
      assertThat(idle.receiveAll()).isEmpty();
      assertThat(busy.exchange("get i\r\n")).isEqualTo("VALUE i 0 1\r\ni\r\nEND\r\n");
      assertThat(busy.exchange("stats settings\r\n")).contains("STAT idle_timeout 2\r\n");
    }
  }

  @Test
  void whatWasAskedBeforeTheEndOfInputIsAnswered() throws Exception {
    try (AsciiClient client = client()) {
      client.send("set h 0 0 1\r\nh\r\nget h\r\nget unfinished");
      client.socket().shutdownOutput();
      assertThat(client.receiveAll()).isEqualTo("STORED\r\nVALUE h 0 1\r\nh\r\nEND\r\n");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"quit\r\n", "quit now\r\n", "GET / HTTP/1.1\r\n", "POST x HTTP/2\r\n"})
  void quitAndHttpCloseTheConnectionAfterTheRepliesBeforeThem(String request) throws Exception {
    try (AsciiClient client = client()) {
      client.send("set q 0 0 1\r\nq\r\nget q\r\n" + request + "get q\r\n");
      assertThat(client.receiveAll()).isEqualTo("STORED\r\nVALUE q 0 1\r\nq\r\nEND\r\n");
    }
  }

  @Test
  void aLongLineWithoutAnEndClosesTheConnection() throws Exception {
    try (AsciiClient client = client()) {
      client.send("x".repeat(3000));
      assertThat(client.receiveAll()).isEmpty();
    }
    try (AsciiClient client = client()) {
      client.send(" ".repeat(101) + "get " + "x ".repeat(3000));
      assertThat(client.receiveAll()).isEmpty();
    }
    try (AsciiClient client = client()) {
      client.send("get " + "x ".repeat(3000));
      assertThat(client.exchange("\r\n")).isEqualTo("END\r\n");
    }
    try (AsciiClient client = client()) {
      assertThatThrownBy(
              () -> {
                client.send("get " + "x ".repeat(3 * MIB));
                client.receive(1);
              })
          .isInstanceOfAny(EOFException.class, SocketException.class);
    }
  }

  @Test
  void aConnectionLostInTheMiddleOfAValueGivesItsMemoryBack() throws Exception {
    try (AsciiClient client = client()) {
      client.exchange("flush_all\r\n");
    }
    for (int second = 0; second < 33; second++) {
      server.store().upkeep();
    }
    await().untilAsserted(() -> assertThat(server.store().figures().userMemoryBytes()).isZero());
    try (AsciiClient client = client()) {
      client.send("set k 0 0 1000000\r\n" + "x".repeat(600_000));
      await()
          .untilAsserted(
              () -> assertThat(server.store().figures().userMemoryBytes()).isGreaterThan(MIB / 2));
      // Not a close in good order, but a reset.
      client.socket().setSoLinger(true, 0);
    }
    await().untilAsserted(() -> assertThat(server.store().figures().userMemoryBytes()).isZero());
  }

  @Test
  void aConnectionTooManyIsToldSo() throws Exception {
    List<AsciiClient> clients = new ArrayList<>();
    try {
      while (clients.size() < CONNECTIONS_MAX) {
        AsciiClient client = client();
        clients.add(client);
        assertThat(client.exchange("get none\r\n")).isEqualTo("END\r\n");
      }
      try (AsciiClient oneTooMany = client()) {
        assertThat(oneTooMany.receiveAll()).isEqualTo("ERROR Too many open connections\r\n");
      }
      clients.removeLast().close();
      await()
          .untilAsserted(
              () -> {
                try (Socket socket = new Socket()) {
                  socket.connect(server.tcpAddress().orElseThrow());
                  socket.getOutputStream().write("mn\r\n".getBytes(ISO_8859_1));
                  assertThat(socket.getInputStream().readNBytes(4)).asString().isEqualTo("MN\r\n");
                }
              });
    } finally {
      for (AsciiClient client : clients) {
        client.close();
      }
    }
  }

  @Test
  void aLineThatIsNotRightChangesNothing() throws Exception {
    try (AsciiClient client = client()) {
      client.exchange("set good 0 0 1\r\n1\r\n");
      String tooLong = "k".repeat(251);
      assertThat(client.exchange("gat -1 good " + tooLong + "\r\n"))
          .isEqualTo("CLIENT_ERROR bad command line format\r\n");
      assertThat(client.exchange("get none\r\nget good " + tooLong + "\r\n"))
          .as("the replies before it stay")
          .isEqualTo("END\r\nCLIENT_ERROR bad command line format\r\n");
      assertThat(client.exchange("get good\r\n")).isEqualTo("VALUE good 0 1\r\n1\r\nEND\r\n");
    }
  }

  @Test
  void aSetThatFailsLeavesNoOldValue() throws Exception {
    try (AsciiClient client = client()) {
      String large = "x".repeat(2 * MIB);
      String tooLarge = "SERVER_ERROR object too large for cache\r\n";
      client.exchange("set k 0 0 3\r\nold\r\n");
      assertThat(client.exchange("add k 0 0 " + large.length() + "\r\n" + large + "\r\n"))
          .isEqualTo(tooLarge);
      assertThat(client.exchange("get k\r\n")).isEqualTo("VALUE k 0 3\r\nold\r\nEND\r\n");
      assertThat(client.exchange("set k 0 0 " + large.length() + "\r\n" + large + "\r\n"))
          .isEqualTo(tooLarge);
      assertThat(client.exchange("get k\r\n")).isEqualTo("END\r\n");
    }
  }

  private static String value(int flags, byte[] value) {
    return "VALUE k %d %d\r\n%s\r\nEND\r\n"
        .formatted(flags, value.length, new String(value, ISO_8859_1));
  }

  private static long usedDirectMemory() {
    return ((ByteBufAllocatorMetricProvider) ByteBufAllocator.DEFAULT).metric().usedDirectMemory();
  }

  private static AsciiClient client() throws Exception {
    return new AsciiClient(server.tcpAddress().orElseThrow());
  }
}
