package org.kerbykv.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * The same requests to Debian's memcached and to this server: the replies must be the same, byte by
 * byte, but for the versions that gets returns. After each failure target/differential.txt has all
 * that was sent.
 */
class DifferentialTest {
  private static final int REQUESTS = 20_000;
  private static final int PIPELINED_MAX = 50;
  private static final int DATAGRAM_MAX = 1400;
  private static final Pattern CAS = Pattern.compile("(VALUE [^ ]+ \\d+ \\d+) (\\d+)\r\n");

  /**
   * Numbers may have spaces behind them: memcached leaves them there when it counts in place, which
   * it does only while nothing else holds the item, and that depends on timing.
   */
  private static final Pattern NUMBER = Pattern.compile("(VALUE n\\d 3) \\d+\r\n(\\d+) *\r\n");

  private static MemcachedProcess memcached;
  private static KerbyServer kerby;

  private final List<String> sent = new ArrayList<>();
  private Random random;

  @BeforeAll
  static void start() throws Exception {
    memcached = MemcachedProcess.start();
    kerby = KerbyServer.start(TestServers.userSpace());
  }

  @AfterAll
  static void stop() {
    if (kerby != null) {
      kerby.close();
    }
    if (memcached != null) {
      memcached.close();
    }
  }

  @BeforeEach
  void seed() {
    long seed = Long.getLong("kerby.seed", System.nanoTime());
    System.out.println("DifferentialTest: -Dkerby.seed=" + seed);
    random = new Random(seed);
  }

  @Test
  void oneRequestAfterAnotherOverTcp() throws Exception {
    CommandStreams streams = new CommandStreams(random);
    try (AsciiClient theirs = new AsciiClient(memcached.address());
        AsciiClient ours = new AsciiClient(kerby.tcpAddress().orElseThrow())) {
      compare(theirs, ours, "flush_all\r\n");
      for (int i = 0; i < REQUESTS; i++) {
        compare(theirs, ours, streams.next());
        if (i % 10 == 0) {
          compare(theirs, ours, CommandStreams.ALL_KEYS);
          compareCas(theirs, ours, streams);
        }
      }
    }
  }

  @Test
  void pipelinedOverTcp() throws Exception {
    CommandStreams streams = new CommandStreams(random);
    try (AsciiClient theirs = new AsciiClient(memcached.address());
        AsciiClient ours = new AsciiClient(kerby.tcpAddress().orElseThrow())) {
      compare(theirs, ours, "flush_all\r\n");
      for (int i = 0; i < REQUESTS; ) {
        StringBuilder requests = new StringBuilder();
        for (int n = 1 + random.nextInt(PIPELINED_MAX); n > 0; n--, i++) {
          String next = streams.next();
          // memcached forgets the replies before this error: a fault that is not ours to have.
          if (!next.contains("k".repeat(251))) {
            requests.append(next);
          }
        }
        compare(theirs, ours, requests.toString());
      }
      compare(theirs, ours, CommandStreams.ALL_KEYS);
    }
  }

  @Test
  void overUdp() throws Exception {
    CommandStreams streams = new CommandStreams(random);
    try (UdpClient theirs = new UdpClient(memcached.address());
        UdpClient ours = new UdpClient(kerby.udpAddress().orElseThrow());
        AsciiClient theirTcp = new AsciiClient(memcached.address());
        AsciiClient ourTcp = new AsciiClient(kerby.tcpAddress().orElseThrow())) {
      compare(theirTcp, ourTcp, "flush_all\r\n");
      for (int i = 0; i < REQUESTS; i++) {
        String request = streams.next();
        if (request.length() > DATAGRAM_MAX) {
          compare(theirTcp, ourTcp, request);
        } else {
          sent.add(request);
          assertSame(ours.exchangeToMarker(request), theirs.exchangeToMarker(request));
        }
      }
      compare(theirTcp, ourTcp, CommandStreams.ALL_KEYS);
    }
  }

  /** A cas with the version that each server gave, or one beside it. */
  private void compareCas(AsciiClient theirs, AsciiClient ours, CommandStreams streams)
      throws Exception {
    String key = streams.storedKey();
    String gets = "gets " + key + "\r\n";
    int beside = random.nextInt(2);
    String set = streams.casOf(key);
    sent.add(gets + set);
    assertSame(
        ours.exchange(set.replace("CAS", version(ours.exchange(gets), beside))),
        theirs.exchange(set.replace("CAS", version(theirs.exchange(gets), beside))));
  }

  private static String version(String values, int beside) {
    Matcher matcher = CAS.matcher(values);
    return matcher.find() ? "" + (Long.parseLong(matcher.group(2)) + beside) : "1";
  }

  private void compare(AsciiClient theirs, AsciiClient ours, String requests) throws Exception {
    sent.add(requests);
    byte[] bytes = requests.getBytes(ISO_8859_1);
    assertSame(ours.exchange(bytes), theirs.exchange(bytes));
  }

  private void assertSame(String ours, String theirs) {
    String our = masked(ours);
    String their = masked(theirs);
    if (!our.equals(their)) {
      int at = Arrays.mismatch(our.toCharArray(), their.toCharArray());
      throw new AssertionError(
          "replies differ from byte %d, see %s:%n  ours: %s%n  theirs: %s%n  requests: %s"
              .formatted(at, save(), around(our, at), around(their, at), escaped(sent.getLast())));
    }
  }

  private static String masked(String reply) {
    String withoutCas = CAS.matcher(reply).replaceAll("$1 CAS\r\n");
    return NUMBER.matcher(withoutCas).replaceAll("$1 LENGTH\r\n$2\r\n");
  }

  private Path save() {
    Path file = Path.of("target", "differential.txt");
    try {
      return Files.write(file, sent.stream().map(DifferentialTest::escaped).toList(), ISO_8859_1);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String around(String text, int at) {
    return escaped(text.substring(Math.max(0, at - 120), Math.min(text.length(), at + 120)));
  }

  private static String escaped(String text) {
    return text.replace("\r\n", "\\r\\n|")
        .replace("\r", "\\r")
        .replace("\n", "\\n")
        .replace("\t", "\\t")
        .replace("\0", "\\0");
  }
}
