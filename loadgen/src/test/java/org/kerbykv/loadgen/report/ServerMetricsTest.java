package org.kerbykv.loadgen.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class ServerMetricsTest {
  private static String page(int xdp, int tc, int user) {
    return """
        # HELP kerby_kv_requests_total requests
        # TYPE kerby_kv_requests_total counter
        kerby_kv_requests_total{op="get",path="xdp",result="hit"} %d.0
        kerby_kv_requests_total{op="get",path="xdp",result="passed"} 1000.0
        kerby_kv_requests_total{op="set",path="user",result="stored"} 1000.0
        kerby_kv_requests_total{op="get",path="tc",result="miss"} %d
        kerby_kv_requests_total{op="get",path="user",result="hit"} %d.0 1700000000
        kerby_kv_items{tier="kernel"} 1.2E3
        kerby_kv_items{tier="user"} 30
        kerby_pool_memory_bytes 4096.0
        kerby_pool_memory_bytes_max 5
        """
        .formatted(xdp, tc, user);
  }

  @Test
  void sumsSamplesByLabel() {
    ServerMetrics metrics = ServerMetrics.parse(page(1, 2, 3));
    assertThat(metrics.sum("kerby_kv_items", "tier=\"kernel\"")).isEqualTo(1200);
    assertThat(metrics.sum("kerby_kv_items")).isEqualTo(1230);
    assertThat(metrics.sum("kerby_pool_memory_bytes")).isEqualTo(4096);
    assertThat(metrics.sum("kerby_kv_requests_total", "path=\"user\"", "op=\"get\"")).isEqualTo(3);
    assertThat(metrics.sum("nothing")).isZero();
  }

  @Test
  void theKernelsShareIsOfGetsAnsweredSince() {
    ServerMetrics before = ServerMetrics.parse(page(100, 50, 7));
    ServerMetrics after = ServerMetrics.parse(page(170, 70, 17));
    assertThat(after.kernelGetShareSince(before)).isCloseTo(0.9, within(1e-9));
    assertThat(after.kernelGetShareSince(after)).isNaN();
  }
}
