package org.kerbykv.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

/** Settings and expiry times: what is refused, and what goes on the wire. */
class ConfigTest {
  private static final long NOW = 1_800_000_000L;

  @Test
  void refusesWhatMakesNoSense() {
    KerbyClientConfig.Builder builder = KerbyClientConfig.builder();
    assertThatExceptionOfType(IllegalStateException.class).isThrownBy(builder::build);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> builder.timeout(Duration.ZERO))
        .withMessageStartingWith("timeout must be");
    assertThatIllegalArgumentException().isThrownBy(() -> builder.udpAttempts(0));
    assertThatIllegalArgumentException().isThrownBy(() -> builder.udpAttempts(17));
    assertThatIllegalArgumentException().isThrownBy(() -> builder.maxOutstanding(0));
    assertThatIllegalArgumentException().isThrownBy(() -> builder.maxDatagram(511));
    assertThatIllegalArgumentException().isThrownBy(() -> builder.maxReplyDatagrams(65));
    assertThatIllegalArgumentException().isThrownBy(() -> builder.server("host", 65_536));
    assertThatIllegalArgumentException().isThrownBy(() -> builder.servers());
    assertThatIllegalArgumentException().isThrownBy(() -> builder.failureLimit(1001));
    assertThatIllegalArgumentException().isThrownBy(() -> builder.probeInterval(Duration.ZERO));
    ServerAddress server = ServerAddress.of("host", 1);
    assertThatIllegalArgumentException().isThrownBy(() -> server.withWeight(0));
    assertThatIllegalArgumentException().isThrownBy(() -> server.withWeight(65_536));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> builder.servers(server, server.withWeight(2)))
        .withMessage("the same server twice: host:1:2");
    builder.servers(server.withWeight(2)).distribution(Distribution.KETAMA);
    assertThatExceptionOfType(IllegalStateException.class).isThrownBy(builder::build);
  }

  @Test
  void serversAreReadFromTextAndWrittenAsIt() {
    for (String text :
        new String[] {"h:1", "10.0.0.1:11211", "[::1]:5", "h:1:7", "[fe80::1]:5:2"}) {
      assertThat(ServerAddress.parse(text)).hasToString(text);
    }
    assertThat(ServerAddress.parse("h")).isEqualTo(ServerAddress.of("h", 11211));
    assertThat(ServerAddress.parse("[::1]").host()).isEqualTo("::1");
    assertThat(ServerAddress.parse("[::1]:5:2").weight()).isEqualTo(2);
    for (String text :
        new String[] {"", ":1", "h:", "h:x", "h:1:2:3", "::1", "[::1]5", "h:70000"}) {
      assertThatIllegalArgumentException().as(text).isThrownBy(() -> ServerAddress.parse(text));
    }
  }

  @Test
  void aBuilderFromAConfigurationKeepsEverything() {
    KerbyClientConfig config =
        KerbyClientConfig.builder()
            .servers(ServerAddress.of("host", 1), ServerAddress.of("other", 2))
            .distribution(Distribution.KETAMA)
            .failureLimit(12)
            .probeInterval(Duration.ofMillis(13))
            .transport(Transport.UDP)
            .timeout(Duration.ofMillis(2))
            .connectTimeout(Duration.ofMillis(3))
            .udpAttempts(5)
            .udpRetryAfter(Duration.ofMillis(6))
            .maxOutstanding(7)
            .backPressure(BackPressure.FAIL)
            .maxDatagram(888)
            .maxReplyDatagrams(9)
            .maxValueBytes(10)
            .ioThreads(11)
            .build();
    assertThat(config.toBuilder().build()).usingRecursiveComparison().isEqualTo(config);
    assertThat(config.timeout()).isEqualTo(Duration.ofMillis(2));
  }

  @Test
  void expiryGoesOnTheWireAsMemcachedReadsIt() {
    assertThat(Expiry.never().wireSeconds(NOW)).isZero();
    assertThat(Expiry.after(Duration.ofSeconds(5)).wireSeconds(NOW)).isEqualTo(5);
    assertThat(Expiry.after(Duration.ofMillis(1)).wireSeconds(NOW)).isEqualTo(1);
    assertThat(Expiry.after(Duration.ofMillis(5001)).wireSeconds(NOW)).isEqualTo(6);
    assertThat(Expiry.after(Duration.ofDays(30)).wireSeconds(NOW)).isEqualTo(2_592_000);
    assertThat(Expiry.after(Duration.ofDays(31)).wireSeconds(NOW)).isEqualTo(NOW + 2_678_400);
    assertThat(Expiry.after(Duration.ZERO).wireSeconds(NOW)).isEqualTo(-1);
    assertThat(Expiry.at(Instant.ofEpochSecond(NOW + 7)).wireSeconds(NOW)).isEqualTo(NOW + 7);
    assertThat(Expiry.at(Instant.ofEpochSecond(NOW)).wireSeconds(NOW)).isEqualTo(-1);
    assertThat(Expiry.at(Instant.EPOCH.plusSeconds(60)).wireSeconds(NOW)).isEqualTo(-1);
    assertThat(Expiry.at(Instant.EPOCH).wireSeconds(NOW)).isEqualTo(-1);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Expiry.at(Instant.parse("2040-01-01T00:00:00Z")));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Expiry.after(Duration.ofDays(20_000)).wireSeconds(NOW));
  }
}
