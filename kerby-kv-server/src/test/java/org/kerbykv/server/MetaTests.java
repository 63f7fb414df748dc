package org.kerbykv.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;

/**
 * What the comparison with memcached cannot show of the meta commands: several clients at once, and
 * what memcached 1.6.18 does not have.
 */
@TestInstance(Lifecycle.PER_CLASS)
abstract class MetaTests {
  private static final int CLIENTS = 4;
  private static final int KEYS = 400;

  abstract KerbyServer server();

  /** Opens a socket where the server can be reached. */
  <T> T open(Callable<T> socket) throws Exception {
    return socket.call();
  }

  @BeforeEach
  void empty() throws Exception {
    assertThat(ask("flush_all\r\n")).isEqualTo("OK\r\n");
  }

  @Test
  void oneClientWinsAMissingItem() throws Exception {
    assertThat(winsPerKey("mg key%d N30 t\r\n")).containsOnly(1);
    assertThat(ask("mg key7 s\r\n")).isEqualTo("HD s0 Z\r\n");
  }

  @Test
  void oneClientWinsAnItemThatExpiresSoon() throws Exception {
    ask(each("ms key%d 1 q T20\r\nx\r\n"));
    assertThat(winsPerKey("mg key%d R30\r\n")).containsOnly(1);
  }

  @Test
  void oneClientWinsAStaleItemWhileOthersCountInItAndTouchIt() throws Exception {
    ask(each("ms key%d 1 q\r\n5\r\n") + each("md key%d q I\r\n"));
    assertThat(winsPerKey("mg key%1$d\r\nma key%1$d q D0\r\ntouch key%1$d 100 noreply\r\n"))
        .containsOnly(1);
    assertThat(ask("mg key7 v\r\n")).isEqualTo("VA 1 Z X\r\n5\r\n");
  }

  @Test
  void noTouchIsLostToOneWhoChangesTheValue() throws Exception {
    ask("set n 0 0 1\r\n0\r\n");
    int rounds = 1000;
    try (ExecutorService executor = Executors.newSingleThreadExecutor()) {
      Future<String> counted = executor.submit(() -> ask("incr n 1\r\n".repeat(rounds)));
      try (AsciiClient toucher = client()) {
        for (int i = 0; i < rounds; i++) {
          int life = i % 2 == 0 ? 1000 : 100_000;
          String reply = toucher.exchange("touch n " + life + "\r\nmg n t\r\n");
          assertThat(reply).startsWith("TOUCHED\r\nHD t");
          int left = Integer.parseInt(reply.substring("TOUCHED\r\nHD t".length()).strip());
          assertThat(left).isBetween(life - 5, life);
        }
      }
      counted.get();
    }
    assertThat(ask("get n\r\n")).contains("\r\n" + rounds + "\r\n");
  }

  @Test
  void aClientMayChooseTheCas() throws Exception {
    assertThat(ask("ms k 1 E77 c\r\nx\r\ngets k\r\n"))
        .isEqualTo("HD c77\r\nVALUE k 0 1 77\r\nx\r\nEND\r\n");
    assertThat(ask("ms k 1 C76 E5\r\ny\r\nms k 1 C77 E5 c\r\ny\r\nmg k v c\r\n"))
        .isEqualTo("EX\r\nHD c5\r\nVA 1 c5\r\ny\r\n");
    assertThat(ask("ms k 1 C4 I E90\r\nz\r\nmg k v c\r\n"))
        .isEqualTo("HD\r\nVA 1 c90 X W\r\nz\r\n");
    assertThat(ask("md k C90 I E91\r\nmg k c\r\n")).isEqualTo("HD\r\nHD c91 X W\r\n");
    assertThat(ask("mg new N0 E3 c\r\nmg new c\r\n")).isEqualTo("HD c3 W\r\nHD c3 Z\r\n");
    assertThat(ask("ma n N0 E8 c\r\nma n E9 c v\r\nma n c v C9 E18446744073709551614\r\n"))
        .isEqualTo("HD c8\r\nVA 1 c9\r\n1\r\nVA 1 c18446744073709551614\r\n2\r\n");
    assertThat(ask("ms k 2 MA E100 c\r\n!!\r\nmg k v c\r\n"))
        .isEqualTo("HD c100\r\nVA 3 c100\r\nz!!\r\n");
    assertThat(ask("mg k Ex\r\nms k 1 E-1\r\nx\r\nmd k E\r\n"))
        .isEqualTo(
            "CLIENT_ERROR bad token in command line format\r\n".repeat(2)
                + "CLIENT_ERROR invalid or duplicate flag\r\n");
  }

  @Test
  void aLineThatIsRefusedChangesNothing() throws Exception {
    String tooLong = " O" + "o".repeat(32);
    ask("ms n 1 T100\r\n5\r\n");
    assertThat(ask("ma n" + tooLong + "\r\nmd n" + tooLong + "\r\nmg n T5" + tooLong + "\r\n"))
        .isEqualTo("CLIENT_ERROR opaque token too long\r\n".repeat(3));
    assertThat(ask("mg new N0" + tooLong + "\r\nma new N0" + tooLong + "\r\nmg new\r\n"))
        .isEqualTo("CLIENT_ERROR opaque token too long\r\n".repeat(2) + "EN\r\n");
    assertThat(ask("mg n v t\r\n")).matches("VA 1 t(100|99|98)\r\n5\r\n");
  }

  @Test
  void theTimeToLiveOfANumberIsSetAlsoWhenItGetsLonger() throws Exception {
    assertThat(ask("set n 0 0 1\r\n9\r\nma n T100 v\r\nmg n t\r\n"))
        .matches("STORED\r\nVA 2\r\n10\r\nHD t(100|99)\r\n");
  }

  /** Has all clients send the requests at once; returns how many win each key. */
  private int[] winsPerKey(String requests) throws Exception {
    int[] wins = new int[KEYS];
    try (ExecutorService executor = Executors.newFixedThreadPool(CLIENTS)) {
      List<Future<String>> replies = new ArrayList<>();
      for (int i = 0; i < CLIENTS; i++) {
        replies.add(executor.submit(() -> ask(each(requests))));
      }
      for (Future<String> reply : replies) {
        String[] lines = reply.get().split("\r\n");
        assertThat(lines).hasSize(KEYS);
        for (int key = 0; key < KEYS; key++) {
          wins[key] += lines[key].endsWith(" W") ? 1 : 0;
        }
      }
    }
    return wins;
  }

  private static String each(String requests) {
    StringBuilder all = new StringBuilder();
    for (int key = 0; key < KEYS; key++) {
      all.append(requests.formatted(key));
    }
    return all.toString();
  }

  private AsciiClient client() throws Exception {
    return open(() -> new AsciiClient(server().tcpAddress().orElseThrow()));
  }

  private String ask(String requests) throws Exception {
    try (AsciiClient client = client()) {
      return client.exchange(requests);
    }
  }
}
