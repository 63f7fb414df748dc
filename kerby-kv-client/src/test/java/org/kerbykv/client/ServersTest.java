package org.kerbykv.client;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Several servers: where keys go, and what becomes of those of a server that does not answer. */
@Timeout(120)
class ServersTest {
  private static final Duration LONG = Duration.ofSeconds(30);

  /** Long enough for a server of this machine, short enough to wait for. */
  private static final Duration SHORT = Duration.ofMillis(300);

  private static ServerAddress at(int port) {
    return ServerAddress.of("127.0.0.1", port);
  }

  private static ServerAddress at(Memcached server) {
    return at(server.address().getPort());
  }

  private static KerbyClientConfig.Builder config(Transport transport, ServerAddress... servers) {
    return KerbyClientConfig.builder().servers(servers).transport(transport).timeout(LONG);
  }

  private static KerbyClient<String> open(KerbyClientConfig.Builder config) {
    return KerbyClient.open(config.build(), Transcoder.utf8());
  }

  /** Keys that belong to the server at this index while all are live. */
  private static List<String> keysOf(int server, int count, KerbyClient<?> client) {
    List<ServerAddress> servers = client.config().servers();
    BitSet live = new BitSet();
    live.set(0, servers.size());
    KetamaRing ring = KetamaRing.of(servers, live, client.config().distribution());
    return IntStream.iterate(0, i -> i + 1)
        .mapToObj(i -> "key-" + i)
        .filter(key -> ring.owner(key.getBytes(UTF_8)) == server)
        .limit(count)
        .toList();
  }

  @ParameterizedTest
  @EnumSource
  void keysAreWhereLibmemcachedLooksForThem(Transport transport) throws Exception {
    try (Memcached a = Memcached.start();
        Memcached b = Memcached.start();
        Memcached c = Memcached.start()) {
      List<ServerAddress> servers = List.of(at(a), at(b).withWeight(2), at(c));
      try (KerbyClient<String> client =
              open(config(transport, servers.toArray(ServerAddress[]::new)).ioThreads(2));
          LibMemcached witness =
              new LibMemcached(LibMemcached.Behavior.MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, servers)) {
        List<String> keys = IntStream.range(0, 600).mapToObj(i -> "k" + i).toList();
        keys.forEach(key -> client.set(key, "v" + key));
        for (int server = 0; server < 3; server++) {
          int index = server;
          List<String> expected =
              keys.stream().filter(key -> witness.owner(key.getBytes(UTF_8)) == index).toList();
          try (KerbyClient<String> direct = open(config(Transport.TCP, servers.get(server)))) {
            assertThat(direct.getAll(keys).keySet()).containsExactlyElementsOf(expected);
          }
        }
        assertThat(client.getAll(keys))
            .hasSize(600)
            .allSatisfy((key, value) -> assertThat(value).isEqualTo("v" + key));
      }
    }
  }

  @Test
  void oneReadOfManyKeysIsSplitByServer() throws Exception {
    List<ConcurrentLinkedQueue<List<String>>> requests =
        List.of(new ConcurrentLinkedQueue<>(), new ConcurrentLinkedQueue<>());
    try (TcpStub a = new TcpStub(connection -> answerEvenKeys(connection, requests.get(0)));
        TcpStub b = new TcpStub(connection -> answerEvenKeys(connection, requests.get(1)));
        KerbyClient<String> client =
            open(config(Transport.TCP, at(a.address().getPort()), at(b.address().getPort())))) {
      List<String> keys = new ArrayList<>();
      for (int i = 0; i < 300; i++) {
        keys.add("key-" + (i % 290)); // some twice
      }
      keys.add("key-" + "long".repeat(50));
      Map<String, String> found = client.getAll(keys);
      assertThat(found.keySet())
          .containsExactlyElementsOf(
              IntStream.range(0, 145).mapToObj(i -> "key-" + 2 * i).toList());
      assertThat(found).allSatisfy((key, value) -> assertThat(value).isEqualTo("of " + key));
      for (int server = 0; server < 2; server++) {
        List<String> mine = keysOf(server, 290, client);
        assertThat(requests.get(server)).hasSizeBetween(2, 10);
        assertThat(requests.get(server))
            .allSatisfy(asked -> assertThat(asked).hasSizeBetween(1, 64));
        List<String> asked = requests.get(server).stream().flatMap(List::stream).toList();
        assertThat(asked).doesNotHaveDuplicates();
        assertThat(asked.stream().filter(key -> key.length() < 10)).isSubsetOf(mine);
      }
      assertThat(requests.stream().flatMap(q -> q.stream()).flatMap(List::stream)).hasSize(291);
    }
  }

  /** Answers in reverse, which the protocol does not forbid. */
  private static void answerEvenKeys(
      TcpStub.Connection connection, ConcurrentLinkedQueue<List<String>> requests)
      throws java.io.IOException {
    for (String line; (line = connection.readLine()) != null; ) {
      assertThat(line.length()).isLessThan(2048);
      List<String> keys = List.of(line.substring("get ".length()).split(" "));
      requests.add(keys);
      StringBuilder reply = new StringBuilder();
      for (String key : keys.reversed()) {
        String number = key.substring("key-".length());
        if (number.matches("[0-9]*[02468]")) {
          String value = "of " + key;
          reply.append("VALUE %s 0 %d\r\n%s\r\n".formatted(key, value.length(), value));
        }
      }
      connection.write(reply.append("END\r\n").toString());
    }
  }

  @Test
  void aValueOfAKeyNotAskedForOrTwiceIsNoReply() throws Exception {
    String value = "VALUE %s 0 1\r\nv\r\n";
    for (String reply : List.of(value.formatted("c"), value.formatted("a").repeat(2))) {
      try (TcpStub stub =
              new TcpStub(
                  connection -> {
                    connection.readLine();
                    connection.write(reply + "END\r\n");
                    connection.readLine();
                  });
          KerbyClient<String> client = open(config(Transport.TCP, at(stub.address().getPort())))) {
        assertThatExceptionOfType(KerbyProtocolException.class)
            .isThrownBy(() -> client.getAll(List.of("a", "b")));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aDeadServersKeysGoToTheOthersUntilItReturns(Transport transport) throws Exception {
    int port = Memcached.freePort();
    try (Memcached a = Memcached.start();
        Memcached b = Memcached.start();
        KerbyClient<String> client =
            open(
                config(transport, at(a), at(port), at(b))
                    .timeout(SHORT)
                    .udpRetryAfter(Duration.ofMillis(10))
                    .failureLimit(3)
                    .probeInterval(Duration.ofMillis(20)))) {
      List<String> keys = keysOf(1, 20, client);
      int failed = 0;
      while (client.stats().ejections() == 0) {
        assertThatThrownBy(() -> client.set(keys.getFirst(), "x"))
            .isInstanceOf(KerbyException.class);
        failed++;
      }
      assertThat(failed).isGreaterThanOrEqualTo(3);
      assertThat(client.servers())
          .extracting(ServerStatus::ejected)
          .containsExactly(false, true, false);
      assertThat(client.servers().get(1).server().port()).isEqualTo(port);
      for (String key : keys) {
        client.set(key, "elsewhere");
        assertThat(client.get(key)).isEqualTo("elsewhere");
      }
      await().until(() -> client.stats().probes() >= 2); // they fail, and go on

      try (Memcached returned = Memcached.startAt(port);
          KerbyClient<String> direct = open(config(Transport.TCP, at(returned)))) {
        await().until(() -> client.stats().returns() == 1);
        assertThat(client.servers()).noneMatch(ServerStatus::ejected);
        assertThat(client.servers()).extracting(ServerStatus::outstanding).containsOnly(0);
        assertThat(client.get(keys.getFirst())).isNull();
        client.set(keys.getFirst(), "back");
        assertThat(direct.get(keys.getFirst())).isEqualTo("back");
        assertThat(client.stats().ejections()).isEqualTo(1);
      }
    }
  }

  @Test
  void aSilentServerIsEjectedOnlyAfterAWholeTimeoutOfSilence() throws Exception {
    try (Memcached other = Memcached.start();
        UdpStub silent = new UdpStub(request -> {})) {
      ServerAddress[] servers = {at(other), at(silent.address().getPort())};
      try (KerbyClient<String> patient = open(config(Transport.UDP, servers))) {
        String key = keysOf(1, 1, patient).getFirst();
        for (int i = 0; i < 10; i++) {
          assertThatExceptionOfType(KerbyTimeoutException.class)
              .isThrownBy(() -> patient.withTimeout(Duration.ofMillis(5)).get(key));
        }
        assertThat(patient.stats().ejections()).isZero();
      }
      try (KerbyClient<String> hasty =
          open(config(Transport.UDP, servers).timeout(Duration.ofMillis(5)))) {
        String key = keysOf(1, 1, hasty).getFirst();
        for (int i = 0; i < 10 && hasty.stats().ejections() == 0; i++) {
          assertThatExceptionOfType(KerbyTimeoutException.class).isThrownBy(() -> hasty.get(key));
        }
        assertThat(hasty.stats().ejections()).isEqualTo(1);
        assertThat(hasty.withTimeout(LONG).get(key)).isNull();
      }
    }
  }

  @Test
  void failuresWithAnswersBetweenThemEjectNobody() throws Exception {
    AtomicInteger requests = new AtomicInteger();
    try (Memcached other = Memcached.start();
        TcpStub moody =
            new TcpStub(
                connection -> {
                  while (connection.readLine() != null && requests.incrementAndGet() % 2 == 1) {
                    connection.write("NOT_FOUND\r\n");
                  }
                });
        KerbyClient<String> client =
            open(config(Transport.TCP, at(other), at(moody.address().getPort())).failureLimit(2))) {
      String key = keysOf(1, 1, client).getFirst();
      for (int i = 0; i < 10; i++) {
        assertThat(client.incr(key, 1)).isEmpty();
        assertThatExceptionOfType(KerbyUnknownOutcomeException.class)
            .isThrownBy(() -> client.incr(key, 1));
      }
      assertThat(client.stats().ejections()).isZero();
    }
  }

  @Test
  void noServerIsEjectedIfToldSo() throws Exception {
    try (Memcached other = Memcached.start();
        KerbyClient<String> client =
            open(config(Transport.TCP, at(other), at(Memcached.freePort())).failureLimit(0))) {
      String key = keysOf(1, 1, client).getFirst();
      while (client.stats().calls() < 20) {
        assertThatExceptionOfType(KerbyConnectionException.class).isThrownBy(() -> client.get(key));
      }
      assertThat(client.stats().ejections()).isZero();
    }
  }

  @Test
  void withEveryServerEjectedKeysStayWhereTheyBelong() throws Exception {
    int port = Memcached.freePort();
    try (KerbyClient<String> client =
        open(
            config(Transport.TCP, at(port), at(Memcached.freePort()))
                .failureLimit(1)
                .probeInterval(Duration.ofHours(1)))) {
      String first = keysOf(0, 1, client).getFirst();
      String second = keysOf(1, 1, client).getFirst();
      while (client.stats().ejections() < 2) {
        assertThatExceptionOfType(KerbyConnectionException.class)
            .isThrownBy(() -> client.get(first));
        assertThatExceptionOfType(KerbyConnectionException.class)
            .isThrownBy(() -> client.get(second));
      }
      assertThat(client.servers()).allMatch(ServerStatus::ejected);
      try (Memcached returned = Memcached.startAt(port)) {
        assertThat(returned.address().getPort()).isEqualTo(port);
        await().ignoreExceptions().until(() -> client.get(first) == null);
        assertThatExceptionOfType(KerbyConnectionException.class)
            .isThrownBy(() -> client.get(second));
      }
    }
  }

  @Test
  void aServerIsProbedByOneRequestAtATime() throws Exception {
    LinkedBlockingQueue<String> probes = new LinkedBlockingQueue<>();
    try (Memcached other = Memcached.start();
        TcpStub dead =
            new TcpStub(
                connection -> {
                  for (String line; (line = connection.readLine()) != null; ) {
                    if (!line.equals("version")) {
                      return;
                    }
                    probes.add(line);
                  }
                });
        KerbyClient<String> client =
            open(
                config(Transport.TCP, at(other), at(dead.address().getPort()))
                    .failureLimit(1)
                    .probeInterval(Duration.ofMillis(1)))) {
      assertThatExceptionOfType(KerbyException.class)
          .isThrownBy(() -> client.incr(keysOf(1, 1, client).getFirst(), 1));
      probes.take();
      Thread.sleep(200); // a second one would come within a few milliseconds
      assertThat(probes).isEmpty();
      assertThat(client.stats().probes()).isEqualTo(1);
    }
  }

  @Test
  void anErrorLineIsASignOfLifeToo() throws Exception {
    try (Memcached other = Memcached.start();
        TcpStub moody =
            new TcpStub(
                connection -> {
                  if ("version".equals(connection.readLine())) {
                    connection.write("ERROR\r\n");
                    connection.readLine();
                  }
                });
        KerbyClient<String> client =
            open(
                config(Transport.TCP, at(other), at(moody.address().getPort()))
                    .failureLimit(1)
                    .probeInterval(Duration.ofMillis(1)))) {
      assertThatExceptionOfType(KerbyException.class)
          .isThrownBy(() -> client.incr(keysOf(1, 1, client).getFirst(), 1));
      await().until(() -> client.stats().returns() == 1);
    }
  }

  @Test
  void callsToASilentServerTakeNoPlacesOfTheOthers() throws Exception {
    try (Memcached other = Memcached.start();
        UdpStub silent = new UdpStub(request -> {});
        KerbyClient<String> client =
            open(
                config(Transport.UDP, at(other), at(silent.address().getPort()))
                    .maxOutstanding(2)
                    .backPressure(BackPressure.FAIL))) {
      String silentKey = keysOf(1, 1, client).getFirst();
      List<CompletableFuture<String>> pending =
          List.of(client.getAsync(silentKey), client.getAsync(silentKey));
      assertThatExceptionOfType(KerbyOverloadedException.class)
          .isThrownBy(() -> client.get(silentKey))
          .withMessageContaining(":" + silent.address().getPort());
      assertThat(client.servers()).extracting(ServerStatus::outstanding).containsExactly(0, 2);
      assertThat(client.get(keysOf(0, 1, client).getFirst())).isNull();
      assertThat(pending).noneMatch(CompletableFuture::isDone);
    }
  }

  @Test
  void closeEndsTheCallsToEveryServer() throws Exception {
    LinkedBlockingQueue<UdpStub.Request> received = new LinkedBlockingQueue<>();
    try (UdpStub a = new UdpStub(received::add);
        UdpStub b = new UdpStub(received::add)) {
      KerbyClient<String> client =
          open(config(Transport.UDP, at(a.address().getPort()), at(b.address().getPort())));
      List<CompletableFuture<String>> calls = new ArrayList<>();
      for (int server = 0; server < 2; server++) {
        keysOf(server, 10, client).forEach(key -> calls.add(client.getAsync(key)));
      }
      for (int i = 0; i < 20; i++) {
        received.take();
      }
      client.close();
      assertThat(calls).allMatch(CompletableFuture::isCompletedExceptionally);
    }
  }
}
