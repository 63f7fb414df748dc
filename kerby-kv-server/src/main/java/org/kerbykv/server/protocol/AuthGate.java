package org.kerbykv.server.protocol;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;

/**
 * memcached's authentication in ASCII: until a "set", of whatever key, whose value is "user
 * password", nothing else is understood. Used by one event loop only.
 */
public final class AuthGate {
  /** Of what strangers send, no more is kept. */
  private static final int LINE_BYTES_MAX = 2 << 10;

  private static final int TOKEN_BYTES_MAX = 1 << 10;
  private static final int WORDS_MIN = 5;

  private final AuthFile file;
  private final ReplyOutput output;
  private boolean open;

  /** Makes a gate that is closed. */
  public AuthGate(AuthFile file, ReplyOutput output) {
    this.file = file;
    this.output = output;
  }

  /**
   * Takes input until somebody is known. What is left waits for the rest of a line or value, or, if
   * this returns true, is the session's.
   */
  public boolean isOpen(ByteBuf in) {
    while (!open && in.isReadable() && step(in)) {}
    return open;
  }

  /** Returns false if more input is needed. */
  private boolean step(ByteBuf in) {
    int start = in.readerIndex();
    int end = in.indexOf(start, in.writerIndex(), (byte) '\n');
    if (Math.max(end - start, end < 0 ? in.readableBytes() : 0) > LINE_BYTES_MAX) {
      in.skipBytes(in.readableBytes());
      output.closeAfterwards();
      return false;
    }
    if (end < 0) {
      return false;
    }
    int value = end + 1;
    int length = tokenLength(in.toString(start, end - start, ISO_8859_1).strip());
    if (length < 0) {
      in.readerIndex(value);
      reply(Replies.UNAUTHENTICATED);
      return true;
    }
    if (in.writerIndex() < value + length + 2) {
      return false;
    }
    byte[] token = ByteBufUtil.getBytes(in, value, length);
    boolean terminated =
        in.getByte(value + length) == '\r' && in.getByte(value + length + 1) == '\n';
    in.readerIndex(value + length + 2);
    answer(token, terminated);
    return true;
  }

  private void answer(byte[] token, boolean terminated) {
    if (!terminated) {
      reply(Replies.BAD_TERMINATION);
    } else if (!AuthFile.isToken(token)) {
      reply(Replies.BAD_AUTH_FORMAT);
    } else if (!file.has(token)) {
      reply(Replies.AUTH_FAILURE);
    } else {
      open = true;
      reply(Replies.STORED);
    }
  }

  /** The bytes of the value of a "set", or -1 if it is none, or one that nobody's token is. */
  private static int tokenLength(String line) {
    String[] words = line.split(" +", -1);
    if (words.length < WORDS_MIN || !words[0].equals("set") || !words[4].matches("[0-9]{1,4}")) {
      return -1;
    }
    int length = Integer.parseInt(words[4]);
    return length <= TOKEN_BYTES_MAX ? length : -1;
  }

  private void reply(byte[] line) {
    output.write(line);
    output.flush();
  }
}
