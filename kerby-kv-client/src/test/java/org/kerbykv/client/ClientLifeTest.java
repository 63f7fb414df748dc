package org.kerbykv.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Opening, back-pressure, cancelling, interrupting, closing. */
@Timeout(60)
class ClientLifeTest {
  private static final Duration LONG = Duration.ofSeconds(50);

  private static KerbyClientConfig.Builder config(UdpStub stub) {
    return KerbyClientConfig.builder()
        .server(stub.address())
        .transport(Transport.UDP)
        .timeout(LONG)
        .udpAttempts(1);
  }

  @ParameterizedTest
  @EnumSource
  void closeEndsEveryPendingCall(Transport transport) throws Exception {
    LinkedBlockingQueue<UdpStub.Request> received = new LinkedBlockingQueue<>();
    LinkedBlockingQueue<String> receivedByTcp = new LinkedBlockingQueue<>();
    try (UdpStub stub = new UdpStub(received::add);
        TcpStub tcp =
            new TcpStub(
                stub.address().getPort(),
                connection -> {
                  for (String line; (line = connection.readLine()) != null; ) {
                    receivedByTcp.add(line);
                  }
                })) {
      KerbyClient<byte[]> client =
          KerbyClient.open(config(stub).server(tcp.address()).transport(transport).build());
      List<CompletableFuture<?>> reads = new ArrayList<>();
      for (int i = 0; i < 50; i++) {
        reads.add(client.getAsync("k" + i));
      }
      CompletableFuture<?> increment = client.incrAsync("n", 1);
      int expectedByUdp =
          switch (transport) {
            case AUTO -> 50;
            case UDP -> 51;
            case TCP -> 0;
          };
      for (int i = 0; i < expectedByUdp; i++) {
        received.take();
      }
      if (transport != Transport.UDP) { // the last one; gets go joined
        while (!receivedByTcp.take().startsWith("incr ")) {}
      }
      client.close();
      for (CompletableFuture<?> read : reads) {
        assertThat(read).isCompletedExceptionally();
        assertThatExceptionOfType(ExecutionException.class)
            .isThrownBy(read::get)
            .withCauseInstanceOf(KerbyClosedException.class);
      }
      assertThatExceptionOfType(ExecutionException.class)
          .isThrownBy(increment::get)
          .withCauseInstanceOf(KerbyUnknownOutcomeException.class);
      assertThatExceptionOfType(KerbyClosedException.class).isThrownBy(() -> client.get("k"));
      client.close();
    }
  }

  @Test
  void closeWhileCallsAreBeingMadeLeavesNoneOpen() throws Exception {
    try (UdpStub stub = new UdpStub(request -> {})) {
      for (int round = 0; round < 20; round++) {
        KerbyClient<byte[]> client = KerbyClient.open(config(stub).maxOutstanding(32_768).build());
        List<CompletableFuture<?>> calls = new ArrayList<>();
        Thread caller =
            Thread.ofPlatform()
                .start(
                    () -> {
                      for (int i = 0; i < 2000; i++) {
                        calls.add(client.getAsync("k"));
                      }
                    });
        client.close();
        caller.join();
        for (CompletableFuture<?> call : calls) {
          assertThatExceptionOfType(ExecutionException.class)
              .isThrownBy(call::get)
              .withCauseInstanceOf(KerbyClosedException.class);
        }
      }
    }
  }

  @Test
  void closeFromACompletionActionWorks() throws Exception {
    try (UdpStub stub = new UdpStub(request -> request.reply("END\r\n"))) {
      KerbyClient<byte[]> client = KerbyClient.open(config(stub).build());
      client.getAsync("k").thenRun(client::close).get();
      assertThatExceptionOfType(KerbyClosedException.class).isThrownBy(() -> client.get("k"));
    }
  }

  @Test
  void failsAtOnceWhenFullIfToldTo() throws Exception {
    LinkedBlockingQueue<UdpStub.Request> requests = new LinkedBlockingQueue<>();
    try (UdpStub stub = new UdpStub(requests::add);
        KerbyClient<byte[]> client =
            KerbyClient.open(
                config(stub).maxOutstanding(3).backPressure(BackPressure.FAIL).build())) {
      List<CompletableFuture<byte[]>> placed = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        placed.add(client.getAsync("k" + i));
      }
      assertThatExceptionOfType(KerbyOverloadedException.class).isThrownBy(() -> client.get("x"));
      requests.take().reply("END\r\n");
      assertThat(CompletableFuture.anyOf(placed.toArray(CompletableFuture[]::new)).get()).isNull();
      CompletableFuture<byte[]> next = client.getAsync("next");
      requests.take();
      requests.take();
      requests.take().reply("END\r\n");
      assertThat(next.get()).isNull();
    }
  }

  @Test
  void waitsForAPlaceIfToldTo() throws Exception {
    AtomicInteger waitingNow = new AtomicInteger();
    AtomicInteger waitingMost = new AtomicInteger();
    LinkedBlockingQueue<UdpStub.Request> requests = new LinkedBlockingQueue<>();
    try (UdpStub stub =
            new UdpStub(
                request -> {
                  waitingMost.accumulateAndGet(waitingNow.incrementAndGet(), Math::max);
                  requests.add(request);
                });
        KerbyClient<byte[]> client = KerbyClient.open(config(stub).maxOutstanding(3).build())) {
      Thread answering =
          Thread.ofPlatform()
              .start(
                  () -> {
                    try {
                      for (int i = 0; i < 50; i++) {
                        UdpStub.Request request = requests.take();
                        waitingNow.decrementAndGet();
                        request.reply("END\r\n");
                      }
                    } catch (InterruptedException e) {
                      Thread.currentThread().interrupt();
                    }
                  });
      List<CompletableFuture<byte[]>> calls = new ArrayList<>();
      for (int i = 0; i < 50; i++) {
        calls.add(client.getAsync("k" + i));
      }
      calls.forEach(CompletableFuture::join);
      answering.join();
      assertThat(waitingMost.get()).isBetween(1, 3);
    }
  }

  @Test
  void placesComeBackAfterTimeoutsAndCancels() throws Exception {
    try (UdpStub stub =
            new UdpStub(
                request -> {
                  if (request.text().startsWith("get answered")) {
                    request.reply("END\r\n");
                  }
                });
        KerbyClient<byte[]> client = KerbyClient.open(config(stub).maxOutstanding(2).build())) {
      for (int i = 0; i < 10; i++) {
        KerbyClient<byte[]> hasty = client.withTimeout(Duration.ofMillis(5));
        CompletableFuture<byte[]> cancelled = hasty.getAsync("silent");
        cancelled.cancel(true);
        assertThatExceptionOfType(KerbyTimeoutException.class)
            .isThrownBy(() -> hasty.get("silent"));
      }
      assertThat(client.get("answered")).isNull();
    }
  }

  @Test
  void refusesToBlockItsOwnThread() throws Exception {
    LinkedBlockingQueue<UdpStub.Request> requests = new LinkedBlockingQueue<>();
    try (UdpStub stub = new UdpStub(requests::add);
        KerbyClient<byte[]> client = KerbyClient.open(config(stub).build())) {
      CompletableFuture<byte[]> blocking =
          client.getAsync("a").thenApply(ignored -> client.get("b"));
      requests.take().reply("END\r\n");
      assertThatExceptionOfType(ExecutionException.class)
          .isThrownBy(blocking::get)
          .withCauseInstanceOf(IllegalStateException.class);
      assertThat(client.stats().calls()).isEqualTo(1);

      CompletableFuture<byte[]> composed =
          client.getAsync("a").thenCompose(ignored -> client.getAsync("b"));
      requests.take().reply("END\r\n");
      requests.take().reply("END\r\n");
      assertThat(composed.get()).isNull();
    }
  }

  @Test
  void anInterruptEndsABlockingCall() throws Exception {
    try (UdpStub stub = new UdpStub(request -> {});
        KerbyClient<byte[]> client = KerbyClient.open(config(stub).build())) {
      Thread.currentThread().interrupt();
      assertThatExceptionOfType(KerbyInterruptedException.class).isThrownBy(() -> client.get("k"));
      assertThat(Thread.interrupted()).isTrue();
    }
  }

  @Test
  void aBlockingFailureHasTheCallersStack() throws Exception {
    try (UdpStub stub = new UdpStub(request -> request.reply("SERVER_ERROR no\r\n"));
        KerbyClient<byte[]> client = KerbyClient.open(config(stub).build())) {
      assertThatExceptionOfType(KerbyServerException.class)
          .isThrownBy(() -> client.delete("k"))
          .satisfies(
              e ->
                  assertThat(e.getStackTrace())
                      .anyMatch(frame -> frame.getClassName().equals(getClass().getName())));
    }
  }

  @Test
  void anUnknownHostFailsTheOpening() {
    KerbyClientConfig config = KerbyClientConfig.builder().server("no.such.invalid", 1).build();
    assertThatExceptionOfType(KerbyConnectionException.class)
        .isThrownBy(() -> KerbyClient.open(config))
        .withMessage("unknown host no.such.invalid");
  }
}
