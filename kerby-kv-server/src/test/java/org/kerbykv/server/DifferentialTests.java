package org.kerbykv.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
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
 * The same requests, classic and meta, to Debian's memcached and to this server: the replies must
 * be the same, byte by byte, but for what {@link ReplyComparison} lets differ. After each failure
 * target/differential.txt has all that was sent.
 */
@TestInstance(Lifecycle.PER_CLASS)
abstract class DifferentialTests {
  /** Of all tests of a class together; -Dkerby.requests=1000000 for a longer run. */
  private static final int REQUESTS = Integer.getInteger("kerby.requests", 105_000);

  private static final int ONE_BY_ONE = REQUESTS / 35;
  private static final int OVER_UDP = REQUESTS / 7;
  private static final int PIPELINED = REQUESTS - ONE_BY_ONE - OVER_UDP;

  private static final int PIPELINED_MAX = 100;

  /** Streams over UDP, which do not meet: what order their datagrams are served in is all one. */
  private static final int UDP_STREAMS = 16;

  private static final int DATAGRAM_MAX = 1400;
  private static final Pattern CAS = Pattern.compile("VALUE [^ ]+ \\d+ \\d+ (\\d+)\r\n");

  private final List<String> sent = new ArrayList<>();
  private long seed;
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
    seed = Long.getLong("kerby.seed", System.nanoTime());
    System.out.println(getClass().getSimpleName() + ": -Dkerby.seed=" + seed);
    random = new Random(seed);
    sent.clear();
  }

  @Test
  void oneRequestAfterAnotherOverTcp() throws Exception {
    CommandStreams streams = new CommandStreams(random, "");
    try (AsciiClient theirs = theirTcp();
        AsciiClient ours = ourTcp()) {
      begin(theirs, ours);
      for (int i = 0; i < ONE_BY_ONE; i++) {
        compare(theirs, ours, streams.next());
        if (i % 10 == 0) {
          compare(theirs, ours, streams.allKeys());
          compareCas(theirs, ours, streams);
        }
      }
    }
  }

  @Test
  void pipelinedOverTcp() throws Exception {
    CommandStreams streams = new CommandStreams(random, "");
    try (AsciiClient theirs = theirTcp();
        AsciiClient ours = ourTcp()) {
      begin(theirs, ours);
      for (int i = 0; i < PIPELINED; ) {
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
      compare(theirs, ours, streams.allKeys());
    }
  }

  @Test
  void overUdp() throws Exception {
    List<CommandStreams> streams = new ArrayList<>();
    for (int i = 0; i < UDP_STREAMS; i++) {
      streams.add(new CommandStreams(random, "u" + i));
    }
    try (UdpClient theirs = open(() -> new UdpClient(memcached()));
        UdpClient ours = open(() -> new UdpClient(kerby().udpAddress().orElseThrow()));
        AsciiClient theirTcp = theirTcp();
        AsciiClient ourTcp = ourTcp()) {
      begin(theirTcp, ourTcp);
      for (int i = 0; i < OVER_UDP; i += UDP_STREAMS) {
        List<String> requests = new ArrayList<>();
        for (CommandStreams stream : streams) {
          String request = stream.next();
          if (request.length() > DATAGRAM_MAX) {
            compare(theirTcp, ourTcp, request);
          } else {
            requests.add(request);
          }
        }
        compareDatagrams(theirs, ours, requests);
      }
      for (CommandStreams stream : streams) {
        compare(theirTcp, ourTcp, stream.allKeys());
      }
    }
  }

  /** Empties both, and uses up the cas ids that a stream takes for those of no item. */
  private void begin(AsciiClient theirs, AsciiClient ours) throws Exception {
    compare(theirs, ours, "flush_all\r\nset first 0 0 1\r\nx\r\ndelete first\r\n");
  }

  /**
   * memcached's replies are known to have ended by a marker; ours say themselves how long they are,
   * unless there is none. A datagram with two commands is not for the kernel.
   */
  private void compareDatagrams(UdpClient theirs, UdpClient ours, List<String> requests)
      throws IOException {
    sent.addAll(requests);
    BitSet marked = new BitSet();
    marked.set(0, requests.size());
    String[] their = theirs.exchangeAll(requests, marked);
    for (int i = 0; i < their.length; i++) {
      marked.set(i, their[i].equals(UdpClient.MARKER));
    }
    String[] our = ours.exchangeAll(requests, marked);
    for (int i = 0; i < their.length; i++) {
      String reply = marked.get(i) ? our[i] : our[i] + UdpClient.MARKER;
      assertSame(reply, their[i], requests.get(i));
    }
  }

  private AsciiClient theirTcp() throws Exception {
    return open(() -> new AsciiClient(memcached()));
  }

  private AsciiClient ourTcp() throws Exception {
    return open(() -> new AsciiClient(kerby().tcpAddress().orElseThrow()));
  }

  /** A change under the condition of the cas that each server gave, or one beside it. */
  private void compareCas(AsciiClient theirs, AsciiClient ours, CommandStreams streams)
      throws Exception {
    String key = streams.storedKey();
    String gets = "gets " + key + "\r\n";
    int beside = random.nextInt(3) - 1;
    String change = streams.casOf(key);
    sent.add(gets + change);
    assertSame(
        ours.exchange(change.replace("CAS", cas(ours.exchange(gets), beside))),
        theirs.exchange(change.replace("CAS", cas(theirs.exchange(gets), beside))),
        gets + change);
  }

  private static String cas(String values, int beside) {
    Matcher matcher = CAS.matcher(values);
    return matcher.find() ? "" + (Long.parseLong(matcher.group(1)) + beside) : "1";
  }

  private void compare(AsciiClient theirs, AsciiClient ours, String requests) throws Exception {
    sent.add(requests);
    byte[] bytes = requests.getBytes(ISO_8859_1);
    assertSame(ours.exchange(bytes), theirs.exchange(bytes), requests);
  }

  private void assertSame(String ours, String theirs, String requests) {
    if (ours.equals(theirs)) {
      return;
    }
    ReplyComparison comparison = new ReplyComparison(ours, theirs);
    if (!comparison.isSame()) {
      throw new AssertionError(
          "replies differ, see %s, -Dkerby.seed=%d:%n%s%n  requests: %s"
              .formatted(save(), seed, comparison.difference(), ReplyComparison.escaped(requests)));
    }
  }

  private Path save() {
    Path file = Path.of("target", "differential.txt");
    try {
      return Files.write(file, sent.stream().map(ReplyComparison::escaped).toList(), ISO_8859_1);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
