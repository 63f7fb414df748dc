package org.kerbykv.client;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.netty.buffer.ByteBuf;
import java.util.Arrays;

/**
 * Reads one reply at a time from bytes that may come in pieces: from the datagrams of a reply, in
 * order, or from a TCP stream. Not thread-safe; reused from reply to reply.
 */
final class ReplyReader implements Reply {
  enum Progress {
    /** The reply is complete; bytes after it are untouched. */
    COMPLETE,
    /** Everything given was consumed and the reply goes on. */
    MORE,
    /**
     * A value begins that is not for this call but, as far as is known here, for one that is joined
     * with it, so what answers this one has been read: {@link #beginNext} goes on with the next.
     */
    NEXT,
    /** A well-formed reply, but not to this request. */
    FOREIGN,
    /** No reply at all. */
    MALFORMED
  }

  /** The longest line taken: a VALUE line with the longest key, or an error text. */
  private static final int LINE_MAX = 2048;

  private static final int CRLF_LENGTH = 2;
  private static final String VALUE = "VALUE ";

  private final int valueMax;
  private final byte[] line = new byte[LINE_MAX];
  private int lineLength;
  private int cursor;

  private Command command;
  private byte[] key;
  private boolean joined;

  /** The keys asked for, if several, what was found, and where the next is expected. */
  private byte[][] keys;

  private byte[][] values;
  private int[] flagsOfValues;
  private int keyIndex;

  private byte[] value;
  private int valueFilled;
  private int valueEndSeen = CRLF_LENGTH;

  private Status status;
  private int flags;
  private long cas;
  private long number;

  ReplyReader(int valueMax) {
    this.valueMax = valueMax;
  }

  /** Forgets the reply before and expects one to this request. */
  void begin(Call<?> call) {
    command = call.command;
    key = call.key;
    joined = call.joined;
    keys = call.keys;
    if (keys != null) {
      values = new byte[keys.length][];
      flagsOfValues = new int[keys.length];
      keyIndex = 0;
    }
    lineLength = 0;
    value = null;
    valueFilled = 0;
    valueEndSeen = CRLF_LENGTH;
    status = null;
    flags = 0;
    cas = 0;
    number = 0;
  }

  /** After {@link Progress#NEXT}: expects what is left of the reply to be to this request. */
  Progress beginNext(Call<?> call) {
    int length = lineLength;
    begin(call);
    lineLength = length;
    cursor = VALUE.length();
    Progress progress = readValueLine();
    if (progress == Progress.MORE) {
      lineLength = 0;
    }
    return progress;
  }

  /** After {@link Progress#NEXT}: whether the value that begins is for this call. */
  boolean isValueOf(Call<?> call) {
    return Arrays.equals(line, VALUE.length(), cursor, call.key, 0, call.key.length);
  }

  /** After {@link Progress#COMPLETE}: the same end of a reply, for a call that got no value. */
  void forgetValue() {
    value = null;
    flags = 0;
    cas = 0;
  }

  /**
   * Reads on. After {@link Progress#COMPLETE}, FOREIGN and MALFORMED the next step is {@link
   * #begin}.
   */
  Progress feed(ByteBuf in) {
    while (in.isReadable()) {
      if (readingValue()) {
        if (!readValue(in)) {
          return Progress.MALFORMED;
        }
        continue;
      }
      int end = in.indexOf(in.readerIndex(), in.writerIndex(), (byte) '\n');
      int length = (end < 0 ? in.writerIndex() : end) - in.readerIndex();
      if (lineLength + length > LINE_MAX) {
        return Progress.MALFORMED;
      }
      in.readBytes(line, lineLength, length);
      lineLength += length;
      if (end < 0) {
        return Progress.MORE;
      }
      in.skipBytes(1);
      Progress progress = readLine();
      if (progress == Progress.MORE || (progress == Progress.COMPLETE && !status.isError())) {
        lineLength = 0;
      }
      if (progress != Progress.MORE) {
        return progress;
      }
    }
    return Progress.MORE;
  }

  private boolean readingValue() {
    return value != null && (valueFilled < value.length || valueEndSeen < CRLF_LENGTH);
  }

  private boolean readValue(ByteBuf in) {
    int length = Math.min(value.length - valueFilled, in.readableBytes());
    in.readBytes(value, valueFilled, length);
    valueFilled += length;
    while (valueFilled == value.length && valueEndSeen < CRLF_LENGTH && in.isReadable()) {
      if (in.readByte() != "\r\n".charAt(valueEndSeen++)) {
        return false;
      }
    }
    return true;
  }

  private Progress readLine() {
    if (lineLength == 0 || line[lineLength - 1] != '\r') {
      return Progress.MALFORMED;
    }
    lineLength--;
    cursor = 0;
    if (startsWith(VALUE)) {
      return readValueLine();
    }
    status = readStatus();
    if (status == null || (value != null && status != Status.END)) {
      return Progress.MALFORMED;
    }
    return command.admits(status) ? Progress.COMPLETE : Progress.FOREIGN;
  }

  /** The rest of {@code VALUE key flags bytes [cas]}. */
  private Progress readValueLine() {
    if (command.shape() != Command.Shape.RETRIEVAL) {
      return Progress.FOREIGN;
    }
    int keyStart = cursor;
    while (cursor < lineLength && line[cursor] != ' ') {
      cursor++;
    }
    if (!isAskedFor(keyStart)) {
      status = joined ? Status.END : null;
      return joined ? Progress.NEXT : Progress.FOREIGN;
    }
    boolean wellFormed =
        (value == null || keys != null)
            && readFieldNumber()
            && number >= 0
            && number <= 0xFFFF_FFFFL;
    flags = (int) number;
    wellFormed &= readFieldNumber() && number >= 0 && number <= valueMax;
    int length = (int) number;
    if (wellFormed && cursor < lineLength) {
      wellFormed = readFieldNumber();
      cas = number;
    }
    if (!wellFormed || cursor < lineLength) {
      return Progress.MALFORMED;
    }
    number = 0;
    value = new byte[length];
    valueFilled = 0;
    valueEndSeen = 0;
    if (keys != null) {
      values[keyIndex] = value;
      flagsOfValues[keyIndex] = flags;
    }
    return Progress.MORE;
  }

  /** Whether the line's key, from {@code start} to the cursor, is one that still has no value. */
  private boolean isAskedFor(int start) {
    if (keys == null) {
      return Arrays.equals(line, start, cursor, key, 0, key.length);
    }
    // Servers answer in the order asked, so the first look is nearly always the last.
    for (int looks = 0; looks < keys.length; looks++) {
      byte[] candidate = keys[keyIndex];
      if (values[keyIndex] == null
          && Arrays.equals(line, start, cursor, candidate, 0, candidate.length)) {
        return true;
      }
      keyIndex = keyIndex + 1 == keys.length ? 0 : keyIndex + 1;
    }
    return false;
  }

  private Status readStatus() {
    if (isDigit(line, 0)) {
      return readNumber() && restIsBlank() ? Status.NUMBER : null;
    }
    for (Status candidate : STATUSES) {
      if (candidate.hasText() ? isWord(candidate.name()) : isLine(candidate.name())) {
        return candidate;
      }
    }
    return null;
  }

  private static final Status[] STATUSES = Status.values();

  private boolean isLine(String text) {
    return lineLength == text.length() && startsWith(text);
  }

  private boolean isWord(String word) {
    return startsWith(word) && (lineLength == word.length() || line[word.length()] == ' ');
  }

  /** Whether the line starts so; if it does, the cursor is behind it. */
  private boolean startsWith(String text) {
    if (lineLength < text.length()) {
      return false;
    }
    for (int i = 0; i < text.length(); i++) {
      if (line[i] != text.charAt(i)) {
        return false;
      }
    }
    cursor = text.length();
    return true;
  }

  private boolean readFieldNumber() {
    return cursor < lineLength && line[cursor++] == ' ' && readNumber();
  }

  /** Reads an unsigned 64-bit number of at least one digit. */
  private boolean readNumber() {
    int start = cursor;
    long n = 0;
    for (; isDigit(line, cursor); cursor++) {
      int digit = line[cursor] - '0';
      if (Long.compareUnsigned(n, Long.divideUnsigned(-1L, 10)) > 0
          || Long.compareUnsigned(n * 10, -1L - digit) > 0) {
        return false;
      }
      n = n * 10 + digit;
    }
    number = n;
    return cursor > start;
  }

  private boolean isDigit(byte[] bytes, int index) {
    return index < lineLength && bytes[index] >= '0' && bytes[index] <= '9';
  }

  /** decr pads its stored result with blanks, and some servers send them. */
  private boolean restIsBlank() {
    while (cursor < lineLength && line[cursor] == ' ') {
      cursor++;
    }
    return cursor == lineLength;
  }

  @Override
  public Status status() {
    return status;
  }

  @Override
  public byte[] value() {
    return value;
  }

  @Override
  public int flags() {
    return flags;
  }

  @Override
  public byte[] value(int index) {
    return values[index];
  }

  @Override
  public int flags(int index) {
    return flagsOfValues[index];
  }

  @Override
  public long cas() {
    return cas;
  }

  @Override
  public long number() {
    return number;
  }

  @Override
  public String errorLine() {
    return new String(line, 0, lineLength, ISO_8859_1);
  }
}
