package org.kerbykv.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A client of a real memcached behind a network that loses, repeats and reorders datagrams. */
class UdpFaultsTest {
  private static final int KEYS = 500;

  private static String value(int key) {
    return ("value of key " + key + ' ').repeat(1 + key % 60);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void everyReadIsOfItsOwnKey(long seed) throws Exception {
    SplittableRandom random = new SplittableRandom(seed);
    UdpRelay.Network network =
        (direction, datagram) -> {
          int draw = random.nextInt(100);
          if (draw < 10) {
            return UdpRelay.Fate.DROP;
          }
          if (draw < 20) {
            return UdpRelay.Fate.SEND_TWICE;
          }
          return draw < 30 ? UdpRelay.Fate.HOLD : UdpRelay.Fate.SEND;
        };
    try (Memcached server = Memcached.start();
        UdpRelay relay = new UdpRelay(server.address(), 0, network);
        KerbyClient<String> client = KerbyClient.open(config(relay), Transcoder.utf8())) {
      List<CompletableFuture<?>> writes = new ArrayList<>();
      for (int key = 0; key < KEYS; key++) {
        writes.add(client.setAsync("k" + key, value(key)));
      }
      writes.forEach(CompletableFuture::join);
      for (int round = 0; round < 8; round++) {
        List<CompletableFuture<String>> reads = new ArrayList<>();
        for (int key = 0; key < KEYS; key++) {
          reads.add(client.getAsync("k" + key));
        }
        for (int key = 0; key < KEYS; key++) {
          assertThat(reads.get(key).join()).as("seed %d, key %d", seed, key).isEqualTo(value(key));
        }
      }
      assertThat(client.stats().retransmissions()).isPositive();
      assertThat(client.stats().strayReplies()).isPositive();
    }
  }

  private static KerbyClientConfig config(UdpRelay relay) {
    return KerbyClientConfig.builder()
        .server(relay.address())
        .transport(Transport.UDP)
        .timeout(Duration.ofSeconds(30))
        .udpAttempts(16)
        .udpRetryAfter(Duration.ofMillis(10))
        .maxOutstanding(100)
        .build();
  }

  @Test
  void aLostReplyLeavesTheOutcomeUnknownAndExecutedOnce() throws Exception {
    AtomicInteger requests = new AtomicInteger();
    UdpRelay.Network repliesLost =
        (direction, datagram) -> {
          if (direction == UdpRelay.Direction.REPLY) {
            return UdpRelay.Fate.DROP;
          }
          requests.incrementAndGet();
          return UdpRelay.Fate.SEND;
        };
    try (Memcached server = Memcached.start();
        UdpRelay relay = new UdpRelay(server.address(), 0, repliesLost);
        KerbyClient<String> direct =
            KerbyClient.open(
                KerbyClientConfig.builder().server(server.address()).build(), Transcoder.utf8());
        KerbyClient<String> client = KerbyClient.open(config(relay), Transcoder.utf8())) {
      direct.set("n", "0");
      List<CompletableFuture<?>> calls = new ArrayList<>();
      KerbyClient<String> hasty = client.withTimeout(Duration.ofMillis(200));
      for (int i = 0; i < 50; i++) {
        calls.add(hasty.incrAsync("n", 1));
      }
      for (CompletableFuture<?> call : calls) {
        assertThat(call)
            .failsWithin(Duration.ofSeconds(20))
            .withThrowableThat()
            .withCauseInstanceOf(KerbyUnknownOutcomeException.class);
      }
      assertThat(requests).hasValue(50);
      assertThat(direct.get("n")).isEqualTo("50");
    }
  }
}
