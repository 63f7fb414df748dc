package org.kerbykv.bpf.programs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.kerbykv.bpf.programs.MemcachedText.delete;
import static org.kerbykv.bpf.programs.MemcachedText.get;
import static org.kerbykv.bpf.programs.MemcachedText.hit;
import static org.kerbykv.bpf.programs.MemcachedText.set;
import static org.kerbykv.bpf.programs.MemcachedText.value;

import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;
import org.kerbykv.bpf.RequiresBPF;

/**
 * Replies longer than their requests, in frames that have the room for it and frames that have not.
 *
 * <p>A test run puts an XDP frame on a page: 256 bytes before it, less what metadata takes, and
 * what is left of the page behind it. So room runs out for replies of a jumbo frame's size, and a
 * request that is padded nearly to the page's end can grow at its head only.
 */
@RequiresBPF
@ParameterizedClass(name = "blocks of {0}")
@MethodSource("blockSizes")
class FrameRoomTest {
  private static final int DATAGRAM_MAX = 8900;
  private static final int HEAD_ROOM = 200; // less than 256 by what the kernel keeps there
  private static final String REQUEST = get("k");

  private static KvStore store;

  /** The longest frame of a page, which is where the room at the tail ends. */
  private static int end;

  @Parameter int blockBytes;

  /** The least, the usual and the most: what room there is does not depend on them. */
  static IntStream blockSizes() {
    return IntStream.of(32, 128, 960);
  }

  @BeforeParameterizedClassInvocation
  static void load(int blockBytes) {
    store =
        new KvStore(
            KvConfig.of(blockBytes)
                .withCapacity(1024)
                .withConstant("kv_datagram_max", DATAGRAM_MAX));
    end = endOfRoom();
  }

  @AfterParameterizedClassInvocation
  static void unload() {
    store.close();
  }

  @BeforeEach
  void clear() {
    store.clear();
  }

  /** Found by trying: it depends on the kernel's structures and on the page. */
  private static int endOfRoom() {
    int most = 0;
    for (int length = 4096 - 1024; length <= 4096; length++) {
      setReply(length);
      if (store.send(PacketDoor.XDP, Frame.request(REQUEST)).verdict()
          == PacketDoor.Verdict.REPLY) {
        most = length;
      }
    }
    assertThat(most).isBetween(4096 - 1000, 4096 - 256);
    return most;
  }

  /** Stores a value under k whose reply makes a frame of that length; returns the value. */
  private static String setReply(int frameLength) {
    int around = Frame.request(hit("k", 0, value(1000))).length() - 1000;
    String value = value(frameLength - around);
    store.set("k", value);
    return value;
  }

  private static void answers(KvSession.Outcome outcome, Frame request, String value) {
    assertThat(outcome.verdict()).isEqualTo(PacketDoor.Verdict.REPLY);
    assertThat(outcome.frame()).isEqualTo(request.reply(hit("k", 0, value)));
    StoreAudit.check(store);
  }

  @Test
  void replyThatEndsWhereTheRoomDoes() {
    String value = setReply(end);
    Frame request = Frame.request(REQUEST);
    answers(store.send(PacketDoor.XDP, request), request, value);
  }

  @Test
  void replyOfAByteMoreIsPassedOnUnchangedAndAnsweredByTc() {
    String value = setReply(end + 1);
    Frame request = Frame.request(REQUEST);
    KvSession.Outcome xdp = store.send(PacketDoor.XDP, request);
    assertThat(xdp.verdict()).isEqualTo(PacketDoor.Verdict.UP);
    assertThat(xdp.frame()).isEqualTo(request);
    answers(store.send(PacketDoor.TC, xdp.frame()), request, value);

    long[] stats = store.stats();
    assertThat(stats[counter(KvAbi.Path.XDP, KvAbi.CountedResult.PASSED)]).isEqualTo(1);
    assertThat(stats[counter(KvAbi.Path.TC, KvAbi.CountedResult.HIT)]).isEqualTo(1);
  }

  private static int counter(KvAbi.Path path, KvAbi.CountedResult result) {
    return KvStore.counter(path, KvAbi.CountedOp.GET, result);
  }

  @Test
  void tcAnswersWithTheLargestDatagram() {
    int longest = MemcachedText.longestValue("k", 0, DATAGRAM_MAX);
    store.set("k", value(longest));
    Frame request = Frame.request(REQUEST).withUdpChecksum();
    KvSession.Outcome xdp = store.send(PacketDoor.XDP, request);
    assertThat(xdp.verdict()).isEqualTo(PacketDoor.Verdict.UP);
    assertThat(xdp.frame()).isEqualTo(request);
    answers(store.send(PacketDoor.TC, request), request, value(longest));
  }

  @Test
  void replyThatGrowsAtTheHead() {
    Frame request = paddedTo(end - 10);
    String value = setReply(end - 10 + HEAD_ROOM);
    answers(store.send(PacketDoor.XDP, request), request, value);
  }

  @Test
  void replyThatFitsNeitherTailNorHead() {
    Frame request = paddedTo(end - 10);
    String value = setReply(end - 10 + 257);
    KvSession.Outcome xdp = store.send(PacketDoor.XDP, request);
    assertThat(xdp.verdict()).isEqualTo(PacketDoor.Verdict.UP);
    assertThat(xdp.frame()).isEqualTo(request);
    answers(store.send(PacketDoor.TC, request), request, value);
  }

  @Test
  void metadataTakesRoomAtTheHead() {
    Frame request = paddedTo(end - 10);
    setReply(end - 10 + HEAD_ROOM);
    KvSession.Outcome xdp = store.sendWithMetadata(100, request);
    assertThat(xdp.verdict()).isEqualTo(PacketDoor.Verdict.UP);
    assertThat(xdp.frame()).isEqualTo(request);

    String shorter = setReply(end - 10 + HEAD_ROOM - 100);
    answers(store.sendWithMetadata(100, request), request, shorter);
  }

  @Test
  void replyAsLongAsItsFrame() {
    Frame request = paddedTo(2000);
    String value = setReply(2000);
    answers(store.send(PacketDoor.XDP, request), request, value);
    answers(store.send(PacketDoor.TC, request), request, value);
  }

  @Test
  void shortReplyInAFullFrame() {
    Frame request = paddedTo(end);
    String value = setReply(100);
    answers(store.send(PacketDoor.XDP, request), request, value);
    Frame missing = Frame.request(delete("x")).padded(end - Frame.request(delete("x")).length());
    assertThat(store.send(PacketDoor.XDP, missing))
        .isEqualTo(
            new KvSession.Outcome(
                PacketDoor.Verdict.REPLY, missing.reply(MemcachedText.NOT_FOUND)));
  }

  @Test
  void setThatFillsItsFrame() {
    int around = Frame.request(set("k", value(1000))).length() - 1000;
    String value = value(end - around);
    Frame request = Frame.request(set("k", value)).withUdpChecksum();
    assertThat(store.send(PacketDoor.XDP, request))
        .isEqualTo(
            new KvSession.Outcome(PacketDoor.Verdict.REPLY, request.reply(MemcachedText.STORED)));
    assertThat(store.get("k").value()).isEqualTo(value);
    StoreAudit.check(store);
  }

  /**
   * The reply is begun, then a block turns out to be missing: the request is put back. What is
   * behind the datagram in its frame belongs to nobody, and may be something else then.
   */
  @Test
  void requestIsPutBackIntoAFrameThatHasGrown() {
    for (int padded : new int[] {60, 2000, end - 10}) {
      Frame request = paddedTo(padded);
      setReply(end - 10 + HEAD_ROOM);
      KvEntry entry = store.entry("k");
      store.removeBlock(entry.first() + entry.blocks() - 1);
      for (PacketDoor door : PacketDoor.values()) {
        KvSession.Outcome outcome = store.send(door, request);
        int datagram = Frame.request(REQUEST).length();
        assertThat(outcome.verdict()).isEqualTo(PacketDoor.Verdict.UP);
        assertThat(outcome.frame().length()).isEqualTo(request.length());
        assertThat(outcome.frame().truncated(datagram)).isEqualTo(request.truncated(datagram));
      }
      store.clear();
    }
  }

  /** The requests whose replies are put together beside the frame, and get for all headers. */
  @Test
  void repliesOfAllKindsThatFitTcAlone() {
    String value = value(3000);
    String item = "VALUE k 5 3000\r\n" + value + "\r\n";
    String meta = "VA 3000 f5 kk\r\n" + value + "\r\n";
    for (Headers headers : Headers.values()) {
      passesXdpAndIsAnsweredByTc(headers, "get k\r\n", value(4500), hit("k", 5, value(4500)));
      passesXdpAndIsAnsweredByTc(headers, "get k x k\r\n", value, item + item + "END\r\n");
      passesXdpAndIsAnsweredByTc(headers, "gat 0 k k\r\n", value, item + item + "END\r\n");
      String longer = meta.replace("3000", "4500").replace(value, value(4500));
      passesXdpAndIsAnsweredByTc(headers, "mg k f v k\r\n", value(4500), longer);
    }
  }

  private static void passesXdpAndIsAnsweredByTc(
      Headers headers, String text, String value, String reply) {
    store.set("k", value, 5, KvAbi.EXPTIME_NEVER);
    Frame request = Frame.request(headers, text);
    Contents before = Contents.of(store);
    assertThat(store.send(PacketDoor.XDP, request))
        .isEqualTo(new KvSession.Outcome(PacketDoor.Verdict.UP, request));
    assertThat(Contents.of(store)).isEqualTo(before);
    assertThat(store.send(PacketDoor.TC, request))
        .isEqualTo(new KvSession.Outcome(PacketDoor.Verdict.REPLY, request.reply(reply)));
    StoreAudit.check(store);
  }

  /** Room at the head is of use to them as well. */
  @Test
  void replyOfSeveralKeysThatGrowsAtTheHead() {
    store.set("k", value(1780));
    String item = "VALUE k 0 1780\r\n" + value(1780) + "\r\n";
    for (Headers headers : Headers.values()) {
      Frame request = Frame.request(headers, "get k k\r\n");
      Frame reply = request.reply(item + item + "END\r\n");
      Frame padded = request.padded(end - 10 - request.length());
      assertThat(reply.length()).isBetween(end - 10, end - 10 + HEAD_ROOM);
      assertThat(store.send(PacketDoor.XDP, padded))
          .isEqualTo(new KvSession.Outcome(PacketDoor.Verdict.REPLY, reply));
    }
  }

  private static Frame paddedTo(int length) {
    Frame request = Frame.request(REQUEST);
    return request.padded(length - request.length());
  }
}
