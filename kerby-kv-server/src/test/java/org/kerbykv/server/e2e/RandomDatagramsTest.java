package org.kerbykv.server.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import net.jqwik.api.lifecycle.AfterContainer;

/**
 * Random datagrams, well-formed and not, to a server all of whose doors are open: each is answered
 * as memcached would, whichever door it meets. {@link MemcachedModelTest} says that the model is
 * right.
 */
@AddLifecycleHook(BPFRequired.class)
class RandomDatagramsTest {
  private static final Map<Topology.Kind, Peer> PEERS = new EnumMap<>(Topology.Kind.class);
  private static int streams;

  /** A server and a client of it. */
  private record Peer(ServerUnderTest server, DatagramExchange exchange) {
    static Peer start(Topology.Kind kind) {
      ServerUnderTest server = ServerUnderTest.start(kind.open());
      return new Peer(server, new DatagramExchange(server.udp()));
    }
  }

  @AfterContainer
  static void stop() {
    List<Throwable> failures = new ArrayList<>();
    for (Peer peer : PEERS.values()) {
      try (ServerUnderTest server = peer.server()) {
        checkThatAllDoorsAnswered(server);
      } catch (RuntimeException | AssertionError e) {
        failures.add(e);
      }
    }
    assertThat(failures).isEmpty();
  }

  private static void checkThatAllDoorsAnswered(ServerUnderTest server) {
    assertThat(server.counts().counts())
        .containsKeys(
            "xdp get hit",
            "xdp get miss",
            "xdp set stored",
            "xdp delete deleted",
            "xdp delete not_found",
            "tc get hit",
            "user get hit",
            "user get miss",
            "user set stored",
            "user delete deleted",
            "user other error");
  }

  @Provide
  Arbitrary<List<Datagram>> streams() {
    return DatagramStreams.any();
  }

  @Property(tries = 300, edgeCases = EdgeCasesMode.NONE)
  void everyDoorAnswersAsMemcached(
      @ForAll Topology.Kind kind, @ForAll("streams") List<Datagram> stream) {
    Peer peer = PEERS.computeIfAbsent(kind, Peer::start);
    MemcachedModel model = new MemcachedModel();
    String prefix = "%05x:".formatted(streams++);
    for (Datagram any : stream) {
      Datagram datagram = any.withPrefix(prefix);
      List<String> expected = new ArrayList<>();
      for (int i = 0; i < datagram.copies(); i++) {
        String reply = model.receive(datagram).text();
        if (!reply.isEmpty()) {
          expected.add(reply);
        }
      }
      // Copies may meet different doors, and then overtake each other.
      assertThat(messages(peer.exchange().send(datagram)))
          .as("replies of %s to%s", kind, datagram)
          .containsExactlyInAnyOrderElementsOf(expected);
    }
  }

  /** Puts the datagrams of each reply together, which come in order and without a gap. */
  private static List<String> messages(List<UdpClient.Datagram> datagrams) {
    List<String> messages = new ArrayList<>();
    StringBuilder text = new StringBuilder();
    int next = 0;
    for (UdpClient.Datagram datagram : datagrams) {
      assertThat(datagram.sequence()).as("number of a reply's datagram").isEqualTo(next);
      assertThat(datagram.reserved()).isZero();
      text.append(datagram.text());
      next++;
      if (next == datagram.total()) {
        messages.add(MemcachedModel.maskCas(text.toString()));
        text.setLength(0);
        next = 0;
      }
    }
    assertThat(next).as("datagrams of a reply that is not complete").isZero();
    return messages;
  }
}
