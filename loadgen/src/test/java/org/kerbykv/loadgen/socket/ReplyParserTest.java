package org.kerbykv.loadgen.socket;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.kerbykv.loadgen.socket.ReplyParser.Outcome;
import org.kerbykv.loadgen.workload.ListedWorkload;

class ReplyParserTest {
  private final ReplyParser parser =
      new ReplyParser(
          ListedWorkload.builder()
              .add("key".getBytes(ISO_8859_1), "value".getBytes(ISO_8859_1))
              .build(),
          true,
          false);

  private static Slot slot(boolean isSet) {
    Slot slot = new Slot();
    slot.isSet = isSet;
    slot.request = Unpooled.copiedBuffer("get key\r\n", ISO_8859_1);
    slot.keyStart = 4;
    slot.keyLength = 3;
    return slot;
  }

  private static ByteBuf bytes(String text) {
    return Unpooled.copiedBuffer(text.replace("~", "\r\n"), ISO_8859_1);
  }

  @ParameterizedTest
  @CsvSource({
    "VALUE key 0 5~value~END~, HIT",
    "VALUE key 7 5 99~value~END~, HIT",
    "END~, MISS",
    "VALUE key 0 5~wrong~END~, CORRUPT",
    "VALUE kez 0 5~value~END~, CORRUPT",
    "VALUE key0 5~value~END~, CORRUPT",
    "VALUE key 0 x~value~END~, CORRUPT",
    "VALUE key 0 99999999999999999999999~value~END~, CORRUPT",
    "VALUE key 0 5~value~EXD~, CORRUPT",
    "VALUE key 0 4~value~END~, CORRUPT",
    "STORED~, CORRUPT",
    "ERROR~, ERROR",
    "SERVER_ERROR out of memory~, ERROR",
    "nonsense~, CORRUPT",
  })
  void tellsAnswersToAGet(String reply, Outcome expected) {
    assertThat(parser.parse(slot(false), bytes(reply))).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({
    "STORED~, STORED",
    "NOT_STORED~, CORRUPT",
    "END~, CORRUPT",
    "VALUE key 0 5~value~END~, CORRUPT",
    "CLIENT_ERROR bad data chunk~, ERROR",
  })
  void tellsAnswersToASet(String reply, Outcome expected) {
    assertThat(parser.parse(slot(true), bytes(reply))).isEqualTo(expected);
  }

  @Test
  void waitsForTheRestAndTakesNoMoreThanTheAnswer() {
    String reply = "VALUE key 0 5~value~END~";
    ByteBuf all = bytes(reply + "END~");
    int length = bytes(reply).readableBytes();
    for (int cut = 1; cut < length; cut++) {
      assertThat(parser.parse(slot(false), all.slice(0, cut))).isEqualTo(Outcome.INCOMPLETE);
    }
    assertThat(parser.parse(slot(false), all)).isEqualTo(Outcome.HIT);
    assertThat(parser.length()).isEqualTo(length);
    assertThat(all.readableBytes()).isEqualTo(length + 5);
  }

  @Test
  void knowsWhereAWrongValueEndsButNotWhereNonsenseDoes() {
    parser.parse(slot(false), bytes("VALUE key 0 5~wrong~END~"));
    assertThat(parser.length()).isEqualTo(27);
    parser.parse(slot(false), bytes("VALUE key 0 5~value~EXD~"));
    assertThat(parser.length()).isZero();
  }
}
