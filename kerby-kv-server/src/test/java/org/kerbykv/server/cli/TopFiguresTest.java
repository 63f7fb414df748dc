package org.kerbykv.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.kerbykv.server.metrics.RequestPath;

/** Rates between two looks. */
class TopFiguresTest {
  private static final long SECOND = 1_000_000_000;

  private static ServerStats stats(long at, String... namesAndValues) {
    Map<String, String> values = new LinkedHashMap<>();
    for (String one : namesAndValues) {
      values.put(one.substring(0, one.indexOf(' ')), one.substring(one.indexOf(' ') + 1));
    }
    return new ServerStats(at, values);
  }

  private static TopFigures figures() {
    return new TopFigures(
        stats(
            5 * SECOND,
            "kerby_requests_xdp_get_hit 1000",
            "kerby_requests_xdp_get_passed 7",
            "evictions 3"),
        stats(
            7 * SECOND,
            "version 0.1",
            "uptime 3723",
            "kerby_requests_xdp_get_hit 2600",
            "kerby_requests_xdp_get_miss 400",
            "kerby_requests_xdp_get_passed 1007",
            "kerby_requests_tc_get_hit 200",
            "kerby_requests_tc_set_passed 100",
            "kerby_requests_user_set_stored 100",
            "kerby_requests_user_other_hit 60",
            "kerby_requests_user_delete_not_found 40",
            "evictions 13",
            "kerby_dropped_port 4",
            "kerby_dropped_length 6",
            "kerby_items_kernel 12",
            "kerby_value_bytes_kernel 1048576",
            "total_malloced 5000000",
            "1:used_chunks 9",
            "1:total_chunks 100",
            "2:chunk_size 64",
            "2:chunks_per_page 1024",
            "2:total_pages 16",
            "kerby_lock_held 2",
            "kerby_lock_waiting 1",
            "kerby_lock_requests_xdp_acquire_granted 80",
            "kerby_lock_requests_xdp_release_passed 10"));
  }

  @Test
  void countsWhatWasAnsweredByPath() {
    TopFigures figures = figures();
    assertThat(figures.of(RequestPath.XDP)).isEqualTo(new TopFigures.Rates(1000, 1000, 0, 0, 0.8));
    assertThat(figures.of(RequestPath.TC)).isEqualTo(new TopFigures.Rates(100, 100, 0, 0, 1));
    assertThat(figures.of(RequestPath.USER))
        .isEqualTo(new TopFigures.Rates(100, 0, 50, 50, Double.NaN));
    assertThat(figures.all()).isEqualTo(new TopFigures.Rates(1200, 1100, 50, 50, 1800.0 / 2200));
    assertThat(figures.kernelShare()).isEqualTo(1 - 100.0 / 1200);
    assertThat(figures.kernelMemoryBytes()).isEqualTo(5_000_000 - 16 * 65_536);
  }

  @Test
  void isOneJsonObject() {
    assertThat(figures().toJson())
        .startsWith(
            "{\"seconds\":2.000,\"xdp\":{\"requests_per_s\":1000.0,\"gets_per_s\":1000.0,"
                + "\"sets_per_s\":0.0,\"others_per_s\":0.0,\"hit_ratio\":0.8000},\"tc\":{")
        .contains(
            "\"hit_ratio\":null}",
            "\"kernel_share\":0.9167",
            "\"tier_kernel\":{\"items\":12,\"value_bytes\":1048576,\"memory_bytes\":3951424}",
            "\"blocks_in_use\":9,\"blocks_capacity\":100",
            "\"evicted_per_s\":5.0,\"dropped_per_s\":5.0")
        .endsWith("\"locks\":{\"held\":2,\"waiting\":1,\"requests_per_s\":40.0}}");
  }

  @Test
  void isReadable() {
    assertThat(figures().toLines("host:1"))
        .contains(
            "Kerby-KV 0.1, host:1, up 1:02:03, 0 connections",
            "xdp             1,000        1,000    80.0            0            0",
            "answered in the kernel: 91.7 %",
            "locks: 2 held, 1 waiting, 40 requests/s");
  }

  /** A server that was started again counts from zero. */
  @Test
  void nothingIsNegativeAndWhatThereIsNoneOfIsNoNumber() {
    TopFigures figures =
        new TopFigures(
            stats(0, "kerby_requests_xdp_get_hit 1000"),
            stats(SECOND, "kerby_requests_xdp_get_hit 10"));
    assertThat(figures.all()).isEqualTo(new TopFigures.Rates(0, 0, 0, 0, Double.NaN));
    assertThat(figures.toJson())
        .contains("\"kernel_share\":null")
        .doesNotContain("NaN", "\"locks\"");
  }

  @Test
  void figuresAreQuotedAsJsonWantsIt() {
    assertThat(stats(0, "a 1", "b 1.5", "c 01", "d x\"y\\\u0001", "e -3").toJson())
        .isEqualTo("{\"a\":1,\"b\":1.5,\"c\":\"01\",\"d\":\"x\\\"y\\\\\\u0001\",\"e\":-3}");
  }
}
