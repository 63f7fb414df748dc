package org.kerbykv.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every operation over every transport, against a real memcached. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class KerbyClientTest {
  private Memcached server;

  @BeforeAll
  void startServer() throws Exception {
    server = Memcached.start();
  }

  @AfterAll
  void stopServer() {
    if (server != null) {
      server.close();
    }
  }

  private KerbyClient<String> open(Transport transport) {
    return KerbyClient.open(config(transport), Transcoder.utf8());
  }

  private KerbyClientConfig config(Transport transport) {
    return KerbyClientConfig.builder()
        .server(server.address())
        .transport(transport)
        .timeout(Duration.ofSeconds(20))
        .udpAttempts(16)
        .build();
  }

  @ParameterizedTest
  @EnumSource
  void readsWhatItStored(Transport transport) {
    try (KerbyClient<String> client = open(transport)) {
      String key = "stored-" + transport;
      assertThat(client.get(key)).isNull();
      client.set(key, "value");
      assertThat(client.get(key)).isEqualTo("value");
      client.set(key, "");
      assertThat(client.get(key)).isEmpty();
      client.set(key, "ünï©ode €\r\nVALUE x 0 1\r\nEND\r\n");
      assertThat(client.get(key)).isEqualTo("ünï©ode €\r\nVALUE x 0 1\r\nEND\r\n");
    }
  }

  @ParameterizedTest
  @EnumSource
  void storesUnderConditions(Transport transport) {
    try (KerbyClient<String> client = open(transport)) {
      String key = "conditions-" + transport;
      assertThat(client.replace(key, "a", Expiry.never())).isFalse();
      assertThat(client.append(key, "a")).isFalse();
      assertThat(client.prepend(key, "a")).isFalse();
      assertThat(client.add(key, "b", Expiry.never())).isTrue();
      assertThat(client.add(key, "c", Expiry.never())).isFalse();
      assertThat(client.replace(key, "d", Expiry.never())).isTrue();
      assertThat(client.append(key, "e")).isTrue();
      assertThat(client.prepend(key, "c")).isTrue();
      assertThat(client.get(key)).isEqualTo("cde");
    }
  }

  @ParameterizedTest
  @EnumSource
  void comparesAndSets(Transport transport) {
    try (KerbyClient<String> client = open(transport)) {
      String key = "cas-" + transport;
      assertThat(client.gets(key)).isNull();
      assertThat(client.cas(key, "x", Expiry.never(), 1)).isEqualTo(CasResult.NOT_FOUND);
      client.set(key, "1");
      CasValue<String> read = client.gets(key);
      assertThat(read.value()).isEqualTo("1");
      assertThat(client.cas(key, "2", Expiry.never(), read.cas())).isEqualTo(CasResult.STORED);
      assertThat(client.cas(key, "3", Expiry.never(), read.cas())).isEqualTo(CasResult.EXISTS);
      assertThat(client.get(key)).isEqualTo("2");
    }
  }

  @ParameterizedTest
  @EnumSource
  void counts(Transport transport) {
    try (KerbyClient<String> client = open(transport)) {
      String key = "count-" + transport;
      assertThat(client.incr(key, 1)).isEmpty();
      client.set(key, "10");
      assertThat(client.incr(key, 5)).isEqualTo(OptionalLong.of(15));
      assertThat(client.decr(key, 7)).isEqualTo(OptionalLong.of(8));
      assertThat(client.decr(key, 100)).isEqualTo(OptionalLong.of(0));
      client.set(key, "18446744073709551610");
      assertThat(client.incr(key, 5)).isEqualTo(OptionalLong.of(-1L));
      assertThat(client.incr(key, -1L)).isEqualTo(OptionalLong.of(-2L));

      client.set(key, "text");
      assertThatExceptionOfType(KerbyServerException.class)
          .isThrownBy(() -> client.incr(key, 1))
          .withMessage("CLIENT_ERROR cannot increment or decrement non-numeric value");
    }
  }

  @ParameterizedTest
  @EnumSource
  void deletesAndExpires(Transport transport) {
    try (KerbyClient<String> client = open(transport)) {
      String key = "end-" + transport;
      assertThat(client.delete(key)).isFalse();
      client.set(key, "x");
      assertThat(client.delete(key)).isTrue();
      assertThat(client.get(key)).isNull();

      client.set(key, "x", Expiry.after(Duration.ofSeconds(-1)));
      assertThat(client.get(key)).isNull();
      client.set(key, "x", Expiry.at(Instant.ofEpochSecond(5)));
      assertThat(client.get(key)).isNull();
      client.set(key, "x", Expiry.after(Duration.ofDays(31)));
      assertThat(client.get(key)).isEqualTo("x");
      assertThat(client.touch(key, Expiry.after(Duration.ofDays(60)))).isTrue();
      assertThat(client.getAndTouch(key, Expiry.after(Duration.ofHours(1)))).isEqualTo("x");
      assertThat(client.touch(key, Expiry.after(Duration.ZERO))).isTrue();
      assertThat(client.get(key)).isNull();
      assertThat(client.touch(key, Expiry.never())).isFalse();
      assertThat(client.getAndTouch(key, Expiry.never())).isNull();
    }
  }

  @ParameterizedTest
  @EnumSource
  void carriesValuesOfEverySize(Transport transport) {
    try (KerbyClient<byte[]> client = KerbyClient.open(config(transport))) {
      SplittableRandom random = new SplittableRandom(1);
      for (int size :
          new int[] {0, 1, 1300, 1350, 1380, 1400, 1401, 2800, 6000, 100_000, 1_000_000}) {
        byte[] value = new byte[size];
        random.nextBytes(value);
        String key = "size-" + transport + size;
        client.set(key, value);
        assertThat(client.get(key)).as("%d bytes", size).isEqualTo(value);
        assertThat(client.gets(key).value()).as("%d bytes", size).isEqualTo(value);
      }
      if (transport != Transport.TCP) {
        // 100,000 bytes are more datagrams than it puts together; get and gets, two sizes.
        assertThat(client.stats().tcpFallbacks()).isGreaterThanOrEqualTo(4);
        assertThat(client.stats().malformedReplies()).isZero();
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void choosesUdpAroundTheLimitOfADatagram(Transport transport) {
    KerbyClientConfig patient =
        config(transport).toBuilder().udpRetryAfter(Duration.ofSeconds(5)).build();
    try (KerbyClient<byte[]> client = KerbyClient.open(patient)) {
      for (int size = 1340; size < 1400; size++) {
        client.set("k", new byte[size]);
        assertThat(client.get("k")).hasSize(size);
      }
      assertThat(client.stats().timeouts()).isZero();
      assertThat(client.stats().tcpFallbacks()).isZero();
    }
  }

  @ParameterizedTest
  @EnumSource
  void tellsTheServersRefusal(Transport transport) {
    try (KerbyClient<byte[]> client = KerbyClient.open(config(transport))) {
      assertThatExceptionOfType(KerbyServerException.class)
          .isThrownBy(() -> client.set("too-big", new byte[3 << 20]))
          .withMessage("SERVER_ERROR object too large for cache");
      client.set("after", new byte[1]);
      assertThat(client.get("after")).hasSize(1);
    }
  }

  @ParameterizedTest
  @EnumSource
  void readsManyKeys(Transport transport) {
    try (KerbyClient<String> client = open(transport)) {
      List<String> keys = new ArrayList<>();
      List<CompletableFuture<Void>> stored = new ArrayList<>();
      for (int i = 0; i < 3000; i++) {
        keys.add("many-" + i);
        if (i % 2 == 0) {
          stored.add(client.setAsync("many-" + i, "value " + i));
        }
      }
      stored.forEach(CompletableFuture::join);
      Map<String, String> found = client.getAll(keys);
      assertThat(found).hasSize(1500).containsEntry("many-2998", "value 2998");
      assertThat(found.keySet().iterator().next()).isEqualTo("many-0");
    }
  }

  @ParameterizedTest
  @EnumSource
  void goesOnBeyondTheIdsOfOnePort(Transport transport) {
    try (KerbyClient<String> client = open(transport)) {
      client.set("ids", "0");
      List<CompletableFuture<String>> reads = new ArrayList<>();
      for (int i = 0; i < 200_000; i++) {
        reads.add(client.getAsync("ids"));
      }
      assertThat(reads).allSatisfy(read -> assertThat(read.join()).isEqualTo("0"));
      assertThat(client.stats().timeouts()).isZero();
    }
  }

  @ParameterizedTest
  @EnumSource
  void keepsAKeyOnOneThreadOfSeveral(Transport transport) {
    KerbyClientConfig config = config(transport).toBuilder().ioThreads(3).build();
    try (KerbyClient<String> client = KerbyClient.open(config, Transcoder.utf8())) {
      for (int i = 0; i < 100; i++) {
        client.set("spread-" + i, "v" + i);
      }
      for (int i = 0; i < 100; i++) {
        assertThat(client.get("spread-" + i)).isEqualTo("v" + i);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void refusesBadKeysBeforeSending(Transport transport) {
    try (KerbyClient<String> client = open(transport)) {
      for (String key : List.of("", "a b", "a\nb", "a\u007fb", "k".repeat(251), "é".repeat(126))) {
        assertThatExceptionOfType(IllegalArgumentException.class)
            .isThrownBy(() -> client.getAsync(key));
      }
      client.set("k".repeat(250), "long key");
      assertThat(client.get("k".repeat(250))).isEqualTo("long key");
      assertThat(client.stats().calls()).isEqualTo(2);
    }
  }

  @ParameterizedTest
  @EnumSource
  void failsWithWhatATranscoderThrows(Transport transport) {
    try (KerbyClient<byte[]> bytes = KerbyClient.open(config(transport))) {
      KerbyClient<String> text = bytes.with(Transcoder.utf8());
      bytes.set("malformed", new byte[] {(byte) 0xC3, 0x28});
      assertThatExceptionOfType(IllegalArgumentException.class)
          .isThrownBy(() -> text.get("malformed"))
          .withMessageContaining("not UTF-8");
      assertThatExceptionOfType(IllegalArgumentException.class)
          .isThrownBy(() -> text.set("surrogate", "\uD800"));
      text.set("malformed", "\uFFFD is a character too");
      assertThat(text.get("malformed")).startsWith("\uFFFD is");
    }
  }
}
