package org.kerbykv.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What Micrometer is told. */
class KerbyClientMetricsTest {
  private final MeterRegistry registry = new SimpleMeterRegistry();

  private static KerbyClientConfig.Builder config() {
    return KerbyClientConfig.builder().timeout(Duration.ofSeconds(20));
  }

  private long calls(String op, String outcome) {
    Timer timer = registry.find("kerby.client.calls").tags("op", op, "outcome", outcome).timer();
    return timer == null ? 0 : timer.count();
  }

  @Test
  void timesEveryCallByOperationAndOutcome() throws Exception {
    try (Memcached server = Memcached.start();
        KerbyClient<String> client =
            KerbyClient.open(config().server(server.address()).build(), Transcoder.utf8())) {
      client.set("before", "not timed");
      new KerbyClientMetrics(client).bindTo(registry);
      client.set("k", "v");
      client.get("k");
      client.get("k");
      client.get("none");
      client.add("k", "v", Expiry.never());
      client.delete("none");
      client.incr("none", 1);
      client.delete("k");
      client.with(Transcoder.bytes()).set("k", new byte[] {-1});
      assertThatExceptionOfType(IllegalArgumentException.class).isThrownBy(() -> client.get("k"));
      assertThatExceptionOfType(KerbyServerException.class).isThrownBy(() -> client.incr("k", 1));
      assertThat(calls("set", "done")).isEqualTo(2);
      assertThat(calls("get", "hit")).isEqualTo(2);
      assertThat(calls("get", "miss")).isEqualTo(1);
      assertThat(calls("get", "undecodable")).isEqualTo(1);
      assertThat(calls("add", "not_stored")).isEqualTo(1);
      assertThat(calls("delete", "miss")).isEqualTo(1);
      assertThat(calls("delete", "done")).isEqualTo(1);
      assertThat(calls("incr", "miss")).isEqualTo(1);
      assertThat(calls("incr", "refused")).isEqualTo(1);
      assertThat(registry.find("kerby.client.calls").timers())
          .allMatch(timer -> timer.totalTime(TimeUnit.NANOSECONDS) > 0);
      assertThat(registry.get("kerby.client.tcp.connects").functionCounter().count()).isEqualTo(1);
    }
  }

  @Test
  void countsWhatGoesWrong() throws Exception {
    LinkedBlockingQueue<UdpStub.Request> requests = new LinkedBlockingQueue<>();
    try (UdpStub stub = new UdpStub(requests::add)) {
      KerbyClient<byte[]> client =
          KerbyClient.open(
              config()
                  .server(stub.address())
                  .transport(Transport.UDP)
                  .udpAttempts(1)
                  .maxOutstanding(1)
                  .backPressure(BackPressure.FAIL)
                  .build());
      new KerbyClientMetrics(client, Tags.of("client", "a")).bindTo(registry);
      KerbyClient<byte[]> hasty = client.withTimeout(Duration.ofMillis(5));
      assertThatExceptionOfType(KerbyTimeoutException.class).isThrownBy(() -> hasty.get("k"));
      assertThatExceptionOfType(KerbyUnknownOutcomeException.class)
          .isThrownBy(() -> hasty.incr("k", 1));
      requests.take();
      requests.take().reply("1\r\n"); // late
      CompletableFuture<byte[]> pending = client.getAsync("k");
      assertThatExceptionOfType(KerbyOverloadedException.class).isThrownBy(() -> client.get("k"));
      requests.take();
      String server = "127.0.0.1:" + stub.address().getPort();
      List<String> names = List.of(server, "localhost:" + stub.address().getPort());
      assertThat(registry.get("kerby.client.outstanding").tag("client", "a").gauge().value())
          .isEqualTo(1);
      assertThat(registry.get("kerby.client.outstanding").gauge().getId().getTag("server"))
          .isIn(names);
      assertThat(registry.get("kerby.client.ejected").gauge().value()).isZero();
      client.close();
      assertThat(pending).isCompletedExceptionally();
      assertThatExceptionOfType(KerbyClosedException.class).isThrownBy(() -> client.get("k"));
      assertThat(calls("get", "timeout")).isEqualTo(1);
      assertThat(calls("incr", "unknown")).isEqualTo(1);
      assertThat(calls("get", "overloaded")).isEqualTo(1);
      assertThat(calls("get", "closed")).isEqualTo(2);
      assertThat(registry.get("kerby.client.stray.replies").functionCounter().count()).isEqualTo(1);
    }
  }

  @Test
  void aCancelledCallIsNotTimed() throws Exception {
    LinkedBlockingQueue<UdpStub.Request> requests = new LinkedBlockingQueue<>();
    try (UdpStub stub = new UdpStub(requests::add)) {
      KerbyClient<byte[]> client =
          KerbyClient.open(config().server(stub.address()).transport(Transport.UDP).build());
      new KerbyClientMetrics(client).bindTo(registry);
      CompletableFuture<byte[]> cancelled = client.getAsync("k");
      CompletableFuture<byte[]> waited = client.getAsync("k");
      UdpStub.Request first = requests.take();
      UdpStub.Request second = requests.take();
      cancelled.cancel(true);
      first.reply("END\r\n");
      second.reply("END\r\n");
      assertThat(waited.get()).isNull();
      client.getAsync("k").cancel(true);
      client.close();
      assertThat(registry.get("kerby.client.calls").timers()).hasSize(1);
      assertThat(calls("get", "miss")).isEqualTo(1);
    }
  }

  @Test
  void severalRegistriesAreEachTold() throws Exception {
    MeterRegistry other = new SimpleMeterRegistry();
    try (UdpStub stub = new UdpStub(request -> request.reply("END\r\n"));
        KerbyClient<byte[]> client =
            KerbyClient.open(config().server(stub.address()).transport(Transport.UDP).build())) {
      KerbyClientMetrics metrics = new KerbyClientMetrics(client);
      metrics.bindTo(registry);
      metrics.bindTo(other);
      client.get("k");
      assertThat(registry.get("kerby.client.calls").timer().count()).isEqualTo(1);
      assertThat(other.get("kerby.client.calls").timer().count()).isEqualTo(1);
    }
  }

  @Test
  void aRegistryThatFailsCostsNoCall() throws Exception {
    registry
        .config()
        .meterFilter(
            MeterFilter.replaceTagValues(
                "outcome",
                value -> {
                  throw new IllegalStateException("refused " + value);
                }));
    try (UdpStub stub = new UdpStub(request -> request.reply("END\r\n"));
        KerbyClient<byte[]> client =
            KerbyClient.open(config().server(stub.address()).transport(Transport.UDP).build())) {
      new KerbyClientMetrics(client).bindTo(registry);
      assertThat(client.get("k")).isNull();
      assertThat(client.get("k")).isNull();
      assertThat(registry.find("kerby.client.calls").timers()).isEmpty();
    }
  }
}
