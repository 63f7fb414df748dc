package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.kerbykv.bpf.RequiresBPF;
import org.kerbykv.server.AsciiClient;
import org.kerbykv.server.e2e.ServerUnderTest.Counts;
import org.kerbykv.server.store.StoreFigures;

/** A load that is several times the kernel's pool, over the wire, while items leave it. */
@RequiresBPF
class TieringTest {
  private static final int WRITERS = 3;
  private static final int ITEMS_PER_WRITER = 20_000;
  private static final int VALUE_BYTES = 600;
  private static final int HOT_ITEMS = 10;
  private static final int HOT_EVERY = 20;

  @Test
  void everyItemIsStoredAndKeptWhileThePoolOverflows() throws Exception {
    try (ServerUnderTest server = ServerUnderTest.start(Topology.Kind.VETH_NATIVE.open());
        ExecutorService threads = Executors.newFixedThreadPool(WRITERS)) {
      assertThat(WRITERS * ITEMS_PER_WRITER * 4L)
          .as("blocks of all items")
          .isGreaterThan(2 * server.store().kernel().size().blocks());
      List<Client> clients =
          IntStream.range(0, WRITERS).mapToObj(i -> new Client(server.udp(), i)).toList();

      onEach(threads, clients, client -> client::storeAll);
      StoreFigures figures = server.figures();
      assertThat(figures.demoted()).isPositive();
      assertThat(figures.evicted()).isZero();
      assertThat(figures.kernelItems() + figures.userItems())
          .isEqualTo((long) WRITERS * (ITEMS_PER_WRITER + HOT_ITEMS));
      Counts counts = server.counts();
      long inKernel = counts.get("xdp get hit") + counts.get("tc get hit");
      assertThat(inKernel)
          .as("hot items read in the kernel, and %d in user space", counts.get("user get hit"))
          .isGreaterThan(9 * counts.get("user get hit"));

      onEach(threads, clients, client -> client::checkAll);
      assertThat(server.metrics())
          .containsPattern("kerby_kv_demoted_total [1-9]")
          .contains("kerby_kv_evicted_total 0.0")
          .contains("kerby_kv_promoted_total ")
          .contains("kerby_kv_lost_total 0.0");
    }
  }

  @Test
  void evictionsAreDisabledByMemcachedsFlag() throws Exception {
    for (List<String> options : List.of(List.of("-M"), List.<String>of())) {
      try (Topology topology = Topology.Kind.VETH_GENERIC.open();
          ServerProcess server = ServerProcess.start(topology, options);
          AsciiClient tcp = topology.client().call(() -> new AsciiClient(server.address()))) {
        assertThat(tcp.exchange("stats settings\r\n"))
            .contains("STAT evictions " + (options.isEmpty() ? "on" : "off") + "\r\n");
      }
    }
  }

  private static void onEach(
      ExecutorService threads, List<Client> clients, Function<Client, Callable<Void>> work)
      throws Exception {
    for (Future<Void> each : threads.invokeAll(clients.stream().map(work).toList())) {
      each.get();
    }
  }

  /** One client with items of its own, some of which it reads all the time. */
  private record Client(UdpClient udp, int id) {
    Void storeAll() {
      IntStream.range(0, HOT_ITEMS).forEach(i -> store(hot(i)));
      for (int i = 0; i < ITEMS_PER_WRITER; i++) {
        store(item(i));
        if (i % HOT_EVERY == 0) {
          check(hot(i / HOT_EVERY % HOT_ITEMS));
        }
      }
      return null;
    }

    Void checkAll() {
      IntStream.range(0, HOT_ITEMS).forEach(i -> check(hot(i)));
      IntStream.range(0, ITEMS_PER_WRITER).forEach(i -> check(item(i)));
      return null;
    }

    private String hot(int number) {
      return "hot-%d-%d".formatted(id, number);
    }

    private String item(int number) {
      return "item-%d-%d".formatted(id, number);
    }

    private void store(String key) {
      assertThat(udp.exchange(Requests.set(key, flags(key), 0, value(key))))
          .asString()
          .isEqualTo("STORED\r\n");
    }

    private void check(String key) {
      assertThat(udp.exchange(Requests.bytes("get " + key + "\r\n")))
          .isEqualTo(Requests.hit(key, flags(key), value(key)));
    }

    private static int flags(String key) {
      return key.hashCode() & 0xffff;
    }

    private static byte[] value(String key) {
      return Requests.value(VALUE_BYTES, key.hashCode());
    }
  }
}
