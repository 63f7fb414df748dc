package org.kerbykv.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Gets that wait at the same time for one TCP connection go as one request. */
class JoinedGetsTest {
  private static final Duration LONG = Duration.ofSeconds(20);

  private final LinkedBlockingQueue<String> requests = new LinkedBlockingQueue<>();

  private static KerbyClient<String> open(TcpStub stub) {
    return KerbyClient.open(
        KerbyClientConfig.builder()
            .server(stub.address())
            .transport(Transport.TCP)
            .timeout(LONG)
            .build(),
        Transcoder.utf8());
  }

  private static String key(int i) {
    return "k" + i;
  }

  private static boolean isHit(String key) {
    return !key.contains("3");
  }

  private static String value(String key) {
    return "value of " + key;
  }

  private static String valueReply(String key) {
    return isHit(key)
        ? "VALUE " + key + " 0 " + value(key).length() + "\r\n" + value(key) + "\r\n"
        : "";
  }

  /** Answers as memcached does, in pieces of so many bytes. */
  private void serve(TcpStub.Connection connection, int piece) throws IOException {
    for (String line = connection.readLine(); line != null; line = connection.readLine()) {
      requests.add(line);
      StringBuilder reply = new StringBuilder();
      Arrays.stream(line.split(" ")).skip(1).forEach(key -> reply.append(valueReply(key)));
      reply.append("END\r\n");
      for (int at = 0; at < reply.length(); at += piece) {
        connection.write(reply.substring(at, Math.min(reply.length(), at + piece)));
      }
    }
  }

  /** A server whose first connection has one answer, and then does this; others are served. */
  private TcpStub wrongAtFirst(TcpStub.Handler wrong) throws IOException {
    return new TcpStub(
        connection -> {
          if (connection.number() > 1) {
            serve(connection, 4096);
            return;
          }
          connection.readLine();
          connection.write("END\r\n");
          connection.readLine();
          wrong.handle(connection);
        });
  }

  /** Gets of these keys while the client's event loop is held up, so that all wait. */
  private static List<CompletableFuture<String>> atOnce(
      KerbyClient<String> client, List<String> keys) throws InterruptedException {
    CountDownLatch isHeld = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    var held =
        client
            .getAsync("first")
            .thenRun(
                () -> {
                  isHeld.countDown();
                  try {
                    goOn.await();
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                });
    isHeld.await();
    List<CompletableFuture<String>> gets = new ArrayList<>();
    keys.forEach(key -> gets.add(client.getAsync(key)));
    goOn.countDown();
    held.join();
    return gets;
  }

  private static List<String> keys(int count) {
    return IntStream.range(0, count).mapToObj(JoinedGetsTest::key).toList();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 4096})
  void eachGetsItsValueOrNone(int piece) throws Exception {
    try (TcpStub stub = new TcpStub(connection -> serve(connection, piece));
        KerbyClient<String> client = open(stub)) {
      List<String> keys = keys(40);
      List<CompletableFuture<String>> gets = atOnce(client, keys);
      for (int i = 0; i < keys.size(); i++) {
        String key = keys.get(i);
        assertThat(gets.get(i).join()).isEqualTo(isHit(key) ? value(key) : null);
      }
      assertThat(requests)
          .containsExactly(
              "get first",
              "get " + String.join(" ", keys.subList(0, 16)),
              "get " + String.join(" ", keys.subList(16, 32)),
              "get " + String.join(" ", keys.subList(32, 40)));
    }
  }

  @Test
  void aKeyIsInARequestOnce() throws Exception {
    try (TcpStub stub = new TcpStub(connection -> serve(connection, 4096));
        KerbyClient<String> client = open(stub)) {
      List<CompletableFuture<String>> gets = atOnce(client, List.of("a", "b", "a", "k3"));
      assertThat(gets.stream().map(CompletableFuture::join))
          .containsExactly(value("a"), value("b"), value("a"), null);
      assertThat(requests).containsExactly("get first", "get a b", "get a k3");
    }
  }

  @Test
  void anErrorIsEverybodys() throws Exception {
    try (TcpStub stub =
            new TcpStub(
                connection -> {
                  connection.readLine();
                  connection.write("END\r\n");
                  connection.readLine();
                  connection.write("SERVER_ERROR out of memory\r\n");
                  serve(connection, 4096);
                });
        KerbyClient<String> client = open(stub)) {
      for (CompletableFuture<String> get : atOnce(client, keys(3))) {
        assertThatExceptionOfType(CompletionException.class)
            .isThrownBy(get::join)
            .withCauseInstanceOf(KerbyServerException.class);
      }
      assertThat(client.get("k1")).isEqualTo(value("k1"));
    }
  }

  @Test
  void aLostConnectionAnswersNobodyWrongly() throws Exception {
    try (TcpStub stub =
            wrongAtFirst(
                connection -> {
                  String reply = valueReply("k0") + valueReply("k2") + valueReply("k4");
                  connection.write(reply.substring(0, reply.length() - 5));
                });
        KerbyClient<String> client = open(stub)) {
      List<CompletableFuture<String>> gets = atOnce(client, keys(6));
      // k1 was passed over by a later value, which proves that there was none.
      assertThat(gets.stream().map(CompletableFuture::join))
          .containsExactly(value("k0"), null, value("k2"), null, value("k4"), value("k5"));
      assertThat(requests).containsExactly("get k4 k5");
    }
  }

  @Test
  void aValueThatNobodyAskedForIsNobodysMiss() throws Exception {
    try (TcpStub stub =
            wrongAtFirst(
                connection -> {
                  connection.write(valueReply("other"));
                  connection.readLine();
                });
        KerbyClient<String> client = open(stub)) {
      List<CompletableFuture<String>> gets = atOnce(client, keys(3));
      assertThatExceptionOfType(CompletionException.class)
          .isThrownBy(gets.getFirst()::join)
          .withCauseInstanceOf(KerbyProtocolException.class);
      assertThat(gets.get(1).join()).isEqualTo(value("k1"));
      assertThat(gets.get(2).join()).isEqualTo(value("k2"));
    }
  }

  @Test
  void whoIsAnsweredMayCloseTheClient() throws Exception {
    try (TcpStub stub = new TcpStub(connection -> serve(connection, 4096))) {
      KerbyClient<String> client = open(stub);
      List<CompletableFuture<String>> gets = atOnce(client, keys(4));
      CompletableFuture<Void> closed = gets.getFirst().thenRun(client::close);
      closed.join();
      gets.forEach(get -> assertThat(get.handle((value, failure) -> true).join()).isTrue());
    }
  }
}
