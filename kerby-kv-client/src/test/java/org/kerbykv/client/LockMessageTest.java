package org.kerbykv.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Messages as {@code lock_abi.h} has them. */
class LockMessageTest {
  private static final String ACQUIRE =
      "4b4c 01 01 02 00 0000" // magic, version, op, mode, status, reserved
          + " 0000000000000007 fedcba9876543210 0000000000000038" // lock, client, sequence
          + " 0000000000000000 000003e8 00002710"; // token, wait, lease

  private static ByteBuf bytes(String hex) {
    return Unpooled.wrappedBuffer(ByteBufUtil.decodeHexDump(hex.replace(" ", "")));
  }

  @Test
  void aRequestIsWrittenAsTheServerReadsIt() {
    ByteBuf out = Unpooled.buffer();
    LockMessage.request(
            LockMessage.ACQUIRE,
            LockMode.EXCLUSIVE.wire(),
            7,
            0xfedcba9876543210L,
            56,
            1000,
            10_000)
        .write(out);
    assertThat(ByteBufUtil.hexDump(out)).isEqualTo(ACQUIRE.replace(" ", ""));
  }

  @Test
  void aReplyIsRead() {
    ByteBuf reply =
        bytes(
            "4b4c 01 05 01 01 0000 8000000000000000 fedcba9876543210 0000000000000001"
                + " 18fae27693b40001 00000003 ffffffff");
    assertThat(LockMessage.read(reply))
        .isEqualTo(
            new LockMessage(
                LockMessage.RENEW,
                LockMode.SHARED.wire(),
                LockMessage.GRANTED,
                Long.MIN_VALUE,
                0xfedcba9876543210L,
                1,
                0x18fae27693b40001L,
                3,
                0xffffffffL))
        .returns(true, LockMessage::isReply);
  }

  @Test
  void whatIsNoReplyIsNotTakenForOne() {
    for (String hex :
        List.of(
            "",
            ACQUIRE.substring(0, ACQUIRE.length() - 2),
            ACQUIRE + "00",
            ACQUIRE.replace("4b4c", "4b4d"),
            ACQUIRE.replace("4b4c 01", "4b4c 02"))) {
      assertThat(LockMessage.read(bytes(hex))).as(hex).isNull();
    }
    for (String hex :
        List.of(
            ACQUIRE, // a request
            ACQUIRE.replace(
                "02 00 0000", "02 0d 0000"), // a status, an operation of another version
            ACQUIRE.replace("4b4c 01 01 02 00", "4b4c 01 06 02 01"),
            ACQUIRE.replace("4b4c 01 01 02 00", "4b4c 01 00 02 01"))) {
      assertThat(LockMessage.read(bytes(hex))).as(hex).returns(false, LockMessage::isReply);
    }
  }
}
