package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.MemcachedText.END;
import static org.kerbykv.bpf.programs.MemcachedText.STORED;
import static org.kerbykv.bpf.programs.MemcachedText.get;
import static org.kerbykv.bpf.programs.MemcachedText.hit;
import static org.kerbykv.bpf.programs.MemcachedText.key;
import static org.kerbykv.bpf.programs.MemcachedText.set;
import static org.kerbykv.bpf.programs.MemcachedText.setNoreply;
import static org.kerbykv.bpf.programs.MemcachedText.value;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.kerbykv.bpf.BPFLoader;
import org.kerbykv.bpf.BPFProgram;
import org.kerbykv.bpf.RequiresBPF;

/** The cache before memcached: what it answers, forgets and learns. It has one entry here. */
@RequiresBPF
@ParameterizedClass
@EnumSource(PacketDoor.class)
class BmcTest {
  @Parameter PacketDoor door;

  private BaselinePrograms bmc;

  @BeforeEach
  void load() {
    bmc =
        new BaselinePrograms(
            BPFLoader.open(BPFProgram.class, "bmc.bpf.o")
                .constant("bmc_entries", 1)
                .mapMaxEntries("bmc_cache", 1)
                .load(),
            "bmc");
  }

  @AfterEach
  void unload() {
    bmc.close();
  }

  private void goesUp(Frame request) {
    assertThat(bmc.send(door, request))
        .isEqualTo(new KvSession.Outcome(PacketDoor.Verdict.UP, request));
  }

  private void isAnswered(Frame request, String reply) {
    assertThat(bmc.send(door, request))
        .isEqualTo(new KvSession.Outcome(PacketDoor.Verdict.REPLY, request.reply(reply)));
  }

  /** A get goes up, and memcached answers it. */
  private void isAskedFor(String key, String reply) {
    Frame request = Frame.request(get(key));
    goesUp(request);
    assertThat(bmc.goesOut(request.reply(reply))).isTrue();
  }

  @ParameterizedTest
  @CsvSource({"1, 0", "1, 1", "7, 7", "8, 8", "9, 64", "16, 63", "16, 64", "16, 65", "250, 1000"})
  void aReplyOfMemcachedsIsTheNextGetsReply(int keyLength, int valueLength) {
    String reply = hit(key(keyLength), -1, value(valueLength));
    isAskedFor(key(keyLength), reply);
    isAnswered(Frame.request(get(key(keyLength))), reply);
    isAnswered(Frame.request(get(key(keyLength))).set16(Frame.REQUEST_ID, 0x1234), reply);
  }

  @Test
  void aMissIsNotLearned() {
    isAskedFor("k", END);
    goesUp(Frame.request(get("k")));
  }

  @Test
  void aValueOfMoreThanAnEntryHasRoomForIsNotLearned() {
    isAskedFor("k", hit("k", 0, value(1001)));
    goesUp(Frame.request(get("k")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"k", "key-of-more-than-a-word"})
  void aSetIsMemcachedsAndMakesTheEntryInvalid(String key) {
    isAskedFor(key, hit(key, 0, "old"));
    goesUp(Frame.request(set(key, "new")));
    isAskedFor(key, hit(key, 0, "new"));
    goesUp(Frame.request(setNoreply(key, "newer")));
    goesUp(Frame.request(get(key)));
  }

  @Test
  void setsInATcpSegmentDoToo() {
    for (String segment : new String[] {set("k", "new"), set("x", "y") + set("k", "new")}) {
      isAskedFor("k", hit("k", 0, "old"));
      // A UDP and a frame header, with four bytes more, become a TCP header of 20 bytes.
      Frame tcp =
          Frame.request("more" + segment)
              .set8(Frame.IP_PROTOCOL, 6)
              .set8(Frame.UDP + 12, 5 << 4)
              .withIpChecksum();
      assertThat(bmc.send(PacketDoor.XDP, tcp).verdict()).isEqualTo(PacketDoor.Verdict.UP);
      goesUp(Frame.request(get("k")));
    }
  }

  @Test
  void aSetOfAnotherKeyLeavesTheEntry() {
    isAskedFor("k", hit("k", 0, "v"));
    goesUp(Frame.request(set("other", "v")));
    isAnswered(Frame.request(get("k")), hit("k", 0, "v"));
  }

  @Test
  void aReplyThatASetHasOvertakenIsNotLearned() {
    Frame request = Frame.request(get("k"));
    goesUp(request);
    goesUp(Frame.request(set("k", "new")));
    assertThat(bmc.goesOut(request.reply(hit("k", 0, "old")))).isTrue();
    goesUp(request);
  }

  @Test
  void onlyTheReplyToTheLastGetIsLearned() {
    Frame first = Frame.request(get("k"));
    Frame last = first.set16(Frame.REQUEST_ID, 7);
    goesUp(first);
    goesUp(Frame.request(set("k", "new")));
    goesUp(last);
    assertThat(bmc.goesOut(first.reply(hit("k", 0, "old")))).isTrue();
    goesUp(last);
    assertThat(bmc.goesOut(last.reply(hit("k", 0, "new")))).isTrue();
    isAnswered(first, hit("k", 0, "new"));
  }

  @Test
  void whoAsksLastHasTheEntry() {
    isAskedFor("a", hit("a", 0, "1"));
    isAskedFor("b", hit("b", 0, "2"));
    isAnswered(Frame.request(get("b")), hit("b", 0, "2"));
    goesUp(Frame.request(get("a")));
  }

  @Test
  void keysOfOneHashAreToldApart() {
    List<String> keys = BaselinePrograms.keysOfOneHash(hash -> (int) hash);
    isAskedFor(keys.get(0), hit(keys.get(0), 0, "v"));
    goesUp(Frame.request(get(keys.get(1))));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "get a b\r\n",
        "gets k\r\n",
        "get k",
        "get k\r\nget k\r\n",
        "delete k\r\n",
        "set k 0 0 2\r\nabc\r\n"
      })
  void otherRequestsAreMemcacheds(String text) {
    isAskedFor("k", hit("k", 0, "v"));
    goesUp(Frame.request(text));
  }

  @Test
  void repliesInSeveralDatagramsAndFromOtherPortsAreNotLearned() {
    Frame request = Frame.request(get("k"));
    Frame reply = request.reply(hit("k", 0, "v"));
    goesUp(request);
    assertThat(bmc.goesOut(reply.set16(Frame.DATAGRAMS, 2))).isTrue();
    assertThat(bmc.goesOut(reply.set16(Frame.UDP_SOURCE, 4711))).isTrue();
    goesUp(request);
    assertThat(bmc.goesOut(reply)).isTrue();
    isAnswered(request, hit("k", 0, "v"));
  }

  @Test
  void storedIsNoValue() {
    isAskedFor("k", STORED);
    goesUp(Frame.request(get("k")));
  }
}
