package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.kerbykv.bpf.RequiresBPF;

/** The time to live that an mg shows, and the exptime that it sets. */
@RequiresBPF
class MetaTimesTest {
  private static final Pattern TIME = Pattern.compile("HD t(-?[0-9]+)\r\n");

  private final KvStore store = new KvStore(KvConfig.of(64));

  @AfterEach
  void wholeAndGone() {
    StoreAudit.check(store);
    store.close();
  }

  /** Asks until clock and answer were of one second. */
  private int remaining(PacketDoor door, String flags) {
    Frame request = Frame.request("mg k " + flags + "\r\n");
    while (true) {
      int before = KvStore.bootSeconds();
      KvSession.Outcome outcome = store.send(door, request);
      assertThat(outcome.verdict()).isEqualTo(PacketDoor.Verdict.REPLY);
      if (KvStore.bootSeconds() == before) {
        Matcher matcher = TIME.matcher(outcome.frame().text());
        assertThat(matcher.matches()).as(outcome.frame().text()).isTrue();
        return before + Integer.parseInt(matcher.group(1));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void theSecondsThatAreLeft(PacketDoor door) {
    for (int left : new int[] {2, 100, 2_592_000, 1_000_000_000}) {
      int exptime = KvStore.bootSeconds() + left;
      store.set("k", "value", 0, exptime);
      assertThat(remaining(door, "t")).isEqualTo(exptime);
    }
  }

  @ParameterizedTest
  @EnumSource
  void theTimeThatIsSet(PacketDoor door) {
    store.set("k", "value", 0, KvStore.bootSeconds() + 1000);
    for (int exptime : new int[] {1, 100, 2_592_000}) {
      int earliest = KvStore.bootSeconds() + exptime;
      Frame request = Frame.request("mg k T" + exptime + " s\r\n");
      assertThat(store.send(door, request).frame()).isEqualTo(request.reply("HD s5\r\n"));
      assertThat(store.entry("k").exptime()).isBetween(earliest, KvStore.bootSeconds() + exptime);
      store.set("k", "value");
    }
  }
}
