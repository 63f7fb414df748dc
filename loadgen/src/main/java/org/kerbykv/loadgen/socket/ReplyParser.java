package org.kerbykv.loadgen.socket;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import org.kerbykv.loadgen.workload.Workload;

/** Tells what an answer is, without copying or allocating. Not thread-safe. */
final class ReplyParser {
  enum Outcome {
    /** The answer goes on beyond these bytes. */
    INCOMPLETE,
    HIT,
    MISS,
    STORED,
    /** An error line. */
    ERROR,
    /** No answer to this request, or not the value that was stored. */
    CORRUPT
  }

  private static final ByteBuf STORED = line("STORED\r\n");
  private static final ByteBuf END = line("END\r\n");
  private static final ByteBuf VALUE_END = line("\r\nEND\r\n");
  private static final ByteBuf VALUE = line("VALUE ");
  private static final ByteBuf ERROR = line("ERROR");
  private static final ByteBuf CLIENT_ERROR = line("CLIENT_ERROR ");
  private static final ByteBuf SERVER_ERROR = line("SERVER_ERROR ");
  private static final int LINE_MAX = 2048;
  private static final int VERB_BYTES = 4; // "get ", "set "

  private final Workload workload;
  private final boolean verify;
  private final boolean echo;
  private int length;
  private int cursor;
  private long number;

  /**
   * @param verify whether to compare values with what was stored
   * @param echo whether the answer to a request is its own text
   */
  ReplyParser(Workload workload, boolean verify, boolean echo) {
    this.workload = workload;
    this.verify = verify;
    this.echo = echo;
  }

  private static ByteBuf line(String text) {
    return Unpooled.unreleasableBuffer(Unpooled.copiedBuffer(text, US_ASCII).asReadOnly());
  }

  /** Bytes that the last answer took; 0 if it has no known end. */
  int length() {
    return length;
  }

  /** Looks at the readable bytes, which stay as they are, for the answer to a slot's request. */
  Outcome parse(Slot slot, ByteBuf in) {
    length = 0;
    if (echo) {
      return parseEcho(slot, in);
    }
    int start = in.readerIndex();
    int lineEnd = in.indexOf(start, in.writerIndex(), (byte) '\n');
    if (lineEnd < 0) {
      return in.readableBytes() > LINE_MAX ? Outcome.CORRUPT : Outcome.INCOMPLETE;
    }
    if (!slot.isSet && is(VALUE, in, start)) {
      return parseValue(slot, in, start + VALUE.readableBytes(), lineEnd);
    }
    length = lineEnd + 1 - start;
    if (slot.isSet ? is(STORED, in, start) : is(END, in, start)) {
      return slot.isSet ? Outcome.STORED : Outcome.MISS;
    }
    return isError(in, start) ? Outcome.ERROR : Outcome.CORRUPT;
  }

  private Outcome parseEcho(Slot slot, ByteBuf in) {
    int start = slot.keyStart - VERB_BYTES;
    int expected = slot.request.writerIndex() - start;
    if (in.readableBytes() < expected) {
      return Outcome.INCOMPLETE;
    }
    length = expected;
    if (!ByteBufUtil.equals(slot.request, start, in, in.readerIndex(), expected)) {
      return Outcome.CORRUPT;
    }
    return slot.isSet ? Outcome.STORED : Outcome.HIT;
  }

  /** From the key in {@code VALUE key flags length [cas]} to the end. */
  private Outcome parseValue(Slot slot, ByteBuf in, int keyStart, int lineEnd) {
    cursor = keyStart + slot.keyLength;
    boolean ours =
        cursor < lineEnd
            && ByteBufUtil.equals(slot.request, slot.keyStart, in, keyStart, slot.keyLength)
            && readNumber(in)
            && readNumber(in);
    if (!ours || number > Integer.MAX_VALUE) {
      return Outcome.CORRUPT;
    }
    int valueLength = (int) number;
    int valueStart = lineEnd + 1;
    int end = valueStart + valueLength;
    if (in.writerIndex() - valueStart < (long) valueLength + VALUE_END.readableBytes()) {
      return Outcome.INCOMPLETE;
    }
    if (!is(VALUE_END, in, end)) {
      return Outcome.CORRUPT;
    }
    length = end + VALUE_END.readableBytes() - in.readerIndex();
    return verify && !workload.isValue(slot.key, in, valueStart, valueLength)
        ? Outcome.CORRUPT
        : Outcome.HIT;
  }

  private static boolean isError(ByteBuf in, int start) {
    return is(ERROR, in, start) || is(CLIENT_ERROR, in, start) || is(SERVER_ERROR, in, start);
  }

  private static boolean is(ByteBuf expected, ByteBuf in, int at) {
    return in.writerIndex() - at >= expected.readableBytes()
        && ByteBufUtil.equals(expected, 0, in, at, expected.readableBytes());
  }

  /** Reads a blank and digits; there is a line end behind them, so no bound is needed. */
  private boolean readNumber(ByteBuf in) {
    if (in.getByte(cursor++) != ' ') {
      return false;
    }
    int start = cursor;
    number = 0;
    for (int digit; (digit = in.getByte(cursor) - '0') >= 0 && digit <= 9; cursor++) {
      number = Math.min(number * 10 + digit, Long.MAX_VALUE / 100);
    }
    return cursor > start;
  }
}
