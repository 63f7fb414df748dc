package org.kerbykv.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.net.DatagramSocket;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/** Which datagrams complete a call, and which never do. */
class UdpRepliesTest {
  private static final Duration LONG = Duration.ofSeconds(20);
  private static final Duration SHORT = Duration.ofMillis(30);

  private static KerbyClientConfig.Builder config(UdpStub stub) {
    return KerbyClientConfig.builder()
        .server(stub.address())
        .transport(Transport.UDP)
        .timeout(LONG)
        .udpAttempts(1);
  }

  private static KerbyClient<String> open(KerbyClientConfig.Builder config) {
    return KerbyClient.open(config.build(), Transcoder.utf8());
  }

  private static String hit(String key, String value) {
    return "VALUE " + key + " 0 " + value.length() + "\r\n" + value + "\r\nEND\r\n";
  }

  @Test
  void aLateReplyCompletesNoOtherCall() throws Exception {
    LinkedBlockingQueue<UdpStub.Request> requests = new LinkedBlockingQueue<>();
    try (UdpStub stub = new UdpStub(requests::add);
        KerbyClient<String> client = open(config(stub))) {
      KerbyClient<String> hasty = client.withTimeout(SHORT);
      assertThatExceptionOfType(KerbyTimeoutException.class).isThrownBy(() -> hasty.get("k"));

      CompletableFuture<String> second = client.getAsync("k");
      UdpStub.Request late = requests.take();
      UdpStub.Request current = requests.take();
      late.reply(hit("k", "late"));
      late.reply("END\r\n");
      current.reply(hit("k", "current"));
      assertThat(second.get()).isEqualTo("current");
      assertThat(client.stats().strayReplies()).isEqualTo(2);
      assertThat(client.stats().timeouts()).isEqualTo(1);
    }
  }

  @Test
  void aDuplicateReplyCompletesNoOtherCall() throws Exception {
    LinkedBlockingQueue<UdpStub.Request> requests = new LinkedBlockingQueue<>();
    try (UdpStub stub = new UdpStub(requests::add);
        KerbyClient<String> client = open(config(stub))) {
      CompletableFuture<String> first = client.getAsync("k");
      UdpStub.Request answered = requests.take();
      answered.reply(hit("k", "first"));
      assertThat(first.get()).isEqualTo("first");

      CompletableFuture<String> second = client.getAsync("k");
      UdpStub.Request current = requests.take();
      answered.reply(hit("k", "first"));
      current.reply("END\r\n");
      assertThat(second.get()).isNull();
      assertThat(client.stats().strayReplies()).isEqualTo(1);
    }
  }

  @Test
  void anotherKeyOrAnotherKindOfReplyIsForeign() throws Exception {
    try (UdpStub stub =
            new UdpStub(
                request -> {
                  request.reply(hit("other", "wrong"));
                  request.reply("STORED\r\n");
                  request.reply("17\r\n");
                  request.reply(hit("k", "right"));
                });
        KerbyClient<String> client = open(config(stub))) {
      assertThat(client.get("k")).isEqualTo("right");
      assertThat(client.stats().strayReplies()).isEqualTo(3);
    }
  }

  @Test
  void aStrangersDatagramIsNotSeen() throws Exception {
    try (DatagramSocket stranger = new DatagramSocket();
        UdpStub stub =
            new UdpStub(
                request -> {
                  SocketAddress client = request.client();
                  request.stub().send(stranger, client, request.id(), 0, 1, hit("k", "forged"));
                  request.reply(hit("k", "true"));
                });
        KerbyClient<String> client = open(config(stub))) {
      assertThat(client.get("k")).isEqualTo("true");
      assertThat(client.stats().strayReplies()).isZero();
    }
  }

  @Test
  void whatIsNoReplyIsCountedAndIgnored() throws Exception {
    List<byte[]> malformed =
        List.of(
            new byte[0],
            new byte[7],
            new byte[] {0, 0, 0, 0, 0, 0, 0, 0},
            new byte[] {0, 0, 0, 3, 0, 2, 0, 0, 'x'});
    try (UdpStub stub =
            new UdpStub(
                request -> {
                  malformed.forEach(bytes -> request.stub().sendRaw(null, request.client(), bytes));
                  request.reply("7\r\n");
                });
        KerbyClient<String> client = open(config(stub))) {
      assertThat(client.incr("k", 1)).hasValue(7);
      assertThat(client.stats().malformedReplies()).isEqualTo(malformed.size());
    }
  }

  @Test
  void aCallThatMustNotRunTwiceOutlivesAMalformedReply() throws Exception {
    try (UdpStub stub =
            new UdpStub(
                request -> {
                  request.reply("STORED");
                  request.reply("1\r\n2\r\n");
                  request.reply("3\r\n");
                });
        KerbyClient<String> client = open(config(stub))) {
      assertThat(client.incr("k", 1)).hasValue(3);
    }
  }

  @Test
  void partsAreJoinedInAnyOrder() throws Exception {
    String reply = hit("k", "x".repeat(1000) + "y".repeat(1000));
    String first = reply.substring(0, 700);
    String second = reply.substring(700, 1400);
    String third = reply.substring(1400);
    try (UdpStub stub =
            new UdpStub(
                request -> {
                  request.replyPart(request.id(), 2, 3, third);
                  request.replyPart(request.id(), 0, 3, first);
                  request.replyPart(request.id() + 1, 1, 3, "not of this reply");
                  request.replyPart(request.id(), 1, 3, second);
                });
        KerbyClient<String> client = open(config(stub))) {
      assertThat(client.get("k")).isEqualTo("x".repeat(1000) + "y".repeat(1000));
    }
  }

  @Test
  void aRepeatedPartSendsTheCallToTcp() throws Exception {
    try (UdpStub stub =
            new UdpStub(
                request -> {
                  request.replyPart(request.id(), 0, 2, "VALUE k 0 4\r\nab");
                  request.replyPart(request.id(), 0, 2, "VALUE k 0 4\r\nAB");
                  request.replyPart(request.id(), 1, 2, "cd\r\nEND\r\n");
                });
        TcpStub tcp = new TcpStub(stub.address().getPort(), answering(hit("k", "tcp")));
        KerbyClient<String> client = open(config(stub).server(tcp.address()))) {
      assertThat(client.get("k")).isEqualTo("tcp");
      assertThat(client.stats().malformedReplies()).isZero();
      assertThat(client.stats().tcpFallbacks()).isEqualTo(1);
    }
  }

  @Test
  void tooManyPartsACutReplyOrARefusalSendTheCallToTcp() throws Exception {
    try (UdpStub stub =
            new UdpStub(
                request -> {
                  switch (request.text()) {
                    case "get many\r\n" -> request.replyPart(request.id(), 4, 5, "anything");
                    case "get cut\r\n" -> request.reply("VALUE cut 0 9\r\nabc");
                    default -> request.reply("SERVER_ERROR too long for a datagram\r\n");
                  }
                });
        TcpStub tcp = new TcpStub(stub.address().getPort(), UdpRepliesTest::answerWithTheKey);
        KerbyClient<String> client = open(config(stub).server(tcp.address()))) {
      assertThat(client.get("many")).isEqualTo("many");
      assertThat(client.get("cut")).isEqualTo("cut");
      assertThat(client.get("refused")).isEqualTo("refused");
      assertThat(client.stats().tcpFallbacks()).isEqualTo(3);
    }
  }

  @Test
  void whenNoAttemptIsAnsweredAutoGoesOnOverTcp() throws Exception {
    AtomicInteger requests = new AtomicInteger();
    try (UdpStub stub = new UdpStub(request -> requests.incrementAndGet());
        TcpStub tcp = new TcpStub(stub.address().getPort(), answering(hit("k", "tcp")));
        KerbyClient<String> client =
            open(
                config(stub)
                    .server(tcp.address())
                    .transport(Transport.AUTO)
                    .udpAttempts(3)
                    .udpRetryAfter(Duration.ofMillis(5)))) {
      assertThat(client.get("k")).isEqualTo("tcp");
      assertThat(requests).hasValue(3);
      assertThat(client.stats().tcpFallbacks()).isEqualTo(1);
    }
  }

  private static TcpStub.Handler answering(String reply) {
    return connection -> {
      while (connection.readLine() != null) {
        connection.write(reply);
      }
    };
  }

  private static void answerWithTheKey(TcpStub.Connection connection) throws java.io.IOException {
    for (String line; (line = connection.readLine()) != null; ) {
      String key = line.substring("get ".length());
      connection.write(hit(key, key));
    }
  }

  @Test
  void aReplyToAnyAttemptCompletesTheCall() throws Exception {
    List<UdpStub.Request> attempts = new ArrayList<>();
    try (UdpStub stub =
            new UdpStub(
                request -> {
                  attempts.add(request);
                  if (attempts.size() == 3) {
                    attempts.get(1).reply(hit("k", "second attempt"));
                    attempts.get(0).reply(hit("k", "first attempt"));
                  }
                });
        KerbyClient<String> client =
            open(config(stub).udpAttempts(3).udpRetryAfter(Duration.ofMillis(5)))) {
      assertThat(client.get("k")).isEqualTo("second attempt");
      assertThat(client.stats().retransmissions()).isEqualTo(2);
      assertThat(attempts.stream().map(UdpStub.Request::id).distinct()).hasSize(3);
      Awaitility.await().until(() -> client.stats().strayReplies() == 1);
    }
  }

  @Test
  void repeatsOnlyAsOftenAsConfigured() throws Exception {
    AtomicInteger requests = new AtomicInteger();
    try (UdpStub stub = new UdpStub(request -> requests.incrementAndGet());
        KerbyClient<String> client =
            open(
                config(stub)
                    .udpAttempts(3)
                    .udpRetryAfter(Duration.ofMillis(5))
                    .timeout(Duration.ofMillis(300)))) {
      assertThatExceptionOfType(KerbyTimeoutException.class)
          .isThrownBy(() -> client.get("k"))
          .withMessageContaining("3 sent over UDP");
      assertThat(requests).hasValue(3);
    }
  }

  @Test
  void neverRepeatsACallThatMustNotRunTwice() throws Exception {
    AtomicInteger requests = new AtomicInteger();
    try (UdpStub stub = new UdpStub(request -> requests.incrementAndGet());
        KerbyClient<String> client =
            open(
                config(stub)
                    .udpAttempts(16)
                    .udpRetryAfter(Duration.ofMillis(1))
                    .timeout(Duration.ofMillis(100)))) {
      List<CompletableFuture<?>> calls =
          List.of(
              client.incrAsync("k", 1),
              client.decrAsync("k", 1),
              client.addAsync("k", "v", Expiry.never()),
              client.replaceAsync("k", "v", Expiry.never()),
              client.appendAsync("k", "v"),
              client.prependAsync("k", "v"),
              client.casAsync("k", "v", Expiry.never(), 1));
      for (CompletableFuture<?> call : calls) {
        assertThat(call)
            .failsWithin(LONG)
            .withThrowableThat()
            .withCauseInstanceOf(KerbyUnknownOutcomeException.class);
      }
      assertThat(requests).hasValue(calls.size());
    }
  }

  @Test
  void usesAnIdOnceOnAPort() throws Exception {
    Set<Long> seen = new HashSet<>();
    AtomicInteger repeated = new AtomicInteger();
    try (UdpStub stub =
            new UdpStub(
                request -> {
                  long port = ((java.net.InetSocketAddress) request.client()).getPort();
                  if (!seen.add(port << 16 | request.id())) {
                    repeated.incrementAndGet();
                  }
                  request.reply("END\r\n");
                });
        KerbyClient<String> client = open(config(stub).maxOutstanding(64))) {
      List<CompletableFuture<String>> calls = new ArrayList<>();
      for (int i = 0; i < 140_000; i++) {
        calls.add(client.getAsync("k"));
      }
      calls.forEach(CompletableFuture::join);
      assertThat(repeated).hasValue(0);
      assertThat(seen.stream().map(portAndId -> portAndId >> 16).distinct()).hasSize(3);
    }
  }

  @Test
  void aPortNobodyListensOnIsNamedInTheTimeout() throws Exception {
    int port = Memcached.freePort();
    KerbyClientConfig config =
        KerbyClientConfig.builder().server("127.0.0.1", port).timeout(SHORT).build();
    try (KerbyClient<byte[]> client = KerbyClient.open(config)) {
      assertThatExceptionOfType(KerbyTimeoutException.class)
          .isThrownBy(() -> client.get("k"))
          .withCauseInstanceOf(java.net.PortUnreachableException.class);
    }
  }
}
