package org.kerbykv.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What a call becomes when its TCP connection is refused, lost, silent or talks nonsense. */
class TcpFaultsTest {
  private static final Duration LONG = Duration.ofSeconds(20);

  private static KerbyClientConfig.Builder config(TcpStub stub) {
    return KerbyClientConfig.builder()
        .server(stub.address())
        .transport(Transport.TCP)
        .timeout(LONG);
  }

  private static KerbyClient<String> open(KerbyClientConfig.Builder config) {
    return KerbyClient.open(config.build(), Transcoder.utf8());
  }

  @Test
  void whatMayBeRepeatedIsRepeatedOnANewConnection() throws Exception {
    try (TcpStub stub =
            new TcpStub(
                connection -> {
                  connection.readLine();
                  if (connection.number() > 1) {
                    connection.write("VALUE k 0 1\r\nv\r\nEND\r\n");
                  }
                });
        KerbyClient<String> client = open(config(stub))) {
      assertThat(client.get("k")).isEqualTo("v");
      assertThat(client.stats().tcpConnects()).isEqualTo(2);
    }
  }

  @Test
  void aConnectionLostAgainEndsTheCall() throws Exception {
    AtomicInteger requests = new AtomicInteger();
    try (TcpStub stub =
            new TcpStub(
                connection -> {
                  connection.readLine();
                  requests.incrementAndGet();
                });
        KerbyClient<String> client = open(config(stub))) {
      assertThatExceptionOfType(KerbyConnectionException.class)
          .isThrownBy(() -> client.get("k"))
          .withMessageContaining("closed by the server");
      assertThat(requests).hasValue(2);
    }
  }

  @Test
  void whatMustNotRunTwiceIsUnknownAndNotRepeated() throws Exception {
    AtomicInteger requests = new AtomicInteger();
    try (TcpStub stub =
            new TcpStub(
                connection -> {
                  connection.readLine();
                  requests.incrementAndGet();
                });
        KerbyClient<String> client = open(config(stub))) {
      assertThatExceptionOfType(KerbyUnknownOutcomeException.class)
          .isThrownBy(() -> client.incr("k", 1))
          .withCauseInstanceOf(KerbyConnectionException.class);
      assertThat(requests).hasValue(1);
    }
  }

  @Test
  void aRefusedConnectionMeansNotExecuted() throws Exception {
    KerbyClientConfig config =
        KerbyClientConfig.builder().server("127.0.0.1", Memcached.freePort()).timeout(LONG).build();
    try (KerbyClient<byte[]> client = KerbyClient.open(config)) {
      for (int i = 0; i < 3; i++) {
        assertThatExceptionOfType(KerbyConnectionException.class)
            .isThrownBy(() -> client.incr("k", 1))
            .withMessageContaining("Connection refused");
      }
    }
  }

  @Test
  void aSilentConnectionIsGivenUp() throws Exception {
    try (TcpStub stub =
            new TcpStub(
                connection -> {
                  while (connection.readLine() != null) {
                    if (connection.number() > 1) {
                      connection.write("END\r\n");
                    }
                  }
                });
        KerbyClient<String> client =
            open(config(stub).timeout(Duration.ofMillis(100)).maxOutstanding(4))) {
      List<CompletableFuture<String>> unanswered = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        unanswered.add(client.withTimeout(Duration.ofMillis(5)).getAsync("k" + i));
      }
      // All places are taken by calls that nobody answers; this one waits for a place.
      assertThat(client.withTimeout(LONG).get("k")).isNull();
      assertThat(unanswered).allMatch(CompletableFuture::isCompletedExceptionally);
    }
  }

  @Test
  void repliesAfterATimeoutGoToNobodyElse() throws Exception {
    LinkedBlockingQueue<String> permits = new LinkedBlockingQueue<>();
    try (TcpStub stub =
            new TcpStub(
                connection -> {
                  connection.write(""); // connected
                  while (connection.readLine() != null) {
                    connection.write(take(permits));
                  }
                });
        KerbyClient<String> client = open(config(stub))) {
      assertThatExceptionOfType(KerbyTimeoutException.class)
          .isThrownBy(() -> client.withTimeout(Duration.ofMillis(30)).get("k"));
      CompletableFuture<String> second = client.getAsync("k");
      permits.add("VALUE k 0 4\r\nlate\r\nEND\r\n");
      permits.add("VALUE k 0 4\r\ntrue\r\nEND\r\n");
      assertThat(second.get()).isEqualTo("true");
      assertThat(client.stats().tcpConnects()).isEqualTo(1);
    }
  }

  private static String take(LinkedBlockingQueue<String> queue) {
    try {
      return queue.take();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void nonsenseEndsTheCallAndTheConnection() throws Exception {
    List<String> nonsense =
        List.of(
            "HELLO\r\n",
            "STORED\r\n",
            "VALUE other 0 1\r\nx\r\nEND\r\n",
            "END\n",
            "VALUE k 0 1\r\nxyEND\r\n",
            "VALUE k 0 99999999999\r\n",
            "x".repeat(5000));
    try (TcpStub stub =
            new TcpStub(
                connection -> {
                  connection.readLine();
                  if (connection.number() <= nonsense.size()) {
                    connection.write(nonsense.get(connection.number() - 1));
                    connection.readLine();
                  } else {
                    connection.write("END\r\n");
                  }
                });
        KerbyClient<String> client = open(config(stub))) {
      for (int i = 0; i < nonsense.size(); i++) {
        assertThatExceptionOfType(KerbyProtocolException.class)
            .as(nonsense.get(i))
            .isThrownBy(() -> client.get("k"));
      }
      assertThat(client.get("k")).isNull();
    }
  }

  @Test
  void aRefusedValueEndsTheConnectionSinceItsBytesMayBeReadAsCommands() throws Exception {
    try (TcpStub stub =
            new TcpStub(
                connection -> {
                  if (connection.number() == 1) {
                    // It knows no "set", and takes the value for a command, slowly.
                    connection.readLine();
                    connection.write("ERROR\r\n");
                    connection.readLine();
                    if (connection.readLine() != null) {
                      connection.write("ERROR\r\n");
                    }
                  } else {
                    connection.readLine();
                    connection.write("VALUE k 0 1\r\nv\r\nEND\r\n");
                    connection.readLine();
                  }
                });
        KerbyClient<String> client = open(config(stub))) {
      assertThatExceptionOfType(KerbyServerException.class)
          .isThrownBy(() -> client.set("k", "flush_all"))
          .withMessage("ERROR");
      assertThat(client.get("k")).isEqualTo("v");
      assertThat(client.stats().tcpConnects()).isEqualTo(2);
    }
  }

  @Test
  void manyLargeValuesPassASlowServer() throws Exception {
    try (Memcached server = Memcached.start();
        KerbyClient<byte[]> client =
            KerbyClient.open(
                KerbyClientConfig.builder().server(server.address()).timeout(LONG).build())) {
      byte[] value = new byte[900_000];
      List<CompletableFuture<?>> calls = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        calls.add(client.setAsync("large-" + i, value));
      }
      calls.forEach(CompletableFuture::join);
      assertThat(client.get("large-199")).hasSize(value.length);
    }
  }
}
