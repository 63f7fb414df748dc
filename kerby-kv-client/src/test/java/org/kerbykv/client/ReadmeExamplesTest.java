package org.kerbykv.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.ObjectInputFilter;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * The examples of README.md but for those on locks, which are tested with the server: that they
 * stand there as they are here, and that they work.
 */
class ReadmeExamplesTest {
  private static final Path MODULE = Path.of(System.getProperty("basedir", "."));

  @Test
  void everyExampleInTheReadmeIsOneOfThese() throws IOException {
    String readme = Files.readString(MODULE.resolve("README.md")).split("\n## Locks\n", 2)[0];
    String source =
        Files.readString(
            MODULE.resolve("src/test/java/org/kerbykv/client/ReadmeExamplesTest.java"));
    int examples = 0;
    Matcher here = Pattern.compile(" // example\n(.*?)\n *// end", Pattern.DOTALL).matcher(source);
    while (here.find()) {
      examples++;
      String text = here.group(1).stripTrailing().stripIndent();
      assertThat(readme).contains("```java\n" + text + "\n```");
    }
    assertThat(examples).isEqualTo(readme.split("```java", -1).length - 1).isPositive();
  }

  // example
  static String hello(String host, int port) {
    KerbyClientConfig config = KerbyClientConfig.builder().server(host, port).build();
    try (KerbyClient<String> client = KerbyClient.open(config, Transcoder.utf8())) {
      client.set("greeting", "hello", Expiry.after(Duration.ofMinutes(5)));
      String greeting = client.get("greeting"); // null if there is none
      boolean deleted = client.delete("greeting");
      return greeting + (deleted ? ", now deleted" : ", gone already");
    }
  }

  // end

  @Test
  void firstSteps() throws Exception {
    try (Memcached server = Memcached.start()) {
      assertThat(hello(server.address().getHostString(), server.address().getPort()))
          .isEqualTo("hello, now deleted");
    }
  }

  @Test
  void asynchronous() throws Exception {
    try (Memcached server = Memcached.start();
        KerbyClient<String> client = open(server)) {
      // example
      CompletableFuture<String> answer =
          client
              .setAsync("a", "1")
              .thenCompose(stored -> client.getAsync("a"))
              .exceptionally(failure -> "unknown: " + failure.getMessage());

      Map<String, String> found = client.getAll(List.of("a", "b", "c"));
      // end
      assertThat(answer.get()).isEqualTo("1");
      assertThat(found).isIn(Map.of(), Map.of("a", "1"));
    }
  }

  // example
  /** Appends a line to an item that several programs change. */
  static void appendLine(KerbyClient<String> client, String key, String line) {
    CasResult result;
    do {
      CasValue<String> old = client.gets(key);
      if (old == null) {
        result = client.add(key, line, Expiry.never()) ? CasResult.STORED : CasResult.EXISTS;
      } else {
        result = client.cas(key, old.value() + "\n" + line, Expiry.never(), old.cas());
      }
    } while (result != CasResult.STORED);
  }

  // end

  // example
  /** Counts up; says so if it cannot know whether it did. */
  static String countUp(KerbyClient<String> client, String key) {
    try {
      OptionalLong count = client.withTimeout(Duration.ofSeconds(10)).incr(key, 1);
      return count.isPresent() ? Long.toUnsignedString(count.getAsLong()) : "no such counter";
    } catch (KerbyUnknownOutcomeException e) {
      return "perhaps counted, perhaps not: " + e.getMessage();
    } catch (KerbyException e) { // no connection, refused by the server, ...
      return "not counted: " + e.getMessage();
    }
  }

  // end

  @Test
  void severalWriters() throws Exception {
    try (Memcached server = Memcached.start();
        KerbyClient<String> client = open(server)) {
      List<Thread> writers =
          List.of("x", "y", "z").stream()
              .map(line -> Thread.ofVirtual().start(() -> appendLine(client, "lines", line)))
              .toList();
      for (Thread writer : writers) {
        writer.join();
      }
      assertThat(client.get("lines").lines()).containsExactlyInAnyOrder("x", "y", "z");
    }
  }

  @Test
  void counters() throws Exception {
    try (Memcached server = Memcached.start();
        KerbyClient<String> client = open(server)) {
      assertThat(countUp(client, "n")).isEqualTo("no such counter");
      client.set("n", "41");
      assertThat(countUp(client, "n")).isEqualTo("42");
      client.set("n", "no number");
      assertThat(countUp(client, "n")).startsWith("not counted: CLIENT_ERROR");
    }
  }

  // example
  record Point(int x, int y) {}

  /** Points as text. */
  static final class PointTranscoder implements Transcoder<Point> {
    @Override
    public byte[] encode(Point point) {
      return Transcoder.utf8().encode(point.x() + "," + point.y());
    }

    @Override
    public Point decode(byte[] bytes, int flags) {
      String[] numbers = Transcoder.utf8().decode(bytes, flags).split(",", 2);
      return new Point(Integer.parseInt(numbers[0]), Integer.parseInt(numbers[1]));
    }
  }

  // end

  @Test
  void ownTypes() throws Exception {
    try (Memcached server = Memcached.start();
        KerbyClient<String> client = open(server)) {
      // example
      KerbyClient<Point> points = client.with(new PointTranscoder());
      points.set("home", new Point(3, 4));
      // end
      assertThat(points.get("home")).isEqualTo(new Point(3, 4));
      assertThat(client.get("home")).isEqualTo("3,4");
    }
  }

  // example
  /** A client of servers given as "host:port" or "host:port:weight". */
  static KerbyClient<String> openAll(List<String> servers) {
    KerbyClientConfig config =
        KerbyClientConfig.builder()
            .servers(servers.stream().map(ServerAddress::parse).toList())
            .failureLimit(3) // failures in a row that eject a server; 0: none is ejected
            .probeInterval(Duration.ofMillis(500))
            .build();
    return KerbyClient.open(config, Transcoder.utf8());
  }

  // end

  @Test
  void severalServers() throws Exception {
    try (Memcached a = Memcached.start();
        Memcached b = Memcached.start();
        KerbyClient<String> client =
            openAll(
                List.of(
                    "127.0.0.1:" + a.address().getPort(),
                    "127.0.0.1:" + b.address().getPort() + ":3"))) {
      List<String> keys = IntStream.range(0, 100).mapToObj(i -> "key-" + i).toList();
      keys.forEach(key -> client.set(key, "value"));
      assertThat(client.getAll(keys)).hasSize(100);
      try (KerbyClient<String> ofB = open(b)) {
        assertThat(ofB.getAll(keys)).hasSizeBetween(50, 95);
      }
    }
  }

  // example
  record Order(String item, int count) implements Serializable {}

  /** Orders as serialized objects; nothing but an order is created from what is stored. */
  static KerbyClient<Order> orders(KerbyClient<?> client) {
    ObjectInputFilter onlyOrders =
        ObjectInputFilter.Config.createFilter(
            Order.class.getName() + ";maxbytes=10000;maxdepth=5;maxrefs=100;maxarray=1000");
    return client.with(Transcoder.serialized(Order.class, onlyOrders));
  }

  // end

  @Test
  void serializedObjects() throws Exception {
    try (Memcached server = Memcached.start();
        KerbyClient<String> client = open(server)) {
      KerbyClient<Order> orders = orders(client);
      orders.set("order", new Order("book", 2));
      assertThat(orders.get("order")).isEqualTo(new Order("book", 2));
      client.set("order", "text");
      assertThatIllegalArgumentException().isThrownBy(() -> orders.get("order"));
    }
  }

  @Test
  void metrics() throws Exception {
    MeterRegistry registry = new SimpleMeterRegistry();
    try (Memcached server = Memcached.start();
        KerbyClient<String> client = open(server)) {
      // example
      new KerbyClientMetrics(client, Tags.of("client", "orders")).bindTo(registry);
      // end
      client.set("k", "v");
      assertThat(
              registry
                  .get("kerby.client.calls")
                  .tags("client", "orders", "op", "set", "outcome", "done")
                  .timer()
                  .count())
          .isEqualTo(1);
    }
  }

  private static KerbyClient<String> open(Memcached server) {
    return KerbyClient.open(
        KerbyClientConfig.builder()
            .server(server.address())
            .timeout(Duration.ofSeconds(20))
            .build(),
        Transcoder.utf8());
  }
}
