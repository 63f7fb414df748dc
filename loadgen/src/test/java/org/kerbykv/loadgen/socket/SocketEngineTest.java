package org.kerbykv.loadgen.socket;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.kerbykv.client.Memcached;
import org.kerbykv.loadgen.engine.Arrivals;
import org.kerbykv.loadgen.engine.LoadCounts;
import org.kerbykv.loadgen.engine.LoadException;
import org.kerbykv.loadgen.engine.LoadResult;
import org.kerbykv.loadgen.engine.LoadSpec;
import org.kerbykv.loadgen.engine.Progress;
import org.kerbykv.loadgen.engine.Protocol;
import org.kerbykv.loadgen.testing.FaultyServer;
import org.kerbykv.loadgen.workload.KeyDistribution;
import org.kerbykv.loadgen.workload.RequestStream;
import org.kerbykv.loadgen.workload.SizeDistribution;
import org.kerbykv.loadgen.workload.SyntheticWorkload;

/** The engine reports what was done to its requests, no more and no less. */
class SocketEngineTest {
  private static final int KEYS = 500;
  private static final int OUTSTANDING = 8;
  private static final Duration TIMEOUT = Duration.ofMillis(400);

  private final List<LoadResult> seconds = new ArrayList<>();
  private int populated;

  private LoadResult run(LoadSpec spec) throws Exception {
    return new SocketEngine()
        .run(
            spec,
            new Progress() {
              @Override
              public void populated(int items, Duration took) {
                populated = items;
              }

              @Override
              public void second(int second, LoadResult interval) {
                assertThat(second).isEqualTo(seconds.size() + 1);
                seconds.add(interval);
              }
            });
  }

  private static LoadSpec spec(
      InetSocketAddress server, Protocol protocol, String sizes, double readRatio) {
    return new LoadSpec(
        server,
        protocol,
        2,
        new Arrivals.Closed(OUTSTANDING),
        new SyntheticWorkload(
            KEYS,
            SizeDistribution.fixed(16),
            KeyDistribution.zipf(KEYS, 0.99),
            SizeDistribution.parse(sizes)),
        true,
        Duration.ZERO,
        Duration.ofMillis(1200),
        LoadSpec.UNLIMITED,
        readRatio,
        42,
        true,
        false,
        TIMEOUT,
        1400);
  }

  @ParameterizedTest
  @CsvSource({"UDP, 0-1000, 0.5", "TCP, 0-1000, 0.5", "TCP, 100-200000, 0.8", "UDP, 100-20000, 1"})
  void aSoundServerHasASoundResult(Protocol protocol, String sizes, double readRatio)
      throws Exception {
    try (Memcached server = Memcached.start()) {
      LoadResult result = run(spec(server.address(), protocol, sizes, readRatio));
      LoadCounts counts = result.counts();
      assertThat(counts.corrupt()).isZero();
      assertThat(counts.errors()).isZero();
      assertThat(counts.misses()).isZero();
      assertThat(counts.hits()).isPositive();
      assertThat(counts.stored() > 0).isEqualTo(readRatio < 1);
      assertThat(counts.answered()).isEqualTo(counts.hits() + counts.stored());
      assertThat(counts.sent()).isEqualTo(counts.answered() + counts.lost());
      assertThat(result.latency().getTotalCount()).isEqualTo(counts.answered());
      assertThat(populated).isEqualTo(KEYS);
      assertThat(seconds).hasSize(1);
      assertThat(result.elapsed()).isGreaterThanOrEqualTo(Duration.ofMillis(1200));
    }
  }

  /** Populating is harmed too, so that it must ask again. */
  @Test
  void lostAndDuplicateAndCorruptRepliesAreCountedAsInjected() throws Exception {
    FaultyServer.Fault fault =
        request ->
            switch ((int) (request % 50)) {
              case 7 -> FaultyServer.Harm.DROP;
              case 17, 27 -> FaultyServer.Harm.DUPLICATE;
              case 37 -> request < 5000 ? FaultyServer.Harm.NONE : FaultyServer.Harm.CORRUPT;
              default -> FaultyServer.Harm.NONE;
            };
    try (FaultyServer server = new FaultyServer(0, fault)) {
      LoadSpec populate = spec(server.address(), Protocol.UDP, "16-600", 1);
      run(populate);
      assertThat(populated).isEqualTo(KEYS);
      long dropped = server.count(FaultyServer.Harm.DROP);
      long duplicated = server.count(FaultyServer.Harm.DUPLICATE);
      long corrupted = server.count(FaultyServer.Harm.CORRUPT);
      seconds.clear();
      LoadResult result = run(withoutPopulating(populate));
      LoadCounts counts = result.counts();
      assertThat(counts.sent()).isGreaterThan(1000);
      // Late are those that this machine, not the server, held up beyond the timeout.
      assertThat(counts.lost() - counts.late())
          .isEqualTo(server.count(FaultyServer.Harm.DROP) - dropped);
      assertThat(counts.corrupt()).isEqualTo(server.count(FaultyServer.Harm.CORRUPT) - corrupted);
      // The second copies of the very last replies may come after the end.
      assertThat(server.count(FaultyServer.Harm.DUPLICATE) - duplicated - counts.duplicate())
          .isBetween(0L, 2L * OUTSTANDING);
      assertThat(counts.misses()).isZero();
      assertThat(counts.sent()).isEqualTo(counts.answered() + counts.lost());
    }
  }

  private static LoadSpec withoutPopulating(LoadSpec spec) {
    return spec.again(spec.arrivals());
  }

  @Test
  void aDelayIsInTheLatencyAndADelayBeyondTheTimeoutIsLostAndLate() throws Exception {
    try (FaultyServer server = new FaultyServer(40, request -> FaultyServer.Harm.DELAY)) {
      LoadResult result = run(withoutPopulating(spec(server.address(), Protocol.UDP, "64", 1)));
      assertThat(result.counts().answered()).isPositive();
      assertThat(result.latency().getMinValue()).isGreaterThanOrEqualTo(39_000_000);
    }
    try (FaultyServer server = new FaultyServer(900, request -> FaultyServer.Harm.DELAY)) {
      seconds.clear();
      LoadResult result = run(withoutPopulating(spec(server.address(), Protocol.UDP, "64", 1)));
      LoadCounts counts = result.counts();
      assertThat(counts.answered()).isZero();
      assertThat(counts.lost()).isEqualTo(counts.sent()).isPositive();
      assertThat(counts.late()).isPositive().isLessThanOrEqualTo(counts.lost());
      assertThat(result.latencyMicros(50)).isNaN();
    }
  }

  @Test
  void aSeedGivesTheSameRequests() throws Exception {
    Slot slot = new Slot();
    List<String> first = new ArrayList<>();
    List<String> again = new ArrayList<>();
    for (List<String> stream : List.of(first, again)) {
      LoadSpec spec = spec(null, Protocol.UDP, "64", 0.7);
      RequestSource.Run source =
          new RequestSource.Run(
              new RequestStream(spec.workload(), spec.readRatio(), spec.seed(), 0));
      for (int i = 0; i < 1000; i++) {
        assertThat(source.next(slot)).isTrue();
        stream.add(slot.isSet + " " + slot.key + " " + slot.version);
      }
    }
    assertThat(again).isEqualTo(first);
    assertThat(first.stream().filter(one -> one.startsWith("false")).count()).isBetween(640L, 760L);
  }

  @Test
  void refusesSetsThatFitNoDatagram() {
    assertThatExceptionOfType(LoadException.class)
        .isThrownBy(
            () ->
                run(
                    spec(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), 1),
                        Protocol.UDP,
                        "2000",
                        0.9)))
        .withMessageContaining("does not fit a datagram");
  }

  @Test
  void nobodyThereIsSaid() {
    InetSocketAddress nobody = new InetSocketAddress(InetAddress.getLoopbackAddress(), 1);
    assertThatExceptionOfType(LoadException.class)
        .isThrownBy(() -> run(spec(nobody, Protocol.TCP, "64", 0.9)))
        .withMessageContaining("Connection refused");
    assertThatExceptionOfType(LoadException.class)
        .isThrownBy(() -> run(spec(nobody, Protocol.UDP, "64", 0.9)))
        .withMessageContaining("no answer to");
  }

  @Test
  void aServerThatHangsUpOrTalksNonsenseEndsTheLoad() throws Exception {
    assertThat(messageWhenServed(socket -> socket.getInputStream().read()))
        .contains("closed the TCP connection");
    assertThat(
            messageWhenServed(
                socket -> {
                  byte[] nonsense = "VALUE of nothing\r\n".getBytes(US_ASCII);
                  socket.getInputStream().read();
                  socket.getOutputStream().write(nonsense);
                  while (socket.getInputStream().read() >= 0) {}
                }))
        .isEqualTo("storing an item was answered: VALUE of nothing");
    assertThat(
            messageWhenServed(
                socket -> {
                  while (socket.getInputStream().read() >= 0) {}
                }))
        .contains("has stopped answering");
  }

  @Test
  void aStallOverTcpIsLostAndThenLate() throws Exception {
    Conduct stallsOnce =
        socket -> {
          BufferedReader lines =
              new BufferedReader(new InputStreamReader(socket.getInputStream(), US_ASCII));
          for (int request = 1; lines.readLine() != null; request++) {
            if (request == 100) {
              pause(2 * TIMEOUT.toMillis());
            }
            socket.getOutputStream().write("END\r\n".getBytes(US_ASCII));
          }
        };
    try (ServerSocket listener = listen(stallsOnce)) {
      InetSocketAddress address = (InetSocketAddress) listener.getLocalSocketAddress();
      LoadCounts counts = run(withoutPopulating(spec(address, Protocol.TCP, "64", 1))).counts();
      assertThat(counts.lost()).isPositive().isEqualTo(counts.late());
      assertThat(counts.sent()).isEqualTo(counts.answered() + counts.lost());
      assertThat(counts.misses()).isEqualTo(counts.answered()).isGreaterThan(200);
    }
  }

  private static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @FunctionalInterface
  private interface Conduct {
    void serve(Socket socket) throws IOException;
  }

  private String messageWhenServed(Conduct conduct) throws Exception {
    try (ServerSocket listener = listen(conduct)) {
      InetSocketAddress address = (InetSocketAddress) listener.getLocalSocketAddress();
      run(spec(address, Protocol.TCP, "64", 0.9));
      return "no failure";
    } catch (LoadException e) {
      return e.getMessage();
    }
  }

  private static ServerSocket listen(Conduct conduct) throws IOException {
    ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual()
        .start(
            () -> {
              while (!listener.isClosed()) {
                try {
                  Socket socket = listener.accept();
                  Thread.ofVirtual().start(() -> serve(conduct, socket));
                } catch (IOException e) {
                  return;
                }
              }
            });
    return listener;
  }

  private static void serve(Conduct conduct, Socket socket) {
    try (socket) {
      conduct.serve(socket);
    } catch (IOException e) {
      // the load generator hung up
    }
  }
}
