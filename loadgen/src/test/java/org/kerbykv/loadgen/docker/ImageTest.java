package org.kerbykv.loadgen.docker;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.github.dockerjava.api.model.Capability;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.kerbykv.client.KerbyClient;
import org.kerbykv.client.KerbyException;
import org.kerbykv.loadgen.report.ServerMetrics;
import org.testcontainers.containers.Network;

/** The image as users run it, and the Java client from another host. */
@RequiresDocker
class ImageTest {
  private static final int ITEMS = 500;
  private static final int VALUE_BYTES_MAX = 1200;
  private static final double KERNEL_SHARE_MIN = 0.9;
  private static final Duration SERVED_AGAIN_MAX = Duration.ofSeconds(60);

  @Test
  void theKernelServesAndServesAgainAfterAKill() throws Exception {
    try (Network network = Network.newNetwork();
        KerbyContainer server = new KerbyContainer(network, KerbyImage.capabilities())) {
      server.start();
      assertThat(server.getLogs()).contains(" xdp generic");
      hasOnlyTheCapabilitiesItNeeds(server);

      try (KerbyClient<byte[]> client = server.client()) {
        storesAndReads(client);
        nearlyAllInTheKernel(server.metrics());

        server.kill();
        assertThatThrownBy(() -> client.get("0")).isInstanceOf(KerbyException.class);
        server.startAgain();
        await().atMost(SERVED_AGAIN_MAX).until(() -> readyLines(server) == 2);
        await()
            .atMost(SERVED_AGAIN_MAX)
            .ignoreExceptionsInstanceOf(KerbyException.class)
            .until(() -> client.get("0") == null); // a cache without pins starts empty
        storesAndReads(client);
        nearlyAllInTheKernel(server.metrics());
      }
    }
  }

  @Test
  void withoutCapabilitiesUserSpaceServesAndSaysSo() throws Exception {
    try (Network network = Network.newNetwork();
        KerbyContainer server = new KerbyContainer(network, List.<Capability>of())) {
      server.start();
      assertThat(server.getLogs()).contains("serving from user space alone", " xdp off");
      try (KerbyClient<byte[]> client = server.client()) {
        storesAndReads(client);
      }
      assertThat(answered(server.metrics(), "user", "get", "hit")).isGreaterThanOrEqualTo(ITEMS);
    }
  }

  private static long readyLines(KerbyContainer server) {
    return server.getLogs().lines().filter(line -> line.startsWith("ready ")).count();
  }

  private static void hasOnlyTheCapabilitiesItNeeds(KerbyContainer server) throws Exception {
    String status = server.execInContainer("cat", "/proc/1/status").getStdout();
    long bits = KerbyImage.engineKnowsBpf() ? 1L << 12 | 1L << 38 | 1L << 39 : 1L << 12 | 1L << 21;
    assertThat(status).containsPattern("Uid:\t11211\t11211\t11211");
    assertThat(status).contains("CapEff:\t%016x\n".formatted(bits));
  }

  private static void storesAndReads(KerbyClient<byte[]> client) {
    for (int i = 0; i < ITEMS; i++) {
      client.set(Integer.toString(i), value(i));
    }
    for (int i = 0; i < ITEMS; i++) {
      assertThat(client.get(Integer.toString(i))).isEqualTo(value(i));
    }
  }

  private static byte[] value(int item) {
    return "%d "
        .formatted(item)
        .repeat(VALUE_BYTES_MAX)
        .substring(0, 1 + item % VALUE_BYTES_MAX)
        .getBytes(UTF_8);
  }

  /** Some may have found their entry's word taken, and went up. */
  private static void nearlyAllInTheKernel(ServerMetrics metrics) {
    for (String[] kind : new String[][] {{"set", "stored"}, {"get", "hit"}}) {
      double kernel =
          answered(metrics, "xdp", kind[0], kind[1]) + answered(metrics, "tc", kind[0], kind[1]);
      double user = answered(metrics, "user", kind[0], kind[1]);
      assertThat(kernel + user).as(kind[0]).isGreaterThanOrEqualTo(ITEMS);
      assertThat(kernel).as(kind[0]).isGreaterThan(KERNEL_SHARE_MIN * (kernel + user));
    }
  }

  private static double answered(ServerMetrics metrics, String path, String op, String result) {
    return metrics.sum(
        "kerby_kv_requests_total",
        "path=\"" + path + '"',
        "op=\"" + op + '"',
        "result=\"" + result + '"');
  }
}
