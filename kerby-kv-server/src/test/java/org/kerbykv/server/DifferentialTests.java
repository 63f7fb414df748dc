package org.kerbykv.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;

/**
 * The same requests to Debian's memcached and to this server: the replies must be the same, byte by
 * byte, but for the versions that gets returns. After each failure target/differential.txt has all
 * that was sent.
 */
@TestInstance(Lifecycle.PER_CLASS)
abstract class DifferentialTests {
  /** Of each test; -Dkerby.requests=100000 for a longer run. */
  private static final int REQUESTS = Integer.getInteger("kerby.requests", 5000);

  private static final int PIPELINED_MAX = 50;
  private static final int DATAGRAM_MAX = 1400;
  private static final Pattern CAS = Pattern.compile("(VALUE [^ ]+ \\d+ \\d+) (\\d+)\r\n");

  /**
   * Numbers may have spaces behind them: memcached leaves them there when it counts in place, which
   * it does only while nothing else holds the item, and that depends on timing.
   */
  private static final Pattern NUMBER = Pattern.compile("(VALUE n\\d 3) \\d+\r\n(\\d+) *\r\n");

  private final List<String> sent = new ArrayList<>();
  private Random random;

  /** Where Debian's memcached listens, for TCP and UDP. */
  abstract InetSocketAddress memcached();

  /** The server that is compared with it. */
  abstract KerbyServer kerby();

  /** Opens a socket where both can be reached. */
  <T> T open(Callable<T> socket) throws Exception {
    return socket.call();
  }

  @BeforeEach
  void seed() {
    long seed = Long.getLong("kerby.seed", System.nanoTime());
    System.out.println(getClass().getSimpleName() + ": -Dkerby.seed=" + seed);
    random = new Random(seed);
    sent.clear();
  }

  @Test
  void oneRequestAfterAnotherOverTcp() throws Exception {
    CommandStreams streams = new CommandStreams(random);
    try (AsciiClient theirs = theirTcp();
        AsciiClient ours = ourTcp()) {
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
    try (AsciiClient theirs = theirTcp();
        AsciiClient ours = ourTcp()) {
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
    try (UdpClient theirs = open(() -> new UdpClient(memcached()));
        UdpClient ours = open(() -> new UdpClient(kerby().udpAddress().orElseThrow()));
        AsciiClient theirTcp = theirTcp();
        AsciiClient ourTcp = ourTcp()) {
      compare(theirTcp, ourTcp, "flush_all\r\n");
      for (int i = 0; i < REQUESTS; i++) {
        String request = streams.next();
        if (request.length() > DATAGRAM_MAX) {
          compare(theirTcp, ourTcp, request);
        } else {
          compareDatagram(theirs, ours, request);
        }
      }
      compare(theirTcp, ourTcp, CommandStreams.ALL_KEYS);
    }
  }

  /** memcached's reply is known to have ended by a marker; ours says itself how long it is. */
  private void compareDatagram(UdpClient theirs, UdpClient ours, String request)
      throws IOException {
    sent.add(request);
    String their = theirs.exchangeToMarker(request);
    boolean silent = their.equals(UdpClient.MARKER);
    assertSame(
        silent ? ours.exchangeToMarker(request) : ours.exchange(request) + UdpClient.MARKER, their);
  }

  private AsciiClient theirTcp() throws Exception {
    return open(() -> new AsciiClient(memcached()));
  }

  private AsciiClient ourTcp() throws Exception {
    return open(() -> new AsciiClient(kerby().tcpAddress().orElseThrow()));
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
      return Files.write(file, sent.stream().map(DifferentialTests::escaped).toList(), ISO_8859_1);
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
